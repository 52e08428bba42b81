import type { Address } from './address.js';

/** The exports of browserchannel's client. */
export interface Framework {
  BCSocket: BCSocketConstructor;
}

/** The constructor dials. */
export type BCSocketConstructor = new (url: Address, options: object) => BCSocket;

/** The part of BCSocket that is used. */
export interface BCSocket {
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((reason: string) => void) | null;
  /** The values become strings when they are put into a request, and again when that request is repeated. */
  sendMap(map: Record<string, { toString(): string }>): void;
  close(): void;
}

export const OPEN = 1;
