import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** The part of browserchannel that is used. */
export type Framework = (options: object, connected: (session: Session) => void) => Handler;

export type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

export interface Session extends EventEmitter {
  readonly id: string;
  readonly state: 'init' | 'ok' | 'closed';
  readonly _backChannel: { readonly res: ServerResponse } | null;
  readonly _outgoingArrays: { readonly data: unknown[] }[];
  readonly _lastArrayId: number;
  readonly _lastSentArrayId: number;
  /** Calls back when the client has acknowledged it, or can no more. */
  send(message: string, settled: () => void): void;
  /** Calls back when it was sent. */
  stop(sent: () => void): void;
  close(message?: string): void;
}
