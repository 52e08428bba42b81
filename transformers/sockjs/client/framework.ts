import type { SockJSClientTransport } from '../options.js';

/** The part of sockjs-client that is used. */
export interface SockJS {
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  readonly _transport?: Way | null;
}

/** What sockjs-client exports. */
export type SockJSConstructor = new (url: string, protocols: null, options: SockJSClientTransport) => SockJS;

/** The way a connection goes: by WebSocket, or by requests one after the other. */
export interface Way {
  readonly ws?: { readonly bufferedAmount: number; readonly _stream?: Stream };
  /** What waits for the next request. */
  readonly sendBuffer?: string[];
  /** Gives the request up that is under way; there while there is one. */
  readonly sendStop?: (() => void) | null;
}

/** The line of a WebSocket in Node. */
interface Stream {
  readonly writableLength: number;
  destroy(): void;
  once(event: 'close', listener: () => void): void;
}

export const OPEN = 1;
