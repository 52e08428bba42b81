import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** The part of browserchannel that is used. */
export type Framework = (options: object, connected: (session: BrowserChannelSession) => void) => Handler;

export type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

export interface BrowserChannelSession extends EventEmitter {
  readonly id: string;
  readonly state: 'init' | 'ok' | 'closed';
  readonly _backChannel: { readonly res: ServerResponse } | null;
  readonly _outgoingArrays: { readonly data: unknown[] }[];
  readonly _lastArrayId: number;
  readonly _lastSentArrayId: number;
  /** Sends a message; calls back when the client has acknowledged it, or cannot any more. */
  send(message: string, settled: () => void): void;
  /** Tells the client that the session ends; calls back when that was sent. */
  stop(sent: () => void): void;
  close(message?: string): void;
}
