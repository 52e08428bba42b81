import { asyncScheduler, defer, map, mergeAll, NEVER, Observable, type OperatorFunction, type SchedulerLike, Subscription } from 'rxjs';
import { type Duration, LONGEST_WAIT, milliseconds } from './duration.js';
import { exponential } from './exponential.js';
import type { Policy } from './policy.js';
import { subscribeWithin } from './subscribe-within.js';

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
  /** The delay of each attempt, and when to give up. @defaultValue `exponential({ random })` */
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
   * even when that was ended early. @defaultValue that of the policy, else 0
   */
  stable?: Duration;
}

/**
 * Subscribes again after a delay whenever the source errors, and emits its progress as values. Completion is final. Takes a policy, or options.
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
 * import { interactive, reconnect, values } from 'primus-rx/operators';
 *
 * defer(() => webSocket<string>('ws://localhost:8080'))
 *   .pipe(reconnect(interactive()), values())
 *   .subscribe((message) => console.log(message));
 * ```
 */
export function reconnect<T>(options: ReconnectOptions | Policy = {}): OperatorFunction<T, ReconnectEvent<T>> {
  const given = typeof options === 'function' ? { policy: options } : options;
  const { random = Math.random, policy = exponential({ random }), limit = Infinity, stable = policy.stable ?? 0 }: ReconnectOptions = given;
  const {
    scheduler = asyncScheduler,
    late = tooLate,
    when = always(true),
    ready$ = defer(() => [true]),
    now$ = NEVER,
  }: ReconnectOptions = given;
  const injected = { scheduler, late, when, ready$, now$, policy: checked(policy), stable: milliseconds(stable) };
  return reconnectOn({ ...injected, limit: typeof limit === 'function' ? limit : always(milliseconds(limit)) });
}

function tooLate(limit: number): Error {
  return new Error(`No value came within ${limit} ms`);
}

function always<T>(value: T): () => T {
  return () => value;
}

function checked(policy: Policy): Policy {
  return (attempt, error, previous) => {
    const wait = policy(attempt, error, previous);
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
    new Observable((subscriber) => {
      /** The attempt under way, of the present series. */
      let attempt: Detailed | null = null;
      let openSince: number | undefined;
      /** Subscriptions that are to begin. */
      let turns = 0;

      /** Subscribes to the source once; what it errors with leads to the next subscription, or to an end. */
      function connect(): void {
        subscriber.next({ type: 'connecting', attempt });
        if (subscriber.closed) return;
        openSince = undefined;
        /** Set by an error; called when the source has been torn down, which nothing overlaps. */
        let lose: (() => void) | undefined;
        const longest = limit(attempt);
        const expire = () => {
          lose = () => {
            const error = late(longest);
            recover(error, { type: 'timed out', error, attempt });
          };
          connection.unsubscribe();
        };
        const timer = longest > LONGEST_WAIT ? Subscription.EMPTY : scheduler.schedule(expire, longest);
        const connection = subscribeWithin(subscriber, source, {
          next(value) {
            timer.unsubscribe();
            subscriber.next(received(value));
          },
          error(error) {
            lose = () => recover(error);
          },
        });
        connection.add(timer);
        connection.add(() => lose && guarded(lose));
      }

      function received(value: T): Event {
        if (openSince !== undefined) return { type: 'value', value };
        openSince = scheduler.now();
        if (attempt) attempt = { ...attempt, duration: openSince - attempt.start };
        return { type: 'open', value, attempt };
      }

      function recover(error: unknown, ...before: Event[]): void {
        const wasOpen = openSince !== undefined;
        const lost = { type: 'lost', error, wasOpen, attempt } as const;
        if (when(error, wasOpen, attempt) === false) {
          finish([...before, { ...lost, next: null, follows: 'nothing' }]);
          return;
        }
        const now = scheduler.now();
        // Of a series that goes on, the outage is a new one.
        if (attempt && openSince !== undefined)
          attempt = now - openSince >= Math.max(attempt.scheduled, stable) ? null : { ...attempt, start: now };

        let ready: boolean | undefined;
        /** The timer of the attempt that is scheduled, if there is one. */
        let wait = Subscription.EMPTY;
        const waits = new Subscription();
        subscriber.add(waits);
        const change = (state: boolean): void => {
          // Emitted twice, `true` must not schedule twice.
          if (waits.closed || state === ready) return;
          wait.unsubscribe();
          const current = new Subscription();
          wait = current;
          waits.add(wait);
          const event = state ? schedule(error) : undefined;
          const next = event?.type === 'scheduled' ? event.attempt : null;
          const events: Event[] = event ? [event] : [];
          if (ready === undefined) events.unshift(...before, { ...lost, next, follows: event?.type ?? 'ready' });
          ready = state;
          if (!ready) attempt = null;
          if (event && !next) {
            // What a subscriber to the outcome causes does not change it.
            waits.unsubscribe();
            finish(events);
            return;
          }
          for (const event of events) if (!current.closed) subscriber.next(event);
          if (next && !current.closed) pause(next, current, waits);
        };
        waits.add(ready$.subscribe({ next: change, error: (error) => subscriber.error(error) }));
      }

      /** The event that says what the policy decided. */
      function schedule(error: unknown): Scheduled<Detailed> | Failed<Detailed> {
        const now = scheduler.now();
        const number = (attempt?.attempt ?? 0) + 1;
        const start = attempt?.start ?? now;
        try {
          const wait = policy(number, error, attempt?.scheduled);
          if (wait === false) return { type: 'failed', error, attempt };
          attempt = { ...(details as D), attempt: number, scheduled: Math.min(wait, LONGEST_WAIT), start, duration: now - start };
          return { type: 'scheduled', attempt, error };
        } catch (policyError) {
          return { type: 'failed', error, attempt, policyError };
        }
      }

      /** Waits, and begins the attempt. */
      function pause(next: Detailed, wait: Subscription, waits: Subscription): void {
        const begin = () => {
          if (wait.closed) return;
          waits.unsubscribe();
          attempt = { ...next, duration: scheduler.now() - next.start };
          turn();
        };
        wait.add(scheduler.schedule(begin, next.scheduled));
        wait.add(now$.subscribe({ next: begin, error: (error) => subscriber.error(error) }));
      }

      function finish(events: Event[]): void {
        for (const event of events) subscriber.next(event);
        subscriber.complete();
      }

      /** Makes what a function of the caller throws the error of the stream. */
      function guarded(run: () => void): void {
        try {
          run();
        } catch (thrown) {
          subscriber.error(thrown);
        }
      }

      /** Begins a subscription: behind the one that is beginning, as both may fail at once, and no stack is endless. */
      function turn(): void {
        if (turns++ > 0) return;
        for (; turns > 0; turns--) guarded(connect);
      }

      turn();
    });
}
