import {
  defer,
  distinctUntilChanged,
  interval,
  map,
  merge,
  type Observable,
  type SchedulerLike,
  scan,
  startWith,
  takeWhile,
  tap,
  timer,
  withLatestFrom,
} from 'rxjs';
import { LONGEST_WAIT } from '../../operators/duration.js';
import { check, type Duration, type Kind, milliseconds, object } from '../core/options.js';
import { CLOSED } from '../core/ready-state.js';
import type { Connection } from './connection.js';
import type { ConnectionRegistry } from './connections.js';
import { terminateAll } from './shutdown.js';

/** The options of `primus.drain()`. */
export interface DrainOptions {
  /** The time over which the connections are ended, at an even rate. @defaultValue `10_000` */
  over?: Duration;
  /** The delay, before jitter, after which clients should connect again. @defaultValue `1_000` */
  retryAfter?: Duration;
  /** Stops draining when it is aborted: the server accepts connections again. @defaultValue none */
  signal?: AbortSignal;
}

/** The progress of `primus.drain()`. */
export interface DrainProgress {
  /** The number of connections that are still open. */
  readonly remaining: number;
  /** The number of connections that have ended since the beginning. */
  readonly ended: number;
  /** The time since the beginning, in ms. */
  readonly elapsed: number;
}

/** The options with defaults; times are in ms. */
export interface ParsedDrainOptions {
  readonly over: number;
  readonly retryAfter: number;
  readonly signal: AbortSignal | undefined;
}

/** The interval at which connections are ended, in ms: short, so that the rate is even. */
const SLICE = 10;

/** The number of connections that are ended in one slice at most, so that others do not wait for it. */
const LARGEST_SLICE = 500;

const GOLDEN_RATIO = (1 + Math.sqrt(5)) / 2;

/** The longest time between two slices that counts, in ms. */
const LONGEST_STEP = 1_000;

/** How many times the mean rate is allowed, to make up for slices that the process was too busy for. */
const HASTE = 1.05;

/** How long this may take beyond `over` when the process was too busy, in ms; then all connections that are left are ended. */
const OVERTIME = 1_000;

/** The time after `over` at which connections are terminated that have not ended, in ms. */
const LIMIT = 4_500;

const signals: Kind = ['an AbortSignal', (value) => value instanceof AbortSignal];

/**
 * Checks the options of `drain` and adds the defaults.
 *
 * @throws ERR_PRIMUS_OPTION when an option is invalid
 */
export function drainOptions(options: DrainOptions): ParsedDrainOptions {
  check({ options }, { options: object });
  check(options, { signal: signals });
  return {
    over: milliseconds(options.over ?? 10_000, 'over'),
    retryAfter: milliseconds(options.retryAfter ?? 1_000, 'retryAfter'),
    signal: options.signal,
  };
}

/**
 * Ends the connections of a server one after the other, at an even rate, and emits the progress. Completes when there are none left.
 *
 * ```
 * every slice: some connections ── primus::server::retry ──> the client closes, or the server does a second later
 *                                                     ──> terminated when the client does not answer
 * ```
 */
export function drain(registry: ConnectionRegistry, scheduler: SchedulerLike, options: ParsedDrainOptions): Observable<DrainProgress> {
  return defer(() => {
    const clock = stopwatch(scheduler);
    const endSome = atEvenRate(registry, options);
    const slice$ = interval(SLICE, scheduler).pipe(
      startWith(0),
      tap(() => endSome(clock())),
    );
    const limit$ = timer(Math.min(options.over + LIMIT, LONGEST_WAIT), scheduler).pipe(tap(() => terminateAll(registry)));
    const ended$ = registry.left$.pipe(
      scan((count) => count + 1, 0),
      startWith(0),
    );
    return merge(slice$, limit$).pipe(
      withLatestFrom(ended$),
      map(([, ended]) => ({ remaining: registry.present, ended, elapsed: clock() })),
      distinctUntilChanged((before, after) => before.remaining === after.remaining && before.ended === after.ended),
      takeWhile(({ remaining }) => remaining > 0, true),
    );
  });
}

/** Returns a function that returns the time since now, in ms. A system clock that is set meanwhile does not end the connections early. */
function stopwatch(scheduler: SchedulerLike): () => number {
  let last = scheduler.now();
  let elapsed = 0;
  return () => {
    const now = scheduler.now();
    elapsed += Math.min(Math.max(now - last, 0), LONGEST_STEP);
    last = now;
    return elapsed;
  };
}

/** Returns a function that ends as many connections as are due; called with the time since the beginning, in ms. */
function atEvenRate(registry: ConnectionRegistry, { over, retryAfter }: ParsedDrainOptions): (elapsed: number) => void {
  const fastest = (HASTE * registry.size) / over;
  const ending = new Set<Connection>();
  let sparks = interleaved(registry.byId.values());
  let before = 0;
  let due = 0;

  function next(): Connection | undefined {
    for (let spark = sparks.pop(); spark !== undefined; spark = sparks.pop()) {
      if (spark.connection.writable) return spark.connection;
    }
    // The application may have added one meanwhile.
    sparks = [...registry.byId.values()].filter(({ connection }) => connection.writable);
    return undefined;
  }

  return (elapsed) => {
    for (const connection of ending) if (connection.state === CLOSED) ending.delete(connection);
    const left = registry.size - ending.size;
    const passed = elapsed - before;
    before = elapsed;
    // Clients that leave by themselves lower the rate, and do not bring the end forward.
    const rate = elapsed >= over + OVERTIME ? Infinity : Math.min(left / Math.max(over - elapsed + passed, 0), fastest);
    // A process that was busy makes up for a few slices, never for all of them at once.
    due = Math.min(due + rate * Math.min(passed, 3 * SLICE) || 0, LARGEST_SLICE);
    for (; due >= 1; due--) {
      const connection = next();
      if (connection === undefined) return;
      ending.add(connection);
      connection.drain(retryAfter);
    }
  };
}

/**
 * Returns the items in an order in which neighbours are far apart, by multiples of the golden ratio: peers that connect together, such as
 * those that do not answer, do not end together.
 */
function interleaved<T>(items: Iterable<T>): T[] {
  const placed = Array.from(items, (item, index) => ({ item, place: (index * GOLDEN_RATIO) % 1 }));
  return placed.sort((a, b) => a.place - b.place).map(({ item }) => item);
}
