import type { ClientOptions } from 'ws';

/** `transport` on the server: options of faye-websocket, but for those the library sets itself. */
export interface FayeServerTransport {
  /** Subprotocols that are spoken; the first of the client's that is among them is chosen. */
  protocols?: string[];
  /** Headers of the answer to the handshake. */
  headers?: Record<string, string>;
  /** Plug-ins of websocket-extensions. Default permessage-deflate with `compression`, else none. */
  extensions?: object[];
  /** How often the framework itself pings, in seconds. Default never: the library has its own heartbeat. */
  ping?: number;
}

/** `transport` in the Node client: options of `ws`. Browsers have none. */
export type FayeClientTransport = Omit<ClientOptions, 'maxPayload'>;
