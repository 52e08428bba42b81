import type { SockJSClientTransport } from '../options.js';

/** The part of sockjs-client that is used. */
export interface SockJS {
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  readonly _transport?: SockJSTransport | null;
}

/** The constructor that sockjs-client exports. It dials. */
export type SockJSConstructor = new (url: string, protocols: null, options: SockJSClientTransport) => SockJS;

/** The transport of a connection: a WebSocket, or requests one after the other. */
export interface SockJSTransport {
  readonly ws?: { readonly bufferedAmount: number; readonly _stream?: Stream };
  /** The strings that wait for the next request. */
  readonly sendBuffer?: string[];
  /** Aborts the request under way; present while there is one. */
  readonly sendStop?: (() => void) | null;
}

/** The socket of a WebSocket in Node.js. */
interface Stream {
  readonly writableLength: number;
  destroy(): void;
  once(event: 'close', listener: () => void): void;
}

export const OPEN = 1;
