import type { ClientOptions } from 'ws';

/** The option `transport` of the server: the options of faye-websocket, without those that the library sets itself. */
export interface FayeServerTransport {
  /**
   * The supported subprotocols; the first one offered by the client that is among them is chosen.
   * @defaultValue none
   */
  protocols?: string[];
  /**
   * The headers of the response to the handshake.
   * @defaultValue none
   */
  headers?: Record<string, string>;
  /**
   * The plugins of websocket-extensions.
   * @defaultValue permessage-deflate with `compression`, else none
   */
  extensions?: object[];
  /**
   * The interval of the framework's own pings, in seconds.
   * @defaultValue none: the library has its own heartbeat
   */
  ping?: number;
}

/** The option `transport` of the Node.js client: the options of `ws`. Browsers have none. */
export type FayeClientTransport = Omit<ClientOptions, 'maxPayload'>;
