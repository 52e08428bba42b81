/** The option `transport` of the server: the options of sockjs, without those that the library sets itself. */
export interface SockJSServerTransport {
  /**
   * Whether clients may use a WebSocket.
   * @defaultValue `true`
   */
  websocket?: boolean;
  /**
   * The size of a streaming response after which the client must send a new request, in bytes.
   * @defaultValue `131_072`
   */
  response_limit?: number;
  /**
   * The time after which a client without a poll counts as disconnected, in ms.
   * @defaultValue `5000`
   */
  disconnect_delay?: number;
  /**
   * The interval of the framework's own heartbeat, in ms.
   * @defaultValue `25_000`
   */
  heartbeat_delay?: number;
  /**
   * Whether to set a cookie for load balancers that need one, or a function that sets it.
   * @defaultValue `false`
   */
  jsessionid?: boolean | ((request: unknown, response: unknown) => void);
  /**
   * The address of sockjs-client for the pages in its iframes.
   * @defaultValue this server, which sends that of the package sockjs-client
   */
  sockjs_url?: string;
  /**
   * The address at which clients should connect.
   * @defaultValue this server
   */
  base_url?: string | (() => string);
  /**
   * Whether the framework leaves CORS headers to others.
   * @defaultValue true for responses where middleware has set them
   */
  disable_cors?: boolean;
  /**
   * Receives the log of the framework.
   * @defaultValue none
   */
  log?: (severity: string, message: string) => void;
  /**
   * The options of the faye-websocket below.
   * @defaultValue permessage-deflate with `compression`
   */
  faye_server_options?: { headers?: Record<string, string>; extensions?: object[]; ping?: number };
}

/** The transports of sockjs-client. In Node.js: websocket, xhr-streaming, xhr-polling. */
export type SockJSTransportName =
  | 'websocket'
  | 'xhr-streaming'
  | 'xdr-streaming'
  | 'eventsource'
  | 'iframe-eventsource'
  | 'htmlfile'
  | 'iframe-htmlfile'
  | 'xhr-polling'
  | 'xdr-polling'
  | 'iframe-xhr-polling'
  | 'jsonp-polling';

/** The option `transport` of the client: the options of sockjs-client. */
export interface SockJSClientTransport {
  /**
   * The transports to try; the first that works is used.
   * @defaultValue all that the platform has
   */
  transports?: SockJSTransportName | SockJSTransportName[];
  /**
   * The least time-out of each transport, in ms.
   * @defaultValue `2000`
   */
  timeout?: number;
  /**
   * The segment of the address by which a load balancer chooses a server.
   * @defaultValue three random digits
   */
  server?: string;
  /**
   * The length of a session id, or a function that returns one.
   * @defaultValue `8`
   */
  sessionId?: number | (() => string);
  /**
   * The options of single transports.
   * @defaultValue none
   */
  transportOptions?: { [Name in SockJSTransportName]?: object };
}
