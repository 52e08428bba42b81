import { concatMap, delay, finalize, type MonoTypeOperatorFunction, of } from 'rxjs';

export interface PaceOptions {
  /** How many may pass at once. */
  burst: number;
  /** After those, one every so many ms. */
  every: number;
  /** The line it comes from: read no further while a message waits its turn, so that nothing piles up here. */
  line: { pause(): unknown; resume(): unknown };
}

/**
 * Slows down what comes too fast. Nothing is lost, and order is kept: who talks faster is listened to more slowly.
 *
 * ```
 * source            abcd--------e---
 * pace({ burst 2 }) ab--c---d---e---
 * ```
 */
export function pace<T>({ burst, every, line }: PaceOptions): MonoTypeOperatorFunction<T> {
  let free = 0;
  return concatMap((message: T) => {
    const now = Date.now();
    free = Math.max(free, now - burst * every) + every;
    if (free <= now) return of(message);
    line.pause();
    return of(message).pipe(
      delay(free - now),
      finalize(() => line.resume()),
    );
  });
}
