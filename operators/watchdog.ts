import { defer, expand, ignoreElements, type MonoTypeOperatorFunction, type SchedulerLike, takeUntil, tap, throwError, timer } from 'rxjs';

export interface WatchdogOptions {
  /** Longest silence that is tolerated, in ms, counted from the subscription and from every value. */
  due: number;
  /** Makes the error a silence ends in. */
  error: () => unknown;
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
      const silence$ = timer(due, scheduler).pipe(
        expand(() => {
          const left = last + due - scheduler.now();
          return left > 0 ? timer(left, scheduler) : throwError(error);
        }),
        ignoreElements(),
      );
      return source.pipe(
        tap(() => {
          last = scheduler.now();
        }),
        takeUntil(silence$),
      );
    });
}
