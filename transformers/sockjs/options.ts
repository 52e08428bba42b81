/** `transport` on the server: options of sockjs, but for those the library sets itself. */
export interface SockJSServerTransport {
  /** Whether clients may use WebSocket. Default true. */
  websocket?: boolean;
  /** How much a streaming answer may carry before the client has to ask anew, in bytes. Default 131,072. */
  response_limit?: number;
  /** How long a client that polls may be away before the connection is over, in ms. Default 5000. */
  disconnect_delay?: number;
  /** How often the framework itself shows life, in ms. Default 25,000. */
  heartbeat_delay?: number;
  /** A cookie for load balancers that need one. Default none. */
  jsessionid?: boolean | ((request: unknown, response: unknown) => void);
  /** Address of sockjs-client for pages that have to go by an iframe. Default a public CDN. */
  sockjs_url?: string;
  /** Where clients are to connect, if not here. */
  base_url?: string | (() => string);
  /** Whether the answers get no CORS headers of the framework's own. Default: when middleware has set them. */
  disable_cors?: boolean;
  /** Takes what the framework logs. */
  log?: (severity: string, message: string) => void;
  /** Options of the faye-websocket below. */
  faye_server_options?: { headers?: Record<string, string>; extensions?: object[]; ping?: number };
}

/** The ways sockjs-client can go. In Node: websocket, xhr-streaming, xhr-polling. */
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

/** `transport` in the client: options of sockjs-client. */
export interface SockJSClientTransport {
  /** The ways to try; the first that works is taken. Default all that the platform has. */
  transports?: SockJSTransportName | SockJSTransportName[];
  /** How long each way is given to open, in ms, at the least. Default 2000. */
  timeout?: number;
  /** The segment of the address that tells servers behind a balancer apart. */
  server?: string;
  /** Length of a session's id, or what makes one. Default 8. */
  sessionId?: number | (() => string);
  /** Options of one way. */
  transportOptions?: { [Name in SockJSTransportName]?: object };
}
