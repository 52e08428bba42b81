import {
  asyncScheduler,
  catchError,
  defer,
  filter,
  finalize,
  map,
  mergeAll,
  NEVER,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
  type Subscriber,
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

/** The events that `reconnect` emits. `attempt` is null for the first subscription; no record changes after it was emitted. */
export type ReconnectEvent<T, A = Attempt> =
  /** A subscription to the source begins. */
  | { readonly type: 'connecting'; readonly attempt: A | null }
  /** The first value of a subscription. */
  | { readonly type: 'open'; readonly value: T; readonly attempt: A | null }
  /** Any later value. */
  | { readonly type: 'value'; readonly value: T }
  /** No value came within `limit`; `lost` follows. */
  | { readonly type: 'timed out'; readonly error: unknown; readonly attempt: A | null }
  /** The source errored. What `follows` is the attempt `next`, a wait until `ready$` is true, `failed`, or nothing, as `when` said. */
  | {
      readonly type: 'lost';
      readonly error: unknown;
      readonly wasOpen: boolean;
      readonly attempt: A | null;
      readonly next: A | null;
      readonly follows: 'scheduled' | 'ready' | 'failed' | 'nothing';
    }
  | Scheduled<A>
  | Failed<A>;

/** The wait before an attempt begins. */
interface Scheduled<A> {
  readonly type: 'scheduled';
  readonly attempt: A;
  readonly error: unknown;
}

/** The policy gave up, or threw `policyError`; nothing follows. */
interface Failed<A> {
  readonly type: 'failed';
  readonly error: unknown;
  readonly attempt: A | null;
  readonly policyError?: unknown;
}

/** The options of `reconnect`. */
export interface ReconnectOptions {
  /** The delay of each attempt, and when to give up. @defaultValue `backoff({ random })` */
  policy?: Policy;
  /** The clock. @defaultValue asyncScheduler */
  scheduler?: SchedulerLike;
  /** A uniform source in [0, 1), for the default policy. @defaultValue Math.random */
  random?: () => number;
  /** How long a subscription may take until its first value. @defaultValue Infinity */
  limit?: Duration | ((attempt: Attempt | null) => number);
  /** Makes the error of a subscription that took too long. @defaultValue an `Error` that names the time */
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
 * Subscribes again after a delay whenever the source errors, and emits its progress as values. Completion is final.
 *
 * ```
 * source      ----a--#    ----#    ----b---|
 * result      c---o--ls~wait~c----ls~wait~c----o---|      connecting, open, lost, scheduled
 * attempt                   1             2
 * ```
 *
 * A connection that is lost sooner than the wait before it took does not end the series: a server that accepts and closes
 * sees growing delays, not a client that reconnects every `min` ms.
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
  const { random = Math.random, policy = backoff({ random }), limit = Infinity, stable = 0 } = options;
  const { scheduler = asyncScheduler, late = tooLate, when = constant(true), ready$ = defer(() => [true]), now$ = NEVER } = options;
  const injected = { scheduler, late, when, ready$, now$, policy: checked(policy), stable: milliseconds(stable) };
  return reconnectOn({ ...injected, limit: typeof limit === 'function' ? limit : constant(milliseconds(limit)) });
}

function tooLate(limit: number): Error {
  return new Error(`No value came within ${limit} ms`);
}

function constant<T>(value: T): () => T {
  return () => value;
}

function checked(policy: Policy): Policy {
  return (attempt, error) => {
    const wait = policy(attempt, error);
    if (wait === false || wait >= 0) return wait;
    throw new TypeError(`A reconnect policy must return milliseconds or false, got ${String(wait)}`);
  };
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

/** The options of `reconnectOn`: as those of `reconnect`, without defaults. */
interface InjectedOptions<D extends object> extends Required<Omit<ReconnectOptions, 'random'>> {
  /** In ms. */
  limit: (attempt: Attempt | null) => number;
  /** In ms. */
  stable: number;
  /** Becomes part of the record of each attempt. */
  details?: D;
}

/** `reconnect` for callers that inject everything: RxJS' own clock weighs 0.6 kB in a page. */
export function reconnectOn<T, D extends object>({
  policy,
  scheduler,
  when,
  ready$,
  now$,
  limit,
  late,
  stable,
  details,
}: InjectedOptions<D>): OperatorFunction<T, ReconnectEvent<T, Attempt & D>> {
  type Detailed = Attempt & D;
  type Event = ReconnectEvent<T, Detailed>;
  return (source) =>
    defer(() => {
      /** The attempt under way, of the present series. */
      let attempt: Detailed | null = null;
      let openSince: number | undefined;
      /** How the present turn of the loop ends: with an attempt, or with none. */
      let outcome: 'connecting' | 'failed' | undefined;

      /** Subscribes to the source once; what it errors with leads to the next `connecting`, or to an end. */
      function connect(): Observable<Event> {
        openSince = undefined;
        outcome = undefined;
        const longest = limit(attempt);
        const before: Event[] = [];
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

      function received(value: T): Event {
        if (openSince !== undefined) return { type: 'value', value };
        openSince = scheduler.now();
        if (attempt) attempt = { ...attempt, duration: openSince - attempt.start };
        return { type: 'open', value, attempt };
      }

      function recover(error: unknown, before: Event[]): ObservableInput<Event> {
        const wasOpen = openSince !== undefined;
        const lost = { type: 'lost', error, wasOpen, attempt } as const;
        if (when(error, wasOpen, attempt) === false) return [...before, { ...lost, next: null, follows: 'nothing' }];
        const now = scheduler.now();
        const lasted = now - (openSince ?? Infinity);
        if (attempt && lasted >= Math.max(attempt.scheduled, stable)) attempt = null;
        // The numbers go on, the outage is a new one.
        else if (attempt && wasOpen) attempt = { ...attempt, start: now };

        let ready: boolean | undefined;
        return ready$.pipe(
          // Emitted twice, `true` must not schedule twice; and what a subscriber to the outcome causes does not change it.
          filter((state) => state !== ready && !outcome),
          switchMap((state) => {
            const first = ready === undefined;
            ready = state;
            if (!ready) attempt = null;
            const event = ready ? schedule(error) : undefined;
            const next = event?.type === 'scheduled' ? event.attempt : null;
            if (event && !next) outcome = 'failed';
            const events: Event[] = event ? [event] : [];
            if (first) events.unshift(...before, { ...lost, next, follows: event?.type ?? 'ready' });
            return startWith(events, next ? pause(next) : NEVER);
          }),
          takeWhile(({ type }) => type !== outcome, true),
        );
      }

      /** The event that says what the policy decided. */
      function schedule(error: unknown): Scheduled<Detailed> | Failed<Detailed> {
        const now = scheduler.now();
        const number = (attempt?.attempt ?? 0) + 1;
        const start = attempt?.start ?? now;
        try {
          const wait = policy(number, error);
          if (wait === false) return { type: 'failed', error, attempt };
          attempt = { ...(details as D), attempt: number, scheduled: Math.min(wait, LONGEST_WAIT), start, duration: now - start };
          return { type: 'scheduled', attempt, error };
        } catch (policyError) {
          return { type: 'failed', error, attempt, policyError };
        }
      }

      /** Waits, and begins the attempt. */
      function pause(next: Detailed): Observable<Event> {
        return new Observable((subscriber) => {
          const begin = () => {
            if (subscriber.closed) return;
            outcome = 'connecting';
            attempt = { ...next, duration: scheduler.now() - next.start };
            subscriber.next({ type: 'connecting', attempt });
          };
          subscriber.add(scheduler.schedule(begin, next.scheduled));
          subscriber.add(now$.subscribe({ next: begin, error: (error) => subscriber.error(error) }));
        });
      }

      // A loop whose turns are subscriptions beside each other, not within each other: each ends with the `connecting` of the next one.
      let turns: Subscriber<void> | undefined;
      const turn$ = new Observable<void>((subscriber) => {
        turns = subscriber;
        turns.next();
      });
      return startWith<Event>(
        [{ type: 'connecting', attempt }],
        turn$.pipe(switchMap(() => connect().pipe(finalize(() => (outcome === 'connecting' ? turns?.next() : turns?.complete()))))),
      );
    });
}

/** `startWith` without the schedulers of RxJS' own. */
function startWith<T>(values: T[], source: Observable<T>): Observable<T> {
  return new Observable((subscriber) => {
    for (const value of values) subscriber.next(value);
    if (!subscriber.closed) source.subscribe(subscriber);
  });
}
