import { asyncScheduler, type MonoTypeOperatorFunction, Observable, type SchedulerLike, type Subscription } from 'rxjs';
import { type Duration, LONGEST_WAIT, milliseconds } from './duration.js';
import { subscribeWithin } from './subscribe-within.js';

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
 * Errors once the source has been silent for `due`. Any value counts as activity.
 *
 * ```
 * source   --a--b-------------
 * due 5    --a--b----#
 * ```
 *
 * A value costs one reading of the clock and no timer: when the one timer fires, it computes how much longer to wait.
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
  return watchdogOn({ due: longest, scheduler, error: error ?? (() => new Error(`The source was silent for ${longest} ms`)) });
}

/** `watchdog` for callers that inject everything: RxJS' own clock weighs 0.6 kB in a page. `due` is in ms. */
export function watchdogOn<T>({
  due,
  error,
  scheduler,
}: { [Name in 'due']: number } & Required<Omit<WatchdogOptions, 'due'>>): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      let last = scheduler.now();
      let timer: Subscription;
      let isDue = false;
      const sleep = (left: number) => {
        timer = scheduler.schedule(look, Math.min(left, LONGEST_WAIT));
      };
      const look = () => {
        const now = scheduler.now();
        // A clock that was set back must not put the last activity in the future.
        last = Math.min(last, now);
        const left = last + due - now;
        if (left <= 0 && isDue) return subscriber.error(error());
        // What came while the process was busy or asleep is read in the next turn, before the verdict.
        isDue = left <= 0;
        sleep(Math.max(left, 0));
      };
      sleep(due);
      subscriber.add(() => timer.unsubscribe());
      subscribeWithin(subscriber, source, {
        next(value) {
          last = scheduler.now();
          subscriber.next(value);
        },
      });
    });
}
