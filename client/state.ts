import type { Attempt } from '../operators/reconnect.js';
import type { PrimusError } from '../src/core/errors.js';

/** One attempt with the settings of the back-off it belongs to: what the documented events carry. */
export interface ReconnectAttempt extends Attempt {
  /** Shortest wait, in ms. */
  min: number;
  /** Longest wait, in ms. */
  max: number;
  /** Attempts before giving up. */
  retries: number;
  /** Growth from one wait to the next. */
  factor: number;
  /** How long the attempt may take, in ms. */
  'reconnect timeout': number;
}

/**
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
  /** `until`: when the attempt will be made, ms since the epoch; null while there is no network. */
  | { readonly name: 'waiting'; readonly attempt: ReconnectAttempt | null; readonly until: number | null; readonly cause: PrimusError }
  | { readonly name: 'closed'; readonly by: 'client' | 'server' | 'failure' | 'destroy'; readonly cause: PrimusError | null };

/** What `reconnect$` emits. */
export type ReconnectEvent =
  | { readonly type: 'scheduled' | 'started' | 'reconnected'; readonly attempt: ReconnectAttempt }
  | { readonly type: 'timeout' | 'failed'; readonly error: Error; readonly attempt: ReconnectAttempt | null };
