import { concatAll, defer, finalize, identity, ignoreElements, type MonoTypeOperatorFunction, Observable, switchMap, takeUntil, tap, throwError } from 'rxjs';
import { type Attempt, reconnect } from '../operators/reconnect.js';
import { watchdog } from '../operators/watchdog.js';
import { dropped, LinkError, PrimusError } from '../src/core/errors.js';
import type { Frame, Link } from '../src/core/link.js';
import type { Backoff, clientOptions } from './options.js';
import type { Platform } from './platform.js';

/** When to reconnect: see the seed's chapter "Strategy". */
export type Strategy = 'disconnect' | 'online' | 'timeout';

export interface SessionParts {
  /** Dials once: emits one open link, or errors. */
  dial: () => Observable<Link>;
  /** Takes what arrives. */
  receive: (frame: Frame) => void;
  options: ReturnType<typeof clientOptions>;
  backoff: Backoff;
  platform: Platform;
  /** Whether there is a network: now, and every change. */
  online$: Observable<boolean>;
  /** Cuts a wait for the next attempt short. */
  now$: Observable<unknown>;
  /** Told of what happens between two links. */
  tell: (news: News) => void;
}

/** `attempt` is null outside a series of attempts: for a first connection, or a line that had held. */
export type News =
  /** The line is down, after it was open or because it never was; `again` tells whether there will be another attempt. */
  | { type: 'dropped'; cause: LinkError; wasOpen: boolean; again: boolean; attempt: Attempt | null }
  /** The next attempt will be made at `until`, ms since the epoch. */
  | { type: 'scheduled'; attempt: Attempt; until: number; cause: LinkError }
  | { type: 'started' | 'reconnected'; attempt: Attempt }
  | { type: 'timeout' | 'failed'; attempt: Attempt | null; cause: PrimusError };

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
export function session({ dial, receive, options, backoff, platform, online$, now$, tell }: SessionParts): Observable<Link> {
  const { scheduler } = platform;
  const { policy, settings } = backoff;
  const strategy = new Set(options.strategy.split(','));
  const described = <A extends Attempt | null>(attempt: A): A => attempt && Object.assign(attempt, settings);

  const offline$ = online$.pipe(
    tap((online) => {
      if (!online) throw new LinkError('ERR_PRIMUS_OFFLINE', 'The network is gone');
    }),
    ignoreElements(),
  );

  /** One link, read for as long as it lives. That it ends, cleanly or not, is an error here: only `end` is an end. */
  const line$ = defer(dial).pipe(
    switchMap((link) => defer(() => [[link], read(link), throwError(() => dropped())]).pipe(concatAll())),
    takeUntil(offline$),
  );

  function read(link: Link): Observable<never> {
    return new Observable<Frame>((frames) => link.subscribe(frames)).pipe(
      silence(options.pingTimeout),
      tap(receive),
      ignoreElements(),
      finalize(() => link.close()),
    );
  }

  function silence(due: number | false): MonoTypeOperatorFunction<Frame> {
    if (due === false) return identity;
    return watchdog({ due, scheduler, error: () => new LinkError('ERR_PRIMUS_SILENCE', `Nothing was heard from the server for ${due} ms`) });
  }

  function when(error: unknown, wasOpen: boolean, attempt: Attempt | null): boolean {
    const cause = error as LinkError;
    const offline = cause.code === 'ERR_PRIMUS_OFFLINE';
    const again = strategy.has(offline ? 'online' : wasOpen ? 'disconnect' : 'timeout') || (attempt !== null && !wasOpen && !offline);
    tell({ type: 'dropped', cause, wasOpen, again, attempt });
    return again;
  }

  return line$.pipe(
    reconnect({
      // A server that asks for patience gets it.
      policy: (attempt, cause) => {
        const delay = policy(attempt, cause);
        return delay === false ? false : Math.max(delay, (cause as LinkError).retryAfter ?? 0);
      },
      when,
      limit: (attempt) => (attempt === null ? options.timeout : settings['reconnect timeout']),
      late: (limit) => new LinkError('ERR_PRIMUS_TIMEOUT', `No connection within ${limit} ms`),
      ...(strategy.has('online') && { ready$: online$ }),
      now$,
      scheduler,
      onScheduled: (attempt, cause) =>
        tell({ type: 'scheduled', attempt: described(attempt), until: scheduler.now() + attempt.scheduled, cause: cause as LinkError }),
      onAttempt: (attempt) => tell({ type: 'started', attempt: described(attempt) }),
      onLate: (cause, attempt) => tell({ type: 'timeout', cause: cause as LinkError, attempt: described(attempt) }),
      onReconnected: (attempt) => tell({ type: 'reconnected', attempt: described(attempt) }),
      onFailed: (cause, attempt) => {
        const { message } = cause as LinkError;
        const error = new PrimusError('ERR_PRIMUS_GAVE_UP', `Unable to recover: ${message}`, { cause });
        tell({ type: 'failed', cause: error, attempt: described(attempt) });
      },
    }),
  );
}
