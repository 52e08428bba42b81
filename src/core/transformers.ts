import { mergeMap, type Observable, of } from 'rxjs';
import { describe, PrimusError } from './errors.js';
import type { Frame } from './link.js';
import { isPromise, Later, settle, settlePromise } from './settle.js';

/** One message on its way; transformers change `data`. */
export interface Packet {
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

export type Direction = 'incoming' | 'outgoing';

/** The message transformers of one end, in the order they run. */
export class MessageTransformers {
  readonly incoming: MessageTransformer[] = [];
  readonly outgoing: MessageTransformer[] = [];

  /** Adds a transformer once. */
  add(direction: unknown, transformer: unknown): void {
    if (direction !== 'incoming' && direction !== 'outgoing') {
      throw new PrimusError('ERR_PRIMUS_OPTION', `A message transformer is 'incoming' or 'outgoing', not ${describe(direction)}`);
    }
    if (typeof transformer !== 'function') {
      throw new PrimusError('ERR_PRIMUS_OPTION', `A message transformer must be a function, not ${describe(transformer)}`);
    }
    if (!this[direction].includes(transformer as MessageTransformer)) this[direction].push(transformer as MessageTransformer);
  }
}

/**
 * Runs a packet through a list of transformers: `false` when one of them dropped it. At once as long as they answer at
 * once, else later. Throws, or errors, with what a transformer threw or passed to its callback.
 */
export function transform(
  list: readonly MessageTransformer[],
  connection: unknown,
  packet: Packet,
  from = 0,
): boolean | Observable<boolean> {
  for (let index = from; index < list.length; index++) {
    const verdict = run(list[index] as MessageTransformer, connection, packet);
    if (verdict instanceof Later) {
      return verdict.pipe(mergeMap((late) => (late === false ? of(false) : eventually(transform(list, connection, packet, index + 1)))));
    }
    if (verdict === false) return false;
  }
  return true;
}

const neverCalled: Next = () => {};

function run(transformer: MessageTransformer, connection: unknown, packet: Packet): unknown {
  if (transformer.length >= 2) return settle<unknown>((done) => transformer.call(connection, packet, done as Next));
  const verdict = transformer.call(connection, packet, neverCalled);
  return isPromise(verdict) ? settlePromise(verdict) : verdict;
}

function eventually(verdict: boolean | Observable<boolean>): Observable<boolean> {
  return typeof verdict === 'boolean' ? of(verdict) : verdict;
}
