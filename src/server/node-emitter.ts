import type { EventEmitter } from 'node:events';

/**
 * The members of Node's emitters that `TypedEmitter` leaves out: with them `events.once(primus, 'connection')` and `source.pipe(spark)` compile.
 */
export interface NodeEmitter extends Pick<EventEmitter, 'getMaxListeners' | 'rawListeners'> {
  setMaxListeners(count: number): this;
  // biome-ignore lint/suspicious/noExplicitAny: listeners of every event, as Node.js declares them.
  prependOnceListener(event: string | symbol, listener: (...args: any[]) => void): this;
}
