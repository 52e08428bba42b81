import type { Attempt, ReconnectEvent as Reconnection } from '../operators/reconnect.js';
import { asError, asUnopened, type LinkError, PrimusError } from '../src/core/errors.js';
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
  /** Whether the attempt waits for its delay. */
  readonly backoff: boolean;
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

/** The events of `reconnect$`. */
export type ReconnectEvent =
  | { readonly type: 'scheduled' | 'started' | 'reconnected'; readonly attempt: ReconnectAttempt }
  | { readonly type: 'timeout' | 'failed'; readonly error: Error; readonly attempt: ReconnectAttempt | null };

/** An entry of a client's log, from which its state and its events are derived. */
export type SessionEvent =
  | Exclude<Reconnection<Link, ReconnectAttempt>, { type: 'value' }>
  /** The platform's network came or went; `pauses`: no attempt is made without it. */
  | { readonly type: 'network'; readonly online: boolean; readonly pauses: boolean }
  /** `isDue`: the client was opened, or was about to open by itself, so that `end` is emitted. */
  | { readonly type: 'ended'; readonly by: 'client' | 'server' | 'destroy'; readonly isDue: boolean };

/** An event that a client emits, with its arguments. */
type Emission = readonly [event: string, ...args: unknown[]];

/** Marks the place among the emissions at which the change of state is emitted. */
export const CHANGE: Emission = ['state'];

/** Returns the state after an event, and what the client emits. */
export function transition(state: ClientState, event: SessionEvent): [after: ClientState, ...emissions: Emission[]] {
  switch (event.type) {
    case 'connecting': {
      const { attempt } = event;
      if (attempt) return [{ name: 'connecting', attempt }, CHANGE, ['outgoing::reconnect'], ['reconnect', attempt]];
      // The session of a first connection repeats what `open()` has emitted.
      return [state.name === 'connecting' ? state : { name: 'connecting', attempt }, CHANGE];
    }
    case 'open':
      return [{ name: 'open' }, ...(event.attempt ? [['reconnected', event.attempt] as const] : []), ['incoming::open'], CHANGE, ['open']];
    case 'timed out':
      return [state, event.attempt ? ['reconnect timeout', event.error, event.attempt] : ['timeout']];
    case 'lost': {
      const { error, wasOpen, attempt, next, follows } = event as typeof event & { error: LinkError };
      const isEnd = follows === 'nothing';
      const after = isEnd ? failure(error) : follows === 'failed' ? failure(gaveUp(error)) : waiting(next, error);
      const emissions: Emission[] = [];
      // A connection that is just lost is a `close`. One that broke a rule, a first one that fails, and an attempt that is final are an `error` as well.
      if (wasOpen ? error.cause : (isEnd || !attempt) && !/OFFLINE|TIMEOUT/.test(error.code)) emissions.push(['error', error]);
      emissions.push(CHANGE, [wasOpen ? 'incoming::end' : 'incoming::error', error]);
      if (wasOpen || isEnd) emissions.push(CLOSE);
      if (isEnd) emissions.push(END);
      return [after, ...emissions];
    }
    case 'scheduled': {
      const { attempt, error } = event;
      const isKnown = state.name === 'waiting' && state.attempt?.attempt === attempt.attempt;
      const after = isKnown ? state : waiting(attempt, error as LinkError);
      return [after, CHANGE, ['reconnect scheduled', after.attempt]];
    }
    case 'failed': {
      // The state has it already: `lost` comes before.
      const error = state.name === 'closed' ? state.cause : gaveUp(event.error as LinkError);
      const why: Emission[] = 'policyError' in event ? [['error', asUnopened(asError(event.policyError))]] : [];
      return [state, ...why, ['reconnect failed', error, event.attempt], END];
    }
    case 'network': {
      const isPaused = state.name === 'waiting' && state.attempt && event.pauses && !event.online;
      return [isPaused ? waiting(null, state.cause) : state, CHANGE];
    }
    case 'ended': {
      if (state.name === 'closed') return [state, END];
      const after: ClientState = { name: 'closed', by: event.by, cause: null };
      const ends = state.name === 'waiting' ? [END] : [CLOSE, END];
      return [after, CHANGE, ...(event.isDue ? ends : [])];
    }
  }
}

const CLOSE: Emission = ['close'];
export const END: Emission = ['end'];

function waiting(next: ReconnectAttempt | null, cause: PrimusError): ClientState & { name: 'waiting' } {
  const attempt = next && { ...next, backoff: true };
  return { name: 'waiting', attempt, until: attempt && attempt.start + attempt.duration + attempt.scheduled, cause };
}

function failure(cause: PrimusError): ClientState {
  return { name: 'closed', by: 'failure', cause };
}

function gaveUp(cause: LinkError): PrimusError {
  return new PrimusError('ERR_PRIMUS_GAVE_UP', `Unable to recover: ${cause.message}`, { cause });
}
