import {
  asyncScheduler,
  catchError,
  defer,
  EMPTY,
  expand,
  filter,
  map,
  mergeAll,
  NEVER,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
  type Subscription,
  switchMap,
  takeUntil,
  takeWhile,
} from 'rxjs';
import { backoff, type Policy } from './backoff.js';
import { type Duration, LONGEST_WAIT, milliseconds } from './duration.js';

/** One attempt of a series. A series ends with a connection that lasts. */
export interface Attempt {
  /** 1, 2, … within the series. */
  readonly attempt: number;
  /** The wait before this attempt, in ms. */
  readonly scheduled: number;
  /** When the connection was lost, ms since the epoch. */
  readonly start: number;
  /** How long there has been no connection, in ms. */
  readonly duration: number;
}

/** What `reconnect` emits. `attempt` is null for the first subscription; no record changes after it was emitted. */
export type ReconnectEvent<T> =
  /** A subscription to the source begins. */
  | { readonly type: 'connecting'; readonly attempt: Attempt | null }
  /** The first value of a subscription. */
  | { readonly type: 'open'; readonly value: T; readonly attempt: Attempt | null }
  /** Any later value. */
  | { readonly type: 'value'; readonly value: T }
  /** No value came within `limit`; `lost` follows. */
  | { readonly type: 'timed out'; readonly error: unknown; readonly attempt: Attempt | null }
  /** The source errored. What `follows` is the attempt `next`, a wait until `ready$` is true, `failed`, or nothing, as `when` said. */
  | {
      readonly type: 'lost';
      readonly error: unknown;
      readonly wasOpen: boolean;
      readonly attempt: Attempt | null;
      readonly next: Attempt | null;
      readonly follows: 'scheduled' | 'ready' | 'failed' | 'nothing';
    }
  /** The wait before an attempt begins. */
  | { readonly type: 'scheduled'; readonly attempt: Attempt; readonly error: unknown }
  /** The policy gave up, or threw `policyError`; nothing follows. */
  | { readonly type: 'failed'; readonly error: unknown; readonly attempt: Attempt | null; readonly policyError?: unknown };

/** The options of `reconnect`. */
export interface ReconnectOptions {
  /** How long each wait is, and when to give up. @defaultValue `backoff({ random })` */
  policy?: Policy;
  /** The clock. @defaultValue asyncScheduler */
  scheduler?: SchedulerLike;
  /** A uniform source in [0, 1), for the default policy. @defaultValue Math.random */
  random?: () => number;
  /** How long a subscription may take until its first value. @defaultValue Infinity */
  limit?: Duration | ((attempt: Attempt | null) => number);
  /** Makes the error of a subscription that took too long. */
  late?: (limit: number) => unknown;
  /** Whether an error is followed by another attempt; `wasOpen`: the subscription had emitted. @defaultValue always */
  when?: (error: unknown, wasOpen: boolean, attempt: Attempt | null) => boolean;
  /** Attempts are scheduled only while this is true, which has to emit at once; a new `true` begins a new series. @defaultValue true */
  ready$?: Observable<boolean>;
  /** Ends a wait early. @defaultValue never */
  now$?: Observable<unknown>;
  /**
   * How long a connection must last at least for the series to end. In any case it must last as long as the wait before it was to be,
   * even when that was ended early. @defaultValue 0
   */
  stable?: Duration;
}

/**
 * Subscribes again, after a wait that the policy names, whenever the source errors, and emits what happens as values. Completion is final.
 *
 * ```
 * source      ----a--#    ----#    ----b---|
 * result      c---o--ls~wait~c----ls~wait~c----o---|      connecting, open, lost, scheduled
 * attempt                   1             2
 * ```
 *
 * A connection that is lost sooner than the wait before it took does not end the series: a server that accepts and closes
 * meets a growing wait, not a client that returns every `min` ms.
 *
 * @throws TypeError when `limit` or `stable` is no duration
 *
 * @example
 * ```ts
 * import { defer } from 'rxjs';
 * import { webSocket } from 'rxjs/webSocket';
 * import { backoff, reconnect, values } from 'primus-rx/operators';
 *
 * defer(() => webSocket<string>('ws://localhost:8080'))
 *   .pipe(reconnect({ policy: backoff({ max: '30 s' }) }), values())
 *   .subscribe((message) => console.log(message));
 * ```
 */
export function reconnect<T>(options: ReconnectOptions = {}): OperatorFunction<T, ReconnectEvent<T>> {
  return reconnectOn({ scheduler: asyncScheduler, policy: backoff(options.random ? { random: options.random } : {}), ...options });
}

/**
 * Passes the values of the source of `reconnect`, and errors with the last error when no further attempt is made.
 *
 * ```
 * source    c---o--ls~~c----ov--l
 * values    ----a-----------bc--#
 * ```
 */
export function values<T>(): OperatorFunction<ReconnectEvent<T>, T> {
  return (source) =>
    source.pipe(
      map((event): T[] => {
        if (event.type === 'failed') throw event.policyError ?? event.error;
        if (event.type === 'lost' && event.follows === 'nothing') throw event.error;
        return 'value' in event ? [event.value] : [];
      }),
      mergeAll(),
    );
}

/** `reconnect` for callers that inject policy and clock: RxJS' own clock weighs 0.6 kB in a page. */
export function reconnectOn<T>(
  options: ReconnectOptions & Required<Pick<ReconnectOptions, 'policy' | 'scheduler'>>,
): OperatorFunction<T, ReconnectEvent<T>> {
  const { policy, scheduler, when, ready$ = defer(() => [true]), now$ = NEVER, limit = Infinity, late = tooLate } = options;
  const stable = milliseconds(options.stable ?? 0);
  return (source) =>
    defer(() => {
      /** The attempt under way, of the present series. */
      let attempt: Attempt | null = null;
      let openSince: number | undefined;

      /** Subscribes to the source once; what it errors with leads to the next `connecting`, or to an end. */
      function connect(): Observable<ReconnectEvent<T>> {
        openSince = undefined;
        const longest = typeof limit === 'function' ? limit(attempt) : milliseconds(limit);
        const before: ReconnectEvent<T>[] = [];
        let timer: Subscription | undefined;
        const late$ = new Observable<never>((subscriber) => {
          timer = scheduler.schedule(() => {
            const error = late(longest);
            before.push({ type: 'timed out', error, attempt });
            subscriber.error(error);
          }, longest);
          return timer;
        });
        return source.pipe(
          takeUntil(longest > LONGEST_WAIT ? NEVER : late$),
          map((value) => {
            timer?.unsubscribe();
            return received(value);
          }),
          catchError((error) => recover(error, before)),
        );
      }

      function received(value: T): ReconnectEvent<T> {
        if (openSince !== undefined) return { type: 'value', value };
        openSince = scheduler.now();
        if (attempt) attempt = { ...attempt, duration: openSince - attempt.start };
        return { type: 'open', value, attempt };
      }

      function recover(error: unknown, before: ReconnectEvent<T>[]): ObservableInput<ReconnectEvent<T>> {
        const wasOpen = openSince !== undefined;
        const lost = { type: 'lost', error, wasOpen, attempt } as const;
        if (when?.(error, wasOpen, attempt) === false) return [...before, { ...lost, next: null, follows: 'nothing' }];
        const now = scheduler.now();
        const lasted = now - (openSince ?? Infinity);
        if (attempt && lasted >= Math.max(attempt.scheduled, stable)) attempt = null;
        // The numbers go on, the outage is a new one.
        else if (attempt && wasOpen) attempt = { ...attempt, start: now };

        let ready: boolean | undefined;
        let gaveUp = false;
        // Once an attempt begins, or none will, the network may come and go: a subscriber that hears of it may even cause that.
        let over = false;
        return ready$.pipe(
          // Emitted twice, `true` must not schedule twice.
          filter((state) => state !== ready && !over),
          switchMap((state) => {
            const first = ready === undefined;
            ready = state;
            if (!ready) attempt = null;
            const [next, ...events]: [Attempt | null, ...ReconnectEvent<T>[]] = state ? schedule(error) : [null];
            over = gaveUp = state && !next;
            if (first) events.unshift(...before, { ...lost, next, follows: next ? 'scheduled' : gaveUp ? 'failed' : 'ready' });
            return inTurn(events, next ? pause(next, () => (over = true)) : gaveUp ? [] : NEVER);
          }),
          takeWhile(({ type }) => type !== 'connecting' && type !== 'failed', true),
        );
      }

      /** The next attempt and its event; or, when there is none, the event that says so. */
      function schedule(error: unknown): [next: Attempt | null, event: ReconnectEvent<T>] {
        const now = scheduler.now();
        const number = (attempt?.attempt ?? 0) + 1;
        const start = attempt?.start ?? now;
        try {
          const wait = policy(number, error);
          if (wait === false) return [null, { type: 'failed', error, attempt }];
          if (!(wait >= 0)) throw new TypeError(`A reconnect policy must return milliseconds or false, got ${String(wait)}`);
          attempt = { attempt: number, scheduled: Math.min(wait, LONGEST_WAIT), start, duration: now - start };
          return [attempt, { type: 'scheduled', attempt, error }];
        } catch (policyError) {
          return [null, { type: 'failed', error, attempt, policyError }];
        }
      }

      /** Waits, and begins the attempt. */
      function pause(next: Attempt, begins: () => void): Observable<ReconnectEvent<T>> {
        const wait$ = new Observable<ReconnectEvent<T>>((subscriber) => scheduler.schedule(() => subscriber.complete(), next.scheduled));
        const begin$ = defer(() => {
          begins();
          attempt = { ...next, duration: scheduler.now() - next.start };
          return [{ type: 'connecting', attempt } as ReconnectEvent<T>];
        });
        return inTurn(wait$.pipe(takeUntil(now$)), begin$);
      }

      // Every `connecting` leads to the next one: a loop whose turns are subscriptions beside each other, not within each other.
      return defer(() => [{ type: 'connecting', attempt } as ReconnectEvent<T>]).pipe(
        expand((event): ObservableInput<ReconnectEvent<T>> => (event.type === 'connecting' ? connect() : EMPTY)),
      );
    });
}

/** `concat` of what is there already, without the schedulers that RxJS' has. */
function inTurn<T>(...sources: ObservableInput<T>[]): Observable<T> {
  return defer(() => sources).pipe(mergeAll(1));
}

function tooLate(limit: number): Error {
  return new Error(`No value came within ${limit} ms`);
}
