import type { MonoTypeOperatorFunction } from 'rxjs';
import { type LatestByOptions, latestBy } from './latest-by.js';

/** The options of `conflate`. */
export type ConflateOptions<T> = Omit<LatestByOptions<T>, 'key'>;

/**
 * Makes one value of those that come while the gate is closed, by default the latest one, and releases it when the gate opens.
 *
 * ```
 * gate      t---f-------t----
 * source    -1----2-3-4---5--
 * result    -1----------4-5--
 * combine   -1----------9-5--      combine: (before, value) => before + value
 * ```
 *
 * A consumer that is slow gets fewer values, which are up to date. An error does not wait.
 *
 * @example
 * ```ts
 * import { interval, map } from 'rxjs';
 * import { conflate } from 'primus-rx/operators';
 *
 * const ready$ = interval(1000).pipe(map((count) => count % 2 === 0));
 * const clicks$ = interval(10).pipe(map(() => 1));
 * clicks$.pipe(conflate({ gate: ready$, combine: (sum, click) => sum + click })).subscribe(console.log);
 * ```
 */
export function conflate<T>(options: ConflateOptions<T>): MonoTypeOperatorFunction<T> {
  return latestBy({ ...options, key: () => undefined });
}
