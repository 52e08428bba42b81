import type { ClientOptions } from 'ws';

/** Option `transport` on the server: the options of faye-websocket, without those that the library sets itself. */
export interface FayeServerTransport {
  /**
   * Supported subprotocols; the first one offered by the client that is among them is chosen.
   * @defaultValue none
   */
  protocols?: string[];
  /**
   * Headers of the response to the handshake.
   * @defaultValue none
   */
  headers?: Record<string, string>;
  /**
   * Plug-ins of websocket-extensions.
   * @defaultValue permessage-deflate with `compression`, else none
   */
  extensions?: object[];
  /**
   * Interval of the framework's own pings, in seconds.
   * @defaultValue none: the library has its own heartbeat
   */
  ping?: number;
}

/** Option `transport` in the Node.js client: the options of `ws`. Browsers have none. */
export type FayeClientTransport = Omit<ClientOptions, 'maxPayload'>;
