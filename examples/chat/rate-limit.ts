import { concatMap, delay, finalize, type MonoTypeOperatorFunction, of } from 'rxjs';

export interface RateLimitOptions {
  /** How many messages may pass at once. */
  burst: number;
  /** After a burst, the interval between messages, in ms. */
  every: number;
  /** The spark that the messages come from. It is paused while a message waits, so that no queue builds up here. */
  spark: { pause(): unknown; resume(): unknown };
}

/**
 * Delays messages that arrive too fast. None is dropped, and their order is kept: a fast sender is read more slowly.
 *
 * ```
 * source                 abcd--------e---
 * rateLimit({ burst 2 }) ab--c---d---e---
 * ```
 */
export function rateLimit<T>({ burst, every, spark }: RateLimitOptions): MonoTypeOperatorFunction<T> {
  let free = 0;
  return concatMap((message: T) => {
    const now = Date.now();
    free = Math.max(free, now - burst * every) + every;
    if (free <= now) return of(message);
    spark.pause();
    return of(message).pipe(
      delay(free - now),
      finalize(() => spark.resume()),
    );
  });
}
