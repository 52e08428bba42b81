import type { Attempt } from '../operators/reconnect.js';
import type { LinkError, PrimusError } from '../src/core/errors.js';
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

/** What happens to a client, as values: the log that its state and its events are made of. */
export type SessionEvent =
  | { readonly type: 'connecting'; readonly attempt: ReconnectAttempt | null }
  | { readonly type: 'open'; readonly link: Link; readonly attempt: ReconnectAttempt | null }
  /** `end`: why nothing follows, or null. */
  | {
      readonly type: 'lost';
      readonly error: LinkError;
      readonly wasOpen: boolean;
      readonly attempt: ReconnectAttempt | null;
      readonly next: ReconnectAttempt | null;
      readonly end: PrimusError | null;
      readonly gaveUp: boolean;
    }
  | { readonly type: 'timed out'; readonly error: LinkError; readonly attempt: ReconnectAttempt | null }
  | { readonly type: 'scheduled'; readonly attempt: ReconnectAttempt; readonly error: LinkError }
  | { readonly type: 'failed'; readonly error: PrimusError; readonly attempt: ReconnectAttempt | null; readonly policyError?: unknown }
  /** The platform's network came or went; `pauses`: no attempt is made without it. */
  | { readonly type: 'network'; readonly online: boolean; readonly pauses: boolean }
  | { readonly type: 'ended'; readonly by: 'client' | 'server' | 'destroy' };

/** The state after an event. */
export function reduce(state: ClientState, event: SessionEvent): ClientState {
  switch (event.type) {
    case 'connecting':
      return state.name === 'connecting' && !event.attempt ? state : { name: 'connecting', attempt: event.attempt };
    case 'open':
      return { name: 'open' };
    case 'lost':
      return event.end ? { name: 'closed', by: 'failure', cause: event.end } : waiting(event.next, event.error);
    case 'scheduled':
      return state.name === 'waiting' && state.attempt?.attempt === event.attempt.attempt ? state : waiting(event.attempt, event.error);
    case 'network':
      return state.name === 'waiting' && state.attempt && event.pauses && !event.online ? waiting(null, state.cause) : state;
    case 'ended':
      return state.name === 'closed' ? state : { name: 'closed', by: event.by, cause: null };
    default:
      return state;
  }
}

function waiting(attempt: ReconnectAttempt | null, cause: PrimusError): ClientState {
  return { name: 'waiting', attempt, until: attempt && attempt.start + attempt.duration + attempt.scheduled, cause };
}

/** What a client emits: an event with its arguments. */
export type Emission = readonly [event: string, ...args: unknown[]];

/** What a session event makes a client emit, before and after the change of its state. */
export function emissions(event: SessionEvent, before: ClientState): { first?: Emission[]; last?: Emission[] } {
  switch (event.type) {
    case 'connecting':
      return event.attempt ? { first: [['outgoing::reconnect'], ['reconnect', event.attempt]] } : {};
    case 'open':
      return { first: [...(event.attempt ? [['reconnected', event.attempt] as const] : []), ['incoming::open']], last: [['open']] };
    case 'timed out':
      return { first: [event.attempt ? ['reconnect timeout', event.error, event.attempt] : ['timeout']] };
    case 'scheduled':
      return { last: [['reconnect scheduled', event.attempt]] };
    case 'network':
      return { first: [[event.online ? 'online' : 'offline']] };
    case 'lost': {
      const { error, wasOpen, attempt, end, gaveUp } = event;
      const last: Emission[] = [[wasOpen ? 'incoming::end' : 'incoming::error', error]];
      // A connection that is just lost is a `close`. One that broke a rule, or a first one that fails, is an `error` as well.
      const expected = error.code === 'ERR_PRIMUS_OFFLINE' || error.code === 'ERR_PRIMUS_TIMEOUT';
      if (wasOpen ? error.cause : !attempt && !expected) last.push(['error', error]);
      if (wasOpen || (end && !gaveUp)) last.push(['close']);
      if (end && !gaveUp) last.push(['end']);
      return { last };
    }
    case 'failed': {
      const { error, attempt, policyError } = event;
      return { last: [...(policyError ? [['error', policyError] as const] : []), ['reconnect failed', error, attempt], ['end']] };
    }
    case 'ended':
      return { last: before.name === 'open' || before.name === 'connecting' ? [['close'], ['end']] : [['end']] };
  }
}
