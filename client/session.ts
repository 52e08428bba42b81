import { Observable, type SchedulerLike } from 'rxjs';
import { reconnectOn } from '../operators/reconnect.js';
import { watchdogOn } from '../operators/watchdog.js';
import { asUnopened, LinkError } from '../src/core/errors.js';
import type { Link } from '../src/core/link.js';
import { milliseconds } from '../src/core/options.js';
import type { Backoff, ParsedClientOptions, Strategy } from './options.js';
import type { Platform } from './platform/platform.js';
import type { SessionEvent } from './state.js';

/** The connection of the client, as far as a session uses it. */
export interface SessionConnection {
  /** Emits a link, and reads it until it is lost or one of `faults` errors: errors then, once all messages that it received have been delivered. */
  read(link: Link, faults: readonly Observable<unknown>[], scheduler: SchedulerLike): Observable<Link>;
  /** Emits whenever the server shows that it is alive; errors when the server asks for another connection. */
  readonly activity$: Observable<unknown>;
}

/** The parts of a client that a session uses. */
export interface SessionParts {
  /** Dials once: emits one open link, or errors. */
  dial: () => Observable<Link>;
  connection: SessionConnection;
  options: ParsedClientOptions;
  /** Whether a first connection that the server refuses is not repeated. */
  endsWhenRefused: boolean;
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
  const { options, endsWhenRefused, backoff, platform, online$, now$ } = parts;
  const { policy, settings } = backoff;
  const has = (strategy: Strategy) => options.strategy.includes(strategy);
  return connect(parts).pipe(
    reconnectOn({
      policy(attempt, error, previous) {
        const wait = policy(attempt, error, previous);
        const { retryAfter = 0 } = error as LinkError;
        // As `withRetryAfter()` does: many clients get the same time.
        const asked = policy.retryAfter ? 0 : Math.round(retryAfter * (1 + platform.random() / 2));
        return wait !== false && milliseconds(wait, 'reconnect') + asked;
      },
      details: { ...settings, backoff: false },
      when: (error, wasOpen, attempt) => {
        const { code, status, retryAfter } = error as LinkError;
        if (code === 'ERR_PRIMUS_OFFLINE') return has('online');
        // A server that names a time asks for the attempt, whatever the strategy is.
        if (retryAfter !== undefined) return true;
        if (code === 'ERR_PRIMUS_TRANSFORMER') return false;
        if (wasOpen) return has('disconnect');
        if (status === 401 || status === 403) return false;
        return attempt !== null || (has('timeout') && !(endsWhenRefused && (status === 400 || status === 402)));
      },
      limit: (attempt) => (attempt ? settings['reconnect timeout'] : options.timeout || Infinity),
      late: (limit) => new LinkError('ERR_PRIMUS_TIMEOUT', `No connection within ${limit} ms`),
      ready$: has('online') ? online$ : ALWAYS,
      now$,
      // A server that accepts a connection and then rejects it does so sooner.
      stable: policy.stable ?? 1_000,
      scheduler: platform.scheduler,
    }),
    // Each connection emits one link.
  ) as Observable<SessionEvent>;
}

/** One connection: dials, emits the link, and reads it until it is lost, the server is silent or there is no network: errors then. */
function connect({ dial, connection, options, platform, online$ }: SessionParts): Observable<Link> {
  const { scheduler } = platform;
  const due = options.pingTimeout;
  const error = () => new LinkError('ERR_PRIMUS_SILENCE', `The server was silent for ${due} ms`);
  const silence$ = due ? connection.activity$.pipe(watchdogOn({ due, scheduler, error })) : connection.activity$;
  const offline$ = new Observable<never>((subscriber) =>
    online$.subscribe((online) => online || subscriber.error(new LinkError('ERR_PRIMUS_OFFLINE', 'The network is gone'))),
  );
  return new Observable((subscriber) => {
    // A framework may throw an error of its own: it does not take an option, or calls a function of the application.
    const fail = (error: unknown) => subscriber.error(asUnopened(error));
    const dialling = offline$.subscribe({ error: fail });
    subscriber.add(dialling);
    if (subscriber.closed) return;
    const read = (link: Link) => {
      dialling.unsubscribe();
      connection.read(link, [silence$, offline$], scheduler).subscribe(subscriber);
    };
    subscriber.add(dial().subscribe({ next: read, error: fail }));
  });
}

/** For a session that does not care about the network. */
const ALWAYS = new Observable<boolean>((subscriber) => subscriber.next(true));
