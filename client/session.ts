import {
  catchError,
  concatAll,
  defer,
  finalize,
  identity,
  ignoreElements,
  type MonoTypeOperatorFunction,
  Observable,
  switchMap,
  takeUntil,
  tap,
  throwError,
} from 'rxjs';
import { type Attempt, reconnect } from '../operators/reconnect.js';
import { watchdog } from '../operators/watchdog.js';
import { dropped, LinkError, PrimusError } from '../src/core/errors.js';
import type { Frame, Link } from '../src/core/link.js';
import { invalid } from '../src/core/options.js';
import type { ClientEvents } from './events.js';
import type { Backoff, clientOptions } from './options.js';
import type { Platform } from './platform.js';
import type { ClientState, ReconnectAttempt } from './state.js';

/** When to reconnect: after a connection was lost, when the network is back, when the first connection failed. */
export type Strategy = 'disconnect' | 'online' | 'timeout';

/** A server that accepts, and thinks better of it, has done so by then, in ms: a line that drops sooner is no success. */
const SHORTEST_LIFE = 1_000;

export interface SessionParts {
  /** Dials once: emits one open link, or errors. */
  dial: () => Observable<Link>;
  /** Takes what arrives. */
  receive: (frame: Frame) => void;
  /** Keeps what is written from now on, and completes once everything received has been delivered. */
  drain: () => Observable<never>;
  options: ReturnType<typeof clientOptions>;
  backoff: Backoff;
  platform: Platform;
  /** Whether there is a network: now, and every change. */
  online$: Observable<boolean>;
  /** Cuts a wait for the next attempt short. */
  now$: Observable<unknown>;
  /** Told of what happens between two links: the new state, if there is one, and the event, if there is one. */
  tell: (state: ClientState | null, event?: keyof ClientEvents, ...args: unknown[]) => void;
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
export function session({ dial, receive, drain, options, backoff, platform, online$, now$, tell }: SessionParts): Observable<Link> {
  const { scheduler } = platform;
  const { policy, settings } = backoff;
  const strategy = new Set(options.strategy.split(','));
  const described = (attempt: Attempt): ReconnectAttempt => Object.assign(attempt, settings);

  const offline$ = online$.pipe(
    tap((online) => {
      if (!online) throw new LinkError('ERR_PRIMUS_OFFLINE', 'The network is gone');
    }),
    ignoreElements(),
  );

  /** One link, read for as long as it lives. That it ends, cleanly or not, is an error here: only `end` is an end. */
  const line$ = defer(dial).pipe(
    switchMap((link) =>
      defer(() => [[link], read(link), throwError(() => dropped())]).pipe(
        concatAll(),
        // Around all of it: the first thing a client does with its link may be to end.
        finalize(() => link.close()),
        catchError(last),
      ),
    ),
    takeUntil(offline$),
  );

  /** What was received comes before the end, a farewell above all. */
  function last(cause: unknown): Observable<never> {
    return defer(() => [drain(), throwError(() => cause)]).pipe(concatAll());
  }

  function read(link: Link): Observable<never> {
    return new Observable<Frame>((frames) => link.subscribe(frames)).pipe(silence(options.pingTimeout), tap(receive), ignoreElements());
  }

  function silence(due: number | false): MonoTypeOperatorFunction<Frame> {
    if (due === false) return identity;
    return watchdog({
      due,
      scheduler,
      error: () => new LinkError('ERR_PRIMUS_SILENCE', `The server was silent for ${due} ms`),
    });
  }

  /** The line is down. The state comes first: what the listeners write is to be kept, not sent. */
  function when(error: unknown, wasOpen: boolean, attempt: Attempt | null): boolean {
    const cause = error as LinkError;
    const offline = cause.code === 'ERR_PRIMUS_OFFLINE';
    const again = strategy.has(offline ? 'online' : wasOpen ? 'disconnect' : 'timeout') || (attempt !== null && !wasOpen && !offline);
    tell(again ? { name: 'waiting', attempt: null, until: null, cause } : { name: 'closed', by: 'failure', cause });
    tell(null, wasOpen ? 'incoming::end' : 'incoming::error', cause);
    // A line that just drops is told by `close`; one that broke a rule, or a first one that fails, by `error` as well.
    if (wasOpen ? cause.cause : !attempt && !offline && cause.code !== 'ERR_PRIMUS_TIMEOUT') tell(null, 'error', cause);
    if (wasOpen || !again) tell(null, 'close');
    return again;
  }

  return line$.pipe(
    reconnect({
      policy(attempt, cause) {
        try {
          const delay = policy(attempt, cause);
          // A server that asks for patience gets it.
          if (delay === false || delay >= 0) return delay !== false && Math.max(delay, (cause as LinkError).retryAfter ?? 0);
          throw invalid('reconnect', 'milliseconds or false', delay);
        } catch (error) {
          // A policy of the user's own that fails has no next attempt.
          tell(null, 'error', error);
          return false;
        }
      },
      when,
      limit: (attempt) => (attempt ? settings['reconnect timeout'] : options.timeout),
      late: (limit) => new LinkError('ERR_PRIMUS_TIMEOUT', `No connection within ${limit} ms`),
      ...(strategy.has('online') && { ready$: online$ }),
      now$,
      stable: SHORTEST_LIFE,
      scheduler,
      onScheduled(attempt, cause) {
        const waiting = {
          name: 'waiting',
          attempt: described(attempt),
          until: scheduler.now() + attempt.scheduled,
          cause: cause as LinkError,
        } as const;
        tell(waiting, 'reconnect scheduled', attempt);
      },
      onAttempt(attempt) {
        tell(null, 'outgoing::reconnect');
        tell(null, 'reconnect', attempt);
        tell({ name: 'connecting', attempt: described(attempt) });
      },
      onLate: (cause, attempt) => (attempt ? tell(null, 'reconnect timeout', cause, attempt) : tell(null, 'timeout')),
      onReconnected: (attempt) => tell(null, 'reconnected', attempt),
      onFailed(cause, attempt) {
        const error = new PrimusError('ERR_PRIMUS_GAVE_UP', `Unable to recover: ${(cause as LinkError).message}`, { cause });
        tell({ name: 'closed', by: 'failure', cause: error }, 'reconnect failed', error, attempt);
      },
    }),
  );
}
