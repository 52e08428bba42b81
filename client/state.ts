import type { Attempt, ReconnectEvent as Reconnection } from '../operators/reconnect.js';
import { type LinkError, PrimusError } from '../src/core/errors.js';
import type { Link } from '../src/core/link.js';

/** One attempt with the settings of the back-off it belongs to: what the documented events carry. */
export interface ReconnectAttempt extends Attempt {
  /** Shortest wait, in ms. */
  readonly min: number;
  /** Longest wait, in ms. */
  readonly max: number;
  /** Attempts before giving up. */
  readonly retries: number;
  /** Growth from one wait to the next. */
  readonly factor: number;
  /** How long the attempt may take, in ms. */
  readonly 'reconnect timeout': number;
}

/**
 * The state of a client.
 *
 * ```
 * idle ─open()─> connecting ──> open ──> waiting ──> connecting …
 *                     └────────────────────^
 * any ──end(), server closed, gave up, destroy()──> closed ──open()──> connecting
 * ```
 */
export type ClientState =
  | { readonly name: 'idle' }
  /** `attempt` is null for a first connection. */
  | { readonly name: 'connecting'; readonly attempt: ReconnectAttempt | null }
  | { readonly name: 'open' }
  /** `until`: when the attempt will be made, ms since the epoch. Both it and `attempt` are null while there is no network. */
  | { readonly name: 'waiting'; readonly attempt: ReconnectAttempt | null; readonly until: number | null; readonly cause: PrimusError }
  | { readonly name: 'closed'; readonly by: 'client' | 'server' | 'failure' | 'destroy'; readonly cause: PrimusError | null };

/** What `reconnect$` emits. */
export type ReconnectEvent =
  | { readonly type: 'scheduled' | 'started' | 'reconnected'; readonly attempt: ReconnectAttempt }
  | { readonly type: 'timeout' | 'failed'; readonly error: Error; readonly attempt: ReconnectAttempt | null };

/** What happens to a client: the log that its state and its events are made of. */
export type SessionEvent =
  | Reconnection<Link, ReconnectAttempt>
  /** The platform's network came or went; `pauses`: no attempt is made without it. */
  | { readonly type: 'network'; readonly online: boolean; readonly pauses: boolean }
  | { readonly type: 'ended'; readonly by: 'client' | 'server' | 'destroy' };

/** What a client emits: an event with its arguments. */
type Emission = readonly [event: string, ...args: unknown[]];

/** What an event changes: the state, and what the client emits before and after it emits the change. */
interface Transition {
  readonly state: ClientState;
  readonly first: Emission[];
  readonly last: Emission[];
}

/** The transition that an event causes. */
export function transition(state: ClientState, event: SessionEvent): Transition {
  switch (event.type) {
    case 'connecting': {
      const { attempt } = event;
      // A first connection was announced by `open()`.
      if (!attempt && state.name === 'connecting') return to(state);
      return to({ name: 'connecting', attempt }, attempt ? [['outgoing::reconnect'], ['reconnect', attempt]] : []);
    }
    case 'open': {
      const opened: Emission = ['incoming::open'];
      return to({ name: 'open' }, event.attempt ? [['reconnected', event.attempt], opened] : [opened], [['open']]);
    }
    case 'timed out':
      return to(state, [event.attempt ? ['reconnect timeout', event.error, event.attempt] : ['timeout']]);
    case 'lost': {
      const { error, wasOpen, attempt, next, follows } = event as typeof event & { error: LinkError };
      const isEnd = follows === 'nothing';
      const after = isEnd ? failure(error) : follows === 'failed' ? failure(gaveUp(error)) : waiting(next, error);
      // A connection that is just lost is a `close`. One that broke a rule, or a first one that fails, is an `error` as well.
      const isError = wasOpen ? error.cause : !attempt && !/OFFLINE|TIMEOUT/.test(error.code);
      return to(
        after,
        [],
        [
          [wasOpen ? 'incoming::end' : 'incoming::error', error],
          ...(isError ? [['error', error] as const] : []),
          ...(wasOpen || isEnd ? CLOSE : []),
          ...(isEnd ? END : []),
        ],
      );
    }
    case 'scheduled': {
      const { attempt, error } = event;
      const same = state.name === 'waiting' && state.attempt?.attempt === attempt.attempt;
      return to(same ? state : waiting(attempt, error as LinkError), [], [['reconnect scheduled', attempt]]);
    }
    case 'failed': {
      const failed: Emission = ['reconnect failed', gaveUp(event.error as LinkError), event.attempt];
      return to(state, [], [...(event.policyError ? [['error', event.policyError] as const] : []), failed, ...END]);
    }
    case 'network': {
      const isPaused = state.name === 'waiting' && state.attempt && event.pauses && !event.online;
      return to(isPaused ? waiting(null, state.cause) : state, [[event.online ? 'online' : 'offline']]);
    }
    case 'ended': {
      const closed: ClientState = state.name === 'closed' ? state : { name: 'closed', by: event.by, cause: null };
      if (state.name === 'idle') return to(closed);
      return to(closed, [], state.name === 'open' || state.name === 'connecting' ? [...CLOSE, ...END] : END);
    }
    default:
      return to(state);
  }
}

const CLOSE: Emission[] = [['close']];
const END: Emission[] = [['end']];

function to(state: ClientState, first: Emission[] = [], last: Emission[] = []): Transition {
  return { state, first, last };
}

function waiting(attempt: ReconnectAttempt | null, cause: PrimusError): ClientState {
  return { name: 'waiting', attempt, until: attempt && attempt.start + attempt.duration + attempt.scheduled, cause };
}

function failure(cause: PrimusError): ClientState {
  return { name: 'closed', by: 'failure', cause };
}

function gaveUp(cause: LinkError): PrimusError {
  return new PrimusError('ERR_PRIMUS_GAVE_UP', `Unable to recover: ${cause.message}`, { cause });
}
