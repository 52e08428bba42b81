import type { Policy } from '../../operators/policy.js';
import type { reconnect } from '../../operators/reconnect.js';

export const WINDOW: number;

export interface SimulatedServer {
  readonly goodbye: object;
  answer(now: number): object | undefined;
  loss(now: number): number;
}

export interface Storm {
  readonly clients: number;
  /** The attempts in each window. */
  readonly attempts: Uint32Array;
  readonly total: number;
  readonly gaveUp: number;
  /** The clients that are connected at the end. */
  readonly connected: number;
  /** The share of clients that are connected at the end of each window. */
  readonly shares: readonly number[];
  /** When it ended, in ms. */
  readonly end: number;
}

export function restart(options: { back: number; perSecond: number; retryAfter?: number }): SimulatedServer;
export function crashes(options: { every: number; until: number }): SimulatedServer;
export function simulate(options: {
  clients: number;
  policy: Policy;
  server: SimulatedServer;
  reconnect: typeof reconnect;
  limit: number;
}): Storm;
export function peak(storm: Pick<Storm, 'attempts'>, from?: number, until?: number): number;
export function reached(storm: Pick<Storm, 'shares' | 'end'>, share: number): number | undefined;
