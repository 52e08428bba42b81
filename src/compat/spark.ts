import type { IncomingMessage } from 'node:http';
import { parse } from 'node:querystring';
import { callable } from '../core/callable.js';
import { asError } from '../core/errors.js';
import { ownFrame } from '../core/ledger.js';
import type { Frame } from '../core/link.js';
import { CLOSED } from '../core/ready-state.js';
import type { ForwardedRequest } from '../server/middleware/forwarded.js';
import { emit } from '../server/rejections.js';
import { type Address, Spark } from '../server/spark.js';
import type { AdoptingServer, SparkArguments, SparkClass } from '../server/spark-class.js';
import { definitions } from './defining.js';
import { EventLink, isPrivate } from './event-link.js';
import { transforms } from './transforms.js';

type Hook = (this: Spark) => void;

/** The prototype of sparks, with the list of hooks that their constructor runs. */
interface Hooked {
  readonly __initialise: Hook[];
}

/** Adds what old plugins expect to the class that the sparks of all servers derive from: hooks, injected events, and static members. */
export function legacySparks<C extends typeof Spark>(Class: C): C {
  const statics = definitions(Class.prototype);
  statics.writable('emit', function (this: Spark, event: string, ...args: unknown[]): boolean {
    return inject(this, event, args) || emit.call(this, event, ...args);
  });
  // The first hook stands for the set-up of Primus 8 itself, which some plugins call a second time.
  statics.writable('__initialise', [function initialise() {}]);
  statics.readable('transforms', transforms)(
    'initialise',
    {
      get(this: Hooked) {
        return this.__initialise.at(-1);
      },
      set(this: Hooked, hook: unknown) {
        if (typeof hook === 'function') this.__initialise.push(hook as Hook);
      },
    },
    true,
  );
  // Programs log sparks, whose properties refer to each other.
  statics.writable('toJSON', function (this: Spark) {
    return { id: this.id, readyState: this.readyState };
  });
  statics.set(
    'alive',
    function (this: Spark) {
      return this.connection.alive;
    },
    function (this: Spark, alive: boolean) {
      this.connection.alive = alive;
    },
  );
  return Object.assign(Class, statics);
}

/** Creates a server's class of sparks, with the hooks that the class of all sparks has now, and `new primus.Spark(…)`. */
export function legacySpark(server: AdoptingServer): SparkClass {
  const hooks = [...(Spark.prototype as unknown as Hooked).__initialise];

  class LegacySpark extends Spark {
    constructor(...[headers, address, query, id, request, socket, link]: SparkArguments) {
      if (link === undefined) {
        // A spark emits its own end. Here a link is reported that is closed before the spark has ended.
        const events = new EventLink(() => this.readyState !== CLOSED && emit.call(this, 'outgoing::end'));
        super(server, headers, addressFrom(address, request), queryFrom(query), id, request, socket, events);
      } else super(server, headers, address, query, id, request, socket, link);
      for (const hook of (this as unknown as Hooked).__initialise) hook.call(this);
      if (link === undefined) server.adopt(this);
    }
  }

  const statics = definitions(LegacySpark.prototype);
  statics.writable('__initialise', hooks);
  return Object.assign(callable(LegacySpark), statics);
}

/** Returns the query of a spark that the application creates: Primus 8 takes a string as well. */
function queryFrom(query: unknown): Spark['query'] {
  return (typeof query === 'string' ? parse(query) : (query ?? undefined)) as Spark['query'];
}

/** A socket, or an object that has one, as Primus 8 takes for the address of a client. */
interface Remote {
  readonly ip?: string;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly encrypted?: boolean;
  readonly connection?: Remote;
  readonly socket?: Remote;
}

/** Returns the address of a spark that the application creates: that of a forwarded request, the given one, or that of a socket. */
function addressFrom(given: unknown, request: IncomingMessage | undefined): Address {
  const { forwarded } = (request ?? {}) as ForwardedRequest;
  if (forwarded !== undefined) return forwarded;
  const remote = given as Remote | null | undefined;
  if (remote?.ip !== undefined) return remote as Address;
  const sockets = [remote, remote?.connection, remote?.socket, request?.socket as Remote | undefined];
  const socket = sockets.find((candidate) => candidate?.remoteAddress !== undefined);
  return { ip: socket?.remoteAddress ?? '127.0.0.1', port: socket?.remotePort ?? 0, secure: socket?.encrypted === true };
}

/** Handles a private event that was injected into a spark. Returns true when the event must not be emitted any more. */
function inject(spark: Spark, event: string, [value]: unknown[]): boolean {
  if (!isPrivate(event)) return false;
  const { connection } = spark;
  switch (event) {
    case 'incoming::data':
      connection.inject(value as Frame);
      return true;
    case 'incoming::end':
      if (connection.state === CLOSED) return false;
      connection.complete();
      if (connection.link instanceof EventLink) connection.link.ended();
      else connection.link?.destroy();
      return true;
    case 'incoming::error':
      connection.fail(asError(value));
      return false;
    case 'outgoing::data':
      if (connection.session?.sent(ownFrame(value as Frame)) !== false) connection.link?.send(value as Frame);
      return false;
    case 'outgoing::end':
      if (!(connection.link instanceof EventLink)) connection.link?.close();
      return false;
    default:
      return false;
  }
}
