import { concat, defer, filter, finalize, identity, ignoreElements, type MonoTypeOperatorFunction, mergeMap, Observable, of, type SchedulerLike, startWith, switchMap, takeUntil, tap, throwError } from 'rxjs';
import { type Attempt, type Policy, reconnect, watchdog } from '../operators/index.js';
import { dropped, LinkError } from '../src/core/errors.js';
import type { Frame, Link } from '../src/core/link.js';

/** When to reconnect: see the seed's chapter "Strategy". */
export type Strategy = 'disconnect' | 'online' | 'timeout';

export interface SessionOptions {
  /** Dials once: emits one open link, or errors. */
  dial: () => Observable<Link>;
  /** Takes what arrives. */
  receive: (frame: Frame) => void;
  policy: Policy;
  strategy: ReadonlySet<string>;
  /** How long the first connection may take, in ms. */
  timeout: number;
  /** How long a reconnection attempt may take, in ms. */
  attemptTimeout: number;
  /** Longest silence of the server, in ms. */
  pingTimeout: number;
  /** Whether there is a network: now, and every change. */
  online$: Observable<boolean>;
  /** Cuts a wait for the next attempt short. */
  now$: Observable<unknown>;
  scheduler: SchedulerLike;
  observer: SessionObserver;
}

/** Told of what happens between two links. */
export interface SessionObserver {
  /** The line is down: after it was open, or because it never was. */
  dropped(error: LinkError, wasOpen: boolean, attempt: Attempt | null): void;
  scheduled(attempt: Attempt, cause: LinkError): void;
  attempting(attempt: Attempt): void;
  late(error: LinkError, attempt: Attempt | null): void;
  reconnected(attempt: Attempt): void;
  failed(cause: LinkError, attempt: Attempt | null): void;
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
export function session(options: SessionOptions): Observable<Link> {
  const { dial, receive, policy, strategy, online$, now$, scheduler, observer } = options;

  const offline$ = online$.pipe(
    filter((online) => !online),
    mergeMap(() => throwError(() => new LinkError('ERR_PRIMUS_OFFLINE', 'The network is gone'))),
  );

  /** One link, read for as long as it lives. That it ends, cleanly or not, is an error here: only `end` is an end. */
  const line$ = defer(dial).pipe(
    switchMap((link) => read(link).pipe(startWith(link))),
    takeUntil(offline$),
  );

  function read(link: Link): Observable<never> {
    const frames$ = new Observable<Frame>((frames) => link.subscribe(frames)).pipe(silence(options), tap(receive), ignoreElements());
    return concat(frames$, throwError(() => dropped())).pipe(finalize(() => link.close()));
  }

  function again(error: unknown, wasOpen: boolean, attempt: Attempt | null): boolean {
    const cause = error as LinkError;
    observer.dropped(cause, wasOpen, attempt);
    if (cause.code === 'ERR_PRIMUS_OFFLINE') return strategy.has('online');
    return wasOpen ? strategy.has('disconnect') : attempt !== null || strategy.has('timeout');
  }

  return line$.pipe(
    reconnect({
      policy: (attempt, cause) => politely(policy(attempt, cause), cause),
      when: again,
      limit: (attempt) => (attempt === null ? options.timeout : options.attemptTimeout),
      late: (limit) => new LinkError('ERR_PRIMUS_TIMEOUT', `No connection within ${limit} ms`),
      ready$: strategy.has('online') ? online$ : of(true),
      now$,
      scheduler,
      onScheduled: (attempt, cause) => observer.scheduled(attempt, cause as LinkError),
      onAttempt: (attempt) => observer.attempting(attempt),
      onLate: (error, attempt) => observer.late(error as LinkError, attempt),
      onReconnected: (attempt) => observer.reconnected(attempt),
      onFailed: (cause, attempt) => observer.failed(cause as LinkError, attempt),
    }),
  );
}

/** A server that asks for patience gets it. */
function politely(delay: number | false, cause: unknown): number | false {
  const { retryAfter = 0 } = cause as Partial<LinkError>;
  return delay === false ? false : Math.max(delay, retryAfter);
}

function silence({ pingTimeout, scheduler }: SessionOptions): MonoTypeOperatorFunction<Frame> {
  if (pingTimeout === Infinity) return identity;
  const error = () => new LinkError('ERR_PRIMUS_SILENCE', `Nothing was heard from the server for ${pingTimeout} ms`);
  return watchdog<Frame>({ due: pingTimeout, error, scheduler });
}
