import type { EventEmitter } from 'node:events';

/**
 * The members of Node's emitters that `TypedEmitter` leaves out: with them `events.once(primus, 'connection')` and `source.pipe(spark)` compile.
 */
export interface NodeEmitter extends Pick<EventEmitter, 'getMaxListeners' | 'rawListeners'> {
  /**
   * Sets the number of listeners of one event above which Node.js warns; 0 is no limit.
   *
   * @example
   * spark.setMaxListeners(100);
   */
  setMaxListeners(count: number): this;
  /**
   * Adds a listener that is called once, before the others.
   *
   * @example
   * spark.prependOnceListener('end', () => console.log('the first to know'));
   */
  // biome-ignore lint/suspicious/noExplicitAny: listeners of every event, as Node.js declares them.
  prependOnceListener(event: string | symbol, listener: (...args: any[]) => void): this;
}
