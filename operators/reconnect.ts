import {
  catchError,
  defer,
  filter,
  identity,
  type MonoTypeOperatorFunction,
  merge,
  NEVER,
  Observable,
  of,
  retry,
  type SchedulerLike,
  type Subscription,
  switchMap,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs';
import type { Policy } from './backoff.js';
import { LONGEST_WAIT } from './longest-wait.js';

/** One attempt of a series; the series ends when a line has held. */
export interface Attempt {
  /** 1, 2, … within the series. */
  attempt: number;
  /** The wait before this attempt, in ms. */
  scheduled: number;
  /** When the line went down, ms since the epoch. */
  start: number;
  /** How long it has been down, in ms. */
  duration: number;
}

/** How to come back, and whom to tell. */
export interface ReconnectOptions {
  /** How long each wait is, and when to give up; see `backoff`. */
  policy: Policy;
  /** The clock. */
  scheduler: SchedulerLike;
  /** How long a subscription may take until its first value, in ms; the very first one has no attempt. Default Infinity. */
  limit?: (attempt: Attempt | null) => number;
  /** Makes the error of a subscription that took too long. */
  late?: (limit: number) => unknown;
  /** Whether an end is followed by another attempt; `wasOpen` tells whether the line had emitted. Default always. */
  when?: (error: unknown, wasOpen: boolean, attempt: Attempt | null) => boolean;
  /** Attempts are scheduled only while this is true; a new `true` begins a new series. Default true. */
  ready$?: Observable<boolean>;
  /** Cuts a wait short. */
  now$?: Observable<unknown>;
  /**
   * How long a line must live at least, in ms, for the series to end; in any case as long as the wait before it was to be,
   * though it was cut short. Default 0.
   */
  stable?: number;
  /** The wait of an attempt begins. */
  onScheduled?: (attempt: Attempt, cause: unknown) => void;
  /** The wait is over: the next thing is a subscription to the source. */
  onAttempt?: (attempt: Attempt) => void;
  /** A subscription exceeded `limit`. */
  onLate?: (error: unknown, attempt: Attempt | null) => void;
  /** An attempt emitted its first value. */
  onReconnected?: (attempt: Attempt) => void;
  /** The policy gave up; the error follows. */
  onFailed?: (error: unknown, attempt: Attempt | null) => void;
}

/**
 * Subscribes again, after a wait that the policy names, whenever the source errors; completion is final.
 *
 * ```
 * source      ----a--#    ----#    ----b---|
 * result      ----a--~wait~-----~wait~-----b---|
 * attempt            1          2
 * ```
 *
 * A line that ends sooner than the wait before it took does not end the series: a server that accepts and closes
 * meets a growing wait, not a client at its door every `min` ms.
 */
export function reconnect<T>(options: ReconnectOptions): MonoTypeOperatorFunction<T> {
  const { policy, scheduler, when, ready$ = of(true), now$ = NEVER, stable = 0 } = options;
  return (source) =>
    defer(() => {
      let series: Attempt | null = null;
      let openSince: number | null = null;
      let gaveUp = false;

      function opened(): void {
        if (openSince !== null) return;
        openSince = scheduler.now();
        if (series === null) return;
        series.duration = openSince - series.start;
        options.onReconnected?.(series);
      }

      function schedule(cause: unknown): Observable<unknown> {
        const now = scheduler.now();
        const attempt = (series?.attempt ?? 0) + 1;
        const wait = policy(attempt, cause);
        if (wait === false) {
          gaveUp = true;
          return throwError(() => cause);
        }
        const start = series?.start ?? now;
        const next: Attempt = { attempt, scheduled: Math.min(wait, LONGEST_WAIT), start, duration: now - start };
        series = next;
        options.onScheduled?.(next, cause);
        return merge(timer(next.scheduled, scheduler), now$).pipe(
          take(1),
          tap(() => {
            next.duration = scheduler.now() - start;
            options.onAttempt?.(next);
          }),
        );
      }

      function again(cause: unknown): Observable<unknown> {
        const wasOpen = openSince !== null;
        const lived = scheduler.now() - (openSince ?? Infinity);
        openSince = null;
        if (when !== undefined && !when(cause, wasOpen, series)) return throwError(() => cause);
        if (series !== null && lived >= Math.max(series.scheduled, stable)) series = null;
        // The numbers go on, the outage is a new one.
        else if (series !== null && wasOpen) series = { ...series, start: scheduler.now() };
        let before: boolean | undefined;
        return ready$.pipe(
          // Told `true` twice, it must not schedule twice.
          filter((ready) => ready !== before),
          // Deferred: whoever is told that an attempt is scheduled may take the network away.
          switchMap((ready) =>
            defer(() => {
              before = ready;
              if (ready) return schedule(cause);
              series = null;
              return NEVER;
            }),
          ),
        );
      }

      const line$ = defer(() => source.pipe(inTime<T>(options, series)));
      return line$.pipe(
        tap(opened),
        retry({ delay: again }),
        // Told when nothing is listened to any more: a network that comes and goes meanwhile does not revive it.
        catchError((cause) =>
          defer(() => {
            if (gaveUp) options.onFailed?.(cause, series);
            return throwError(() => cause);
          }),
        ),
      );
    });
}

/** The first value has to come within the limit of its attempt. */
function inTime<T>({ limit, late, onLate, scheduler }: ReconnectOptions, attempt: Attempt | null): MonoTypeOperatorFunction<T> {
  const first = limit?.(attempt) ?? Infinity;
  if (first > LONGEST_WAIT) return identity;
  return (source) => {
    let timer: Subscription | undefined;
    const tooLate$ = new Observable<never>((subscriber) => {
      timer = scheduler.schedule(() => {
        const error = late?.(first) ?? new Error(`Nothing came within ${first} ms`);
        onLate?.(error, attempt);
        subscriber.error(error);
      }, first);
      return timer;
    });
    return source.pipe(
      tap(() => timer?.unsubscribe()),
      takeUntil(tooLate$),
    );
  };
}
