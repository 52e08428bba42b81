import type { Duplex } from 'node:stream';
import { clientFlow, emitDrain } from '../client/client-end.js';
import type { Primus } from '../client/primus.js';
import type { LegacyMembers, LegacyStatics } from './compat/client.js';
import { schedulerOf } from './core/ends.js';
import { CLOSED, OPEN } from './core/ready-state.js';
import type { RETYPED, Retypable } from './core/retyped.js';
import type { NodeEmitter } from './server/node-emitter.js';
import { type DuplexSource, duplex } from './server/node-streams/duplex.js';
import { type PipeSource, type PipeTarget, pipe } from './server/node-streams/pipe.js';

/** The members for streams that clients have in Node.js, as sparks have. In a page use `flow` of `primus-rx/flow`. */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface NodeStreamMembers<In = any> extends NodeEmitter {
  /**
   * The number of bytes that were written and have not left this process; those of messages that are queued are estimated.
   *
   * @example
   * ```ts
   * if (client.bufferedAmount > 1_000_000) console.log('The server is slow');
   * ```
   */
  readonly bufferedAmount: number;
  /**
   * Stops reading: back-pressure slows the server down. SockJS and BrowserChannel cannot stop.
   *
   * @example
   * ```ts
   * client.pause();
   * setTimeout(() => client.resume(), 1_000);
   * ```
   */
  pause(): this;
  /** Goes on reading. */
  resume(): this;
  /**
   * Writes the messages of the server to a stream, and pauses the connection while the stream is full. The stream ends with the client, unless
   * `end` is `false`.
   *
   * @example
   * ```ts
   * import { createWriteStream } from 'node:fs';
   *
   * client.pipe(createWriteStream('messages.log'));
   * ```
   */
  pipe<T extends PipeTarget>(target: T, options?: { end?: boolean }): T;
  /**
   * Returns the client as a `Duplex` stream of objects, with back-pressure in both directions, over all reconnections. The stream ends with the
   * client, and ending it ends the client.
   *
   * @example
   * ```ts
   * import { Readable } from 'node:stream';
   * import { pipeline } from 'node:stream/promises';
   *
   * await pipeline(Readable.from([{ row: 1 }, { row: 2 }]), client.duplex());
   * ```
   */
  duplex(): Duplex;
  /**
   * Iterates over the messages of the server, over all reconnections, until the client ends. A slow loop causes back-pressure. Leaving the loop does
   * not close the connection.
   *
   * @example
   * ```ts
   * for await (const message of client) console.log(message);
   * ```
   */
  [Symbol.asyncIterator](): AsyncGenerator<In, void, undefined>;
  /** Lets types name the class with other messages. @internal */
  readonly [RETYPED]?: NodeClientOf;
}

/** A client in Node.js with other messages. */
interface NodeClientOf extends Retypable {
  readonly Type: NodeClient<this['In'], this['Out']>;
}

/** A client in Node.js. */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export type NodeClient<In = any, Out = any> = Primus<In, Out> & NodeStreamMembers<In>;

/** The class of clients in Node.js. */
export interface NodeClientClass extends Omit<typeof Primus, 'prototype'> {
  // biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
  new <In = any, Out = any>(...args: ConstructorParameters<typeof Primus>): NodeClient<In, Out>;
  readonly prototype: NodeClient;
}

/** The class of clients of one server, which knows their messages. */
export interface NodeClientClassOf<In, Out> extends Omit<typeof Primus, 'prototype'> {
  new (...args: ConstructorParameters<typeof Primus>): NodeClient<In, Out>;
  readonly prototype: NodeClient<In, Out>;
}

/** The class of clients in Node.js with the members of Primus 8. It may also be called without `new`. */
export type LegacyNodeClientClass = NodeClientClass &
  LegacyStatics &
  ((...args: ConstructorParameters<typeof Primus>) => NodeClient & LegacyMembers);

/**
 * Adds the members for streams to a class of clients. With listeners of `drain`, `write` returns `false` when its caller should wait for `drain`,
 * as that of a spark does.
 */
export function withStreams(Class: typeof Primus): typeof Primus {
  const Streaming = class extends Class {
    #awaitsDrain = false;

    get bufferedAmount(): number {
      return clientFlow(this).bufferedAmount;
    }

    override write(data: unknown): boolean {
      if (!super.write(data)) return false;
      // Node's `pipe` listens for `drain` when it has to wait, and for `unpipe` always.
      if (this.listenerCount('drain') === 0 && this.listenerCount('unpipe') === 0) return true;
      const flow = clientFlow(this);
      if (!flow.isFull) return true;
      if (!this.#awaitsDrain) {
        this.#awaitsDrain = true;
        flow.whenDrained(() => {
          this.#awaitsDrain = false;
          emitDrain(this);
        });
      }
      return false;
    }

    pause(): this {
      clientFlow(this).pause();
      return this;
    }

    resume(): this {
      clientFlow(this).resume();
      return this;
    }

    pipe<T extends PipeTarget>(target: T, options?: { end?: boolean }): T {
      return pipe(this as PipeSource, target, options, (error) => this.onListenerError(error));
    }

    duplex(): Duplex {
      return duplex(duplexSource(this));
    }

    [Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
      return clientFlow(this)[Symbol.asyncIterator]();
    }

    rawListeners(event: string): unknown[] {
      return this.listeners(event as never);
    }
  };
  return Streaming;
}

/** A client in the place of a spark: it is closed only when it has ended. */
function duplexSource(client: Primus): DuplexSource<unknown> {
  const { report } = (client.constructor as typeof Primus).parts.platform;
  const flow = clientFlow(client);
  return {
    get readyState() {
      return client.state.name === 'closed' ? CLOSED : OPEN;
    },
    connection: {
      get crowded() {
        return flow.isFull;
      },
    },
    primus: { host: { scheduler: schedulerOf(client), warn: report } },
    on: (event, listener) => client.on(event, listener),
    removeListener: (event, listener) => client.removeListener(event, listener),
    pause: () => flow.pause(),
    resume: () => flow.resume(),
    write: (data) => client.write(data),
    end: () => client.end(),
  };
}
