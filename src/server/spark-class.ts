import type { Builtins } from './builtins.js';
import { Spark, type SparkServer } from './spark.js';

/** What a hand-made spark is made of; all optional. */
export type SparkArguments = ConstructorParameters<typeof Spark> extends [unknown, ...infer Rest] ? Rest : never;

/** A class of sparks of one server's own. */
export type SparkClass = new (...args: SparkArguments) => Spark;

/** A server that takes sparks made by hand. */
export interface AdoptingServer extends SparkServer {
  adopt(spark: Spark): void;
}

/** The built-in parts of a server, with the function that extends its class of sparks. */
export type ServerBuiltins = Builtins<(Class: SparkClass, server: AdoptingServer) => SparkClass>;

/** Creates the class of a server's sparks, with the members that the built-in parts add. */
export function sparkClass(server: AdoptingServer, builtins: ServerBuiltins): SparkClass {
  const Class = class extends Spark {
    constructor(...args: SparkArguments) {
      super(server, ...args);
    }
  };
  return builtins.spark?.(Class, server) ?? Class;
}
