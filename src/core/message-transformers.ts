import { type Eventual, isPromise } from './eventual.js';
import { fromNodeCallback } from './from-node-callback.js';
import type { Frame } from './link.js';
import { invalid } from './options.js';

/** A message that passes through message transformers, which may change its `data`. */
export interface Packet {
  /** The message. A transformer may replace it. */
  // biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
  data: any;
  /** The frame as it was received (incoming messages only). */
  raw?: Frame;
}

/** The callback of a message transformer: an error drops the message and is emitted, `false` drops the message silently. */
export type Next = (error?: unknown, verdict?: boolean) => void;

/**
 * A function that changes or drops messages. With one parameter it is synchronous, or returns a promise: `false` drops the message. With
 * two it calls `next`. `this` is the spark, or the client.
 *
 * @example
 * primus.transform('incoming', (packet) => {
 *   if (typeof packet.data !== 'string') return false;
 *   packet.data = packet.data.trim();
 *   return true;
 * });
 */
// biome-ignore lint/suspicious/noExplicitAny: `this` is whichever connection the message is on.
export type MessageTransformer = (this: any, packet: Packet, next: Next) => unknown;

/** The direction of a message: `incoming` is from the connection to the listeners, `outgoing` from `write` to the connection. */
export type Direction = 'incoming' | 'outgoing';

/** The message transformers of a server or a client, in the order in which they run. */
export class MessageTransformers {
  readonly incoming: MessageTransformer[] = [];
  readonly outgoing: MessageTransformer[] = [];

  /**
   * Adds a transformer, unless it was added before.
   *
   * @throws ERR_PRIMUS_OPTION when the direction or the transformer is invalid
   */
  add(direction: unknown, transformer: unknown): void {
    if ((direction !== 'incoming' && direction !== 'outgoing') || typeof transformer !== 'function') {
      throw invalid(
        'message transformer',
        "'incoming' or 'outgoing', and a function",
        typeof transformer === 'function' ? direction : transformer,
      );
    }
    const list = this[direction];
    if (!list.includes(transformer as MessageTransformer)) list.push(transformer as MessageTransformer);
  }
}

/**
 * Runs a packet through the transformers of a list, in order.
 *
 * @returns `false` when one of them dropped the message; a promise when one of them answers later
 * @throws what a transformer throws or passes to its callback before it returns; later such an error rejects the promise
 */
export function runTransformers(list: readonly MessageTransformer[], connection: unknown, packet: Packet, from = 0): Eventual<boolean> {
  // A message goes on in a promise, which `sequence` does without: its weight in a page is spared.
  for (let index = from; index < list.length; index++) {
    const verdict = run(list[index] as MessageTransformer, connection, packet);
    if (isPromise(verdict)) return verdict.then((late) => late !== false && runTransformers(list, connection, packet, index + 1));
    if (verdict === false) return false;
  }
  return true;
}

const ignoreAnswer: Next = () => {};

function run(transformer: MessageTransformer, connection: unknown, packet: Packet): unknown {
  if (transformer.length < 2) return transformer.call(connection, packet, ignoreAnswer);
  return fromNodeCallback<unknown>((done) => transformer.call(connection, packet, done as Next));
}
