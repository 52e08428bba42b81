import { catchError, defer, finalize, ignoreElements, map, mergeAll, NEVER, Observable, switchMap, takeUntil, throwError } from 'rxjs';
import { type Attempt, type ReconnectEvent, reconnectOn } from '../operators/reconnect.js';
import { watchdogOn } from '../operators/watchdog.js';
import { dropped, LinkError, PrimusError } from '../src/core/errors.js';
import type { Frame, Link } from '../src/core/link.js';
import { invalid } from '../src/core/options.js';
import type { Backoff, ParsedClientOptions, Strategy } from './options.js';
import type { Platform } from './platform/platform.js';
import type { ReconnectAttempt, SessionEvent } from './state.js';

/** A server that accepts a connection and thinks better of it has done so by then, in ms: a connection that is lost sooner is no success. */
const SHORTEST_CONNECTION = 1_000;

/** What a session needs of the client. */
export interface SessionParts {
  /** Dials once: emits one open link, or errors. */
  dial: () => Observable<Link>;
  /** Takes what arrives. Must not throw. */
  receive: (frame: Frame) => void;
  /** Emits whenever the server shows that it is alive. */
  activity$: Observable<unknown>;
  /** Detaches the link from the client, and completes once everything that was received has been delivered. */
  drain: () => Observable<never>;
  options: ParsedClientOptions;
  backoff: Backoff;
  platform: Platform;
  /** Whether there is a network: now, and every change. */
  online$: Observable<boolean>;
  /** Ends a wait for the next attempt early. */
  now$: Observable<unknown>;
}

/**
 * The connections of a client, one after the other, as a log of what happens. Subscribe = dial; unsubscribe = close; completes when
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
  const { scheduler } = platform;
  const strategy = new Set(options.strategy.split(','));
  return defer(dial).pipe(
    switchMap((link) => live(link, parts)),
    takeUntil(offline(online$)),
    reconnectOn({
      policy: withRetryAfter(backoff.policy),
      when: (error, wasOpen, attempt) => recovers(strategy, error as LinkError, wasOpen, attempt !== null),
      limit: (attempt) => (attempt ? backoff.settings['reconnect timeout'] : options.timeout),
      late: (limit) => new LinkError('ERR_PRIMUS_TIMEOUT', `No connection within ${limit} ms`),
      ...(strategy.has('online') && { ready$: online$ }),
      now$,
      stable: SHORTEST_CONNECTION,
      scheduler,
    }),
    map(describing(backoff.settings)),
  );
}

/** One link, read for as long as it lives. That it ends, cleanly or not, is an error here: only `end` is an end. */
function live(link: Link, parts: SessionParts): Observable<Link> {
  const lost$ = throwError(() => dropped());
  return defer(() => [[link], read(link, parts), lost$]).pipe(
    mergeAll(1),
    // Around all of it: the first thing a client does with its link may be to end.
    finalize(() => link.close()),
    // What was received comes before the end, a `primus::server::close` above all.
    catchError((error) => defer(() => [parts.drain(), throwError(() => error)]).pipe(mergeAll(1))),
  );
}

/** Reads a link. Its frames do not pass through operators: they are many. */
function read(link: Link, { receive, activity$, options, platform }: SessionParts): Observable<never> {
  const due = options.pingTimeout;
  const silence = () => new LinkError('ERR_PRIMUS_SILENCE', `The server was silent for ${due} ms`);
  return new Observable<never>((reader) =>
    link.subscribe({
      next(frame) {
        if (!reader.closed) receive(frame);
      },
      error: (error) => reader.error(error),
      complete: () => reader.complete(),
    }),
  ).pipe(
    takeUntil(due === false ? NEVER : activity$.pipe(watchdogOn({ due, scheduler: platform.scheduler, error: silence }), ignoreElements())),
  );
}

/** Errors when there is no network. */
function offline(online$: Observable<boolean>): Observable<never> {
  return online$.pipe(
    map((online) => {
      if (!online) throw new LinkError('ERR_PRIMUS_OFFLINE', 'The network is gone');
    }),
    ignoreElements(),
  );
}

/** Whether an attempt follows. */
function recovers(strategy: ReadonlySet<string>, { code }: LinkError, wasOpen: boolean, wasAttempt: boolean): boolean {
  const needed: Strategy = code === 'ERR_PRIMUS_OFFLINE' ? 'online' : wasOpen ? 'disconnect' : 'timeout';
  return strategy.has(needed) || (needed === 'timeout' && wasAttempt);
}

/** A server that names a time is not asked before it. */
function withRetryAfter(policy: Backoff['policy']): Backoff['policy'] {
  return (attempt, error) => {
    const wait = policy(attempt, error);
    if (wait === false) return false;
    if (!(wait >= 0)) throw invalid('reconnect', 'a function that returns milliseconds or false', wait);
    return Math.max(wait, (error as LinkError).retryAfter ?? 0);
  };
}

/** Adds to the events of `reconnect` what the documented ones have besides. The record of an attempt stays the same object. */
function describing(settings: Backoff['settings']): (event: ReconnectEvent<Link>) => SessionEvent {
  const records = new WeakMap<Attempt, ReconnectAttempt>();

  function described(attempt: Attempt | null): ReconnectAttempt | null {
    if (attempt === null) return null;
    const record = records.get(attempt) ?? { ...attempt, ...settings };
    records.set(attempt, record);
    return record;
  }

  return (event) => {
    const attempt = 'attempt' in event ? described(event.attempt) : null;
    switch (event.type) {
      case 'open':
        return { type: 'open', link: event.value, attempt };
      case 'lost': {
        const { follows } = event;
        const error = event.error as LinkError;
        const end = follows === 'nothing' ? error : follows === 'failed' ? gaveUp(error) : null;
        return { ...event, error, attempt, next: described(event.next), end, gaveUp: follows === 'failed' };
      }
      case 'failed':
        return { ...event, error: gaveUp(event.error as LinkError), attempt };
      default:
        return { ...event, attempt } as SessionEvent;
    }
  };
}

function gaveUp(cause: LinkError): PrimusError {
  return new PrimusError('ERR_PRIMUS_GAVE_UP', `Unable to recover: ${cause.message}`, { cause });
}
