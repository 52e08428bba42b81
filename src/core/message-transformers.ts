import { describe, PrimusError } from './errors.js';
import { type Eventual, Pending, toEventual } from './eventual.js';
import type { Frame } from './link.js';
import { sequence } from './sequence.js';

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
 * Runs a packet through the transformers of a list, in order.
 *
 * @returns `false` when one of them dropped the message; a promise when one of them answers later
 * @throws what a transformer throws or passes to its callback before it returns; later such an error rejects the promise
 */
export function runTransformers(list: readonly MessageTransformer[], connection: unknown, packet: Packet): Eventual<boolean> {
  return toEventual(sequence(list, (transformer) => run(transformer, connection, packet)));
}

const ignoreAnswer: Next = () => {};

function run(transformer: MessageTransformer, connection: unknown, packet: Packet): unknown {
  if (transformer.length < 2) return transformer.call(connection, packet, ignoreAnswer);
  return Pending.of<unknown>((done) => transformer.call(connection, packet, done as Next));
}
