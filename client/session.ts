import { catchError, concat, defer, finalize, ignoreElements, NEVER, Observable, switchMap, takeUntil, tap, throwError } from 'rxjs';
import { type Attempt, type ReconnectOptions, reconnect } from '../operators/reconnect.js';
import { watchdog } from '../operators/watchdog.js';
import { dropped, LinkError, PrimusError } from '../src/core/errors.js';
import type { Frame, Link } from '../src/core/link.js';
import { invalid } from '../src/core/options.js';
import type { ClientEvents } from './events.js';
import type { Backoff, clientOptions } from './options.js';
import type { Platform } from './platform/platform.js';
import type { ClientState, ReconnectAttempt } from './state.js';

/** When to reconnect: after a connection was lost, when the network is back, when the first connection failed. */
export type Strategy = 'disconnect' | 'online' | 'timeout';

/** A server that accepts, and thinks better of it, has done so by then, in ms: a line that drops sooner is no success. */
const SHORTEST_LIFE = 1_000;

export interface SessionParts {
  /** Dials once: emits one open link, or errors. */
  dial: () => Observable<Link>;
  /** Takes what arrives. Must not throw. */
  receive: (frame: Frame) => void;
  /** Emits whenever something was heard of the server. */
  activity$: Observable<unknown>;
  /** Keeps what is written from now on, and completes once everything received has been delivered. */
  drain: () => Observable<never>;
  options: ReturnType<typeof clientOptions>;
  backoff: Backoff;
  platform: Platform;
  /** Whether there is a network: now, and every change. */
  online$: Observable<boolean>;
  /** Cuts a wait for the next attempt short. */
  now$: Observable<unknown>;
  /** The state now. */
  state: { readonly value: ClientState };
  /** Told of the states between two links. */
  become: (state: ClientState) => void;
  /** Told of what happens between two links. */
  tell: (event: keyof ClientEvents, ...args: unknown[]) => void;
}

/**
 * The life of a client: the links it lives on, one after the other. Subscribe = dial; unsubscribe = hang up; errors when
 * no further attempt will be made.
 *
 * ```
 * dial ─> link ─> read until it drops ─┐
 *  ^                                   │
 *  └───────── wait, as the policy says ┘
 * ```
 */
export function session(parts: SessionParts): Observable<Link> {
  const { dial, options, platform, online$, now$ } = parts;
  const strategy = new Set(options.strategy.split(','));
  return defer(dial).pipe(
    switchMap((link) => live(link, parts)),
    takeUntil(offline(online$)),
    reconnect({
      ...recovery(parts, strategy),
      ...(strategy.has('online') && { ready$: online$ }),
      now$,
      stable: SHORTEST_LIFE,
      scheduler: platform.scheduler,
    }),
  );
}

/** One link, read for as long as it lives. That it ends, cleanly or not, is an error here: only `end` is an end. */
function live(link: Link, parts: SessionParts): Observable<Link> {
  return concat(
    [link],
    read(link, parts),
    throwError(() => dropped()),
  ).pipe(
    // Around all of it: the first thing a client does with its link may be to end.
    finalize(() => link.close()),
    // What was received comes before the end, a farewell above all.
    catchError((cause) =>
      concat(
        parts.drain(),
        throwError(() => cause),
      ),
    ),
  );
}

/** The frames of a link take no way through operators: they are many. */
function read(link: Link, { receive, activity$, options, platform }: SessionParts): Observable<never> {
  const due = options.pingTimeout;
  const silent = () => new LinkError('ERR_PRIMUS_SILENCE', `The server was silent for ${due} ms`);
  return new Observable<never>((line) =>
    link.subscribe({
      next(frame) {
        if (!line.closed) receive(frame);
      },
      error: (cause) => line.error(cause),
      complete: () => line.complete(),
    }),
  ).pipe(
    takeUntil(due === false ? NEVER : activity$.pipe(watchdog({ due, scheduler: platform.scheduler, error: silent }), ignoreElements())),
  );
}

/** Errors when there is no network. */
function offline(online$: Observable<boolean>): Observable<never> {
  return online$.pipe(
    tap((online) => {
      if (!online) throw new LinkError('ERR_PRIMUS_OFFLINE', 'The network is gone');
    }),
    ignoreElements(),
  );
}

/** Whether and when to come back, and what is told of it. */
function recovery({ options, backoff, platform: { scheduler }, state, become, tell }: SessionParts, strategy: ReadonlySet<string>) {
  const { policy, settings } = backoff;
  const described = (attempt: Attempt): ReconnectAttempt => Object.assign(attempt, settings);
  /** Whoever is told of an attempt may take the network away: then it is given up. */
  const due = (attempt: Attempt) => 'attempt' in state.value && state.value.attempt === attempt;
  return {
    policy(attempt, cause) {
      try {
        const delay = policy(attempt, cause);
        // A server that asks for patience gets it.
        if (delay === false || delay >= 0) return delay !== false && Math.max(delay, (cause as LinkError).retryAfter ?? 0);
        throw invalid('reconnect', 'milliseconds or false', delay);
      } catch (error) {
        // A policy of the user's own that fails has no next attempt.
        tell('error', error);
        return false;
      }
    },

    /** The line is down. The state comes first: what the listeners write is to be kept, not sent. */
    when(error, wasOpen, attempt) {
      const cause = error as LinkError;
      const offline = cause.code === 'ERR_PRIMUS_OFFLINE';
      const again = strategy.has(offline ? 'online' : wasOpen ? 'disconnect' : 'timeout') || (attempt !== null && !wasOpen && !offline);
      become(again ? { name: 'waiting', attempt: null, until: null, cause } : { name: 'closed', by: 'failure', cause });
      tell(wasOpen ? 'incoming::end' : 'incoming::error', cause);
      // A line that just drops is told by `close`; one that broke a rule, or a first one that fails, by `error` as well.
      if (wasOpen ? cause.cause : !attempt && !offline && cause.code !== 'ERR_PRIMUS_TIMEOUT') tell('error', cause);
      if (wasOpen || !again) tell('close');
      return again;
    },

    limit: (attempt) => (attempt ? settings['reconnect timeout'] : options.timeout),
    late: (limit) => new LinkError('ERR_PRIMUS_TIMEOUT', `No connection within ${limit} ms`),
    onLate: (cause, attempt) => (attempt ? tell('reconnect timeout', cause, attempt) : tell('timeout')),

    onScheduled(attempt, cause) {
      become({ name: 'waiting', attempt: described(attempt), until: scheduler.now() + attempt.scheduled, cause: cause as LinkError });
      if (due(attempt)) tell('reconnect scheduled', attempt);
    },
    onAttempt(attempt) {
      tell('outgoing::reconnect');
      if (due(attempt)) tell('reconnect', attempt);
      if (due(attempt)) become({ name: 'connecting', attempt: described(attempt) });
    },
    onReconnected: (attempt) => tell('reconnected', attempt),
    onFailed(cause, attempt) {
      const error = new PrimusError('ERR_PRIMUS_GAVE_UP', `Unable to recover: ${(cause as LinkError).message}`, { cause });
      become({ name: 'closed', by: 'failure', cause: error });
      tell('reconnect failed', error, attempt);
    },
  } satisfies Partial<ReconnectOptions>;
}
