import {
  asyncScheduler,
  defer,
  expand,
  ignoreElements,
  type MonoTypeOperatorFunction,
  type Observable,
  type SchedulerLike,
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { type Duration, LONGEST_WAIT, milliseconds } from './duration.js';

/** The options of `watchdog`. */
export interface WatchdogOptions {
  /** Longest silence, counted from the subscription and from every value. */
  due: Duration;
  /** Makes the error that a silence ends in. @defaultValue an `Error` that names the time */
  error?: () => unknown;
  /** The clock. @defaultValue asyncScheduler */
  scheduler?: SchedulerLike;
}

/**
 * Errors once the source has been silent for `due`. Any value proves life.
 *
 * ```
 * source   --a--b-------------
 * due 5    --a--b----#
 * ```
 *
 * A value costs a look at the clock and no timer: the one running timer finds out, when it fires, how much longer to wait.
 *
 * @throws TypeError when `due` is no duration
 *
 * @example
 * ```ts
 * import { interval } from 'rxjs';
 * import { watchdog } from 'primus-rx/operators';
 *
 * interval(1000).pipe(watchdog({ due: '5 s' })).subscribe();
 * ```
 */
export function watchdog<T>({ due, error, scheduler = asyncScheduler }: WatchdogOptions): MonoTypeOperatorFunction<T> {
  const longest = milliseconds(due);
  const silence = error ?? (() => new Error(`The source was silent for ${longest} ms`));
  return (source) =>
    defer(() => {
      let last = scheduler.now();

      function sleep(left: number): Observable<0> {
        return timer(Math.min(left, LONGEST_WAIT), scheduler);
      }

      function look(): Observable<0> {
        const now = scheduler.now();
        // A clock that was set back must not put the last sign of life in the future.
        last = Math.min(last, now);
        const left = last + longest - now;
        return left > 0 ? sleep(left) : throwError(silence);
      }

      return source.pipe(
        tap(() => {
          last = scheduler.now();
        }),
        takeUntil(sleep(longest).pipe(expand(look), ignoreElements())),
      );
    });
}
