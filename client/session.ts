import { catchError, defer, filter, NEVER, type Observable, type SchedulerLike, switchMap, takeUntil } from 'rxjs';
import { reconnectOn } from '../operators/reconnect.js';
import { watchdogOn } from '../operators/watchdog.js';
import { LinkError } from '../src/core/errors.js';
import type { Link } from '../src/core/link.js';
import { invalid } from '../src/core/options.js';
import type { Backoff, ParsedClientOptions, Strategy } from './options.js';
import type { Platform } from './platform/platform.js';
import type { SessionEvent } from './state.js';

/** The shortest connection that counts as a success, in ms: a server that accepts a connection and then rejects it does so sooner. */
const SHORTEST_CONNECTION = 1_000;

/** The connection of the client, as far as a session uses it. */
export interface SessionConnection {
  /** Emits a link, and reads it until it is lost: errors then. */
  read(link: Link): Observable<Link>;
  /** Emits whenever the server shows that it is alive. */
  readonly activity$: Observable<unknown>;
  /** Errors with `error` once all messages that were received have been delivered. */
  drain(error: unknown, scheduler: SchedulerLike): Observable<never>;
}

/** The parts of a client that a session uses. */
export interface SessionParts {
  /** Dials once: emits one open link, or errors. */
  dial: () => Observable<Link>;
  connection: SessionConnection;
  options: ParsedClientOptions;
  backoff: Backoff;
  platform: Platform;
  /** Whether there is a network: now, and every change. */
  online$: Observable<boolean>;
  /** Ends a wait for the next attempt early. */
  now$: Observable<unknown>;
}

/**
 * The connections of a client, one after the other, as a log of events. Subscribing dials, unsubscribing closes; completes when
 * no further attempt is made.
 *
 * ```
 * connecting ─> dial ─> open ─> read until it is lost ─┐
 *     ^                                                │
 *     └────────── scheduled, as the policy says ───────┘
 * ```
 */
export function session(parts: SessionParts): Observable<SessionEvent> {
  const { dial, options, backoff, platform, online$, now$ } = parts;
  const { policy, settings } = backoff;
  const has = (strategy: Strategy) => options.strategy.includes(strategy);
  return defer(dial).pipe(
    switchMap((link) => read(link, parts)),
    takeUntil(online$.pipe(filter(isOffline))),
    reconnectOn({
      policy: withRetryAfter(policy),
      details: settings,
      when: (error, wasOpen, attempt) => {
        if ((error as LinkError).code === 'ERR_PRIMUS_OFFLINE') return has('online');
        return wasOpen ? has('disconnect') : attempt !== null || has('timeout');
      },
      limit: (attempt) => (attempt ? settings['reconnect timeout'] : options.timeout),
      late: (limit) => new LinkError('ERR_PRIMUS_TIMEOUT', `No connection within ${limit} ms`),
      ready$: has('online') ? online$ : defer(() => [true]),
      now$,
      stable: SHORTEST_CONNECTION,
      scheduler: platform.scheduler,
    }),
  );
}

/** Reads a link until it is lost, or the server is silent. */
function read(link: Link, { connection, options, platform }: SessionParts): Observable<Link> {
  const { scheduler } = platform;
  const due = options.pingTimeout;
  const error = () => new LinkError('ERR_PRIMUS_SILENCE', `The server was silent for ${due} ms`);
  return connection.read(link).pipe(
    takeUntil(due === false ? NEVER : connection.activity$.pipe(watchdogOn({ due, scheduler, error }), filter(nothing))),
    // What was received comes before the end, a `primus::server::close` above all.
    catchError((lost) => connection.drain(lost, scheduler)),
  );
}

function nothing(): false {
  return false;
}

function isOffline(online: boolean): false {
  if (online) return false;
  throw new LinkError('ERR_PRIMUS_OFFLINE', 'The network is gone');
}

/** A server that names a time is not asked before it. */
function withRetryAfter(policy: Backoff['policy']): Backoff['policy'] {
  return (attempt, error) => {
    const wait = policy(attempt, error);
    if (wait === false) return wait;
    if (wait >= 0) return Math.max(wait, (error as LinkError).retryAfter ?? 0);
    throw invalid('reconnect', 'a function that returns milliseconds or false', wait);
  };
}
