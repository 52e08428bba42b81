import { describe, PrimusError } from './errors.js';
import { type Eventual, fromNodeCallback, isPromise } from './from-node-callback.js';
import type { Frame } from './link.js';

/** One message on its way; transformers change `data`. */
export interface Packet {
  /** The message; may be replaced. */
  // biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
  data: any;
  /** The frame as it arrived (incoming messages only). */
  raw?: Frame;
}

/** Answers a transformation: an error drops the message and is emitted, `false` drops it in silence. */
export type Next = (error?: unknown, verdict?: boolean) => void;

/**
 * `(packet)` is synchronous, `false` drops the message; a promise is awaited. `(packet, next)` answers by its callback.
 * `this` is the spark, or the client.
 */
// biome-ignore lint/suspicious/noExplicitAny: `this` is whichever connection the message is on.
export type MessageTransformer = (this: any, packet: Packet, next: Next) => unknown;

/** Which way a message goes: from the line to the listeners, or the other way. */
export type Direction = 'incoming' | 'outgoing';

/** The message transformers of one end, in the order they run. */
export class MessageTransformers {
  readonly incoming: MessageTransformer[] = [];
  readonly outgoing: MessageTransformer[] = [];

  /** Adds a transformer once. */
  add(direction: unknown, transformer: unknown): void {
    if ((direction !== 'incoming' && direction !== 'outgoing') || typeof transformer !== 'function') {
      const given = `${describe(direction)}, ${describe(transformer)}`;
      throw new PrimusError('ERR_PRIMUS_OPTION', `A message transformer is 'incoming' or 'outgoing' and a function, not ${given}`);
    }
    const list = this[direction];
    if (!list.includes(transformer as MessageTransformer)) list.push(transformer as MessageTransformer);
  }
}

/**
 * Runs a packet through a list of transformers: `false` when one of them dropped it. At once as long as they answer at
 * once, else later. Throws, or rejects, with what a transformer threw or passed to its callback.
 */
export function runTransformers(list: readonly MessageTransformer[], connection: unknown, packet: Packet, from = 0): Eventual<boolean> {
  for (let index = from; index < list.length; index++) {
    const verdict = run(list[index] as MessageTransformer, connection, packet);
    if (isPromise(verdict)) return verdict.then((late) => late !== false && runTransformers(list, connection, packet, index + 1));
    if (verdict === false) return false;
  }
  return true;
}

const nobodyAsks: Next = () => {};

function run(transformer: MessageTransformer, connection: unknown, packet: Packet): unknown {
  if (transformer.length < 2) return transformer.call(connection, packet, nobodyAsks);
  return fromNodeCallback<unknown>((done) => transformer.call(connection, packet, done as Next));
}
