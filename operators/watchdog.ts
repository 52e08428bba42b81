import {
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
import { LONGEST_WAIT } from './longest-wait.js';

/** How long a silence may be. */
export interface WatchdogOptions {
  /** Longest silence that is tolerated, in ms, counted from the subscription and from every value. */
  due: number;
  /** Makes the error a silence ends in. */
  error: () => unknown;
  /** The clock. */
  scheduler: SchedulerLike;
}

/**
 * Errors once the source has been silent for `due` ms. Any value proves life.
 *
 * ```
 * source   --a--b-------------
 * due 5    --a--b----#
 * ```
 *
 * A value costs a look at the clock and no timer: the one running timer is told, when it fires, how much longer to wait.
 */
export function watchdog<T>({ due, error, scheduler }: WatchdogOptions): MonoTypeOperatorFunction<T> {
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
        const left = last + due - now;
        return left > 0 ? sleep(left) : throwError(error);
      }

      return source.pipe(
        tap(() => {
          last = scheduler.now();
        }),
        takeUntil(sleep(due).pipe(expand(look), ignoreElements())),
      );
    });
}
