import type { Builtins } from './builtins.js';
import { Spark, type SparkServer } from './spark.js';

/** The arguments of `new primus.Spark(…)`, which are all optional. */
export type SparkArguments = ConstructorParameters<typeof Spark> extends [unknown, ...infer Rest] ? Rest : never;

/** The class of the sparks of one server. */
export type SparkClass = new (...args: SparkArguments) => Spark;

/** A server that adds the sparks that the application created itself. */
export interface AdoptingServer extends SparkServer {
  adopt(spark: Spark): void;
}

/** The built-in parts of a server, with the function that creates its class of sparks. */
export type ServerBuiltins = Builtins<(server: AdoptingServer) => SparkClass>;

/** Creates the class of a server's sparks: that of the built-in parts, if they have one. */
export function sparkClass(server: AdoptingServer, builtins: ServerBuiltins): SparkClass {
  return (
    builtins.spark?.(server) ??
    class extends Spark {
      constructor(...args: SparkArguments) {
        super(server, ...args);
      }
    }
  );
}
