import type { ClientOptions, ServerOptions } from 'ws';

/** The option `transport` of the server: the options of `ws`, without those that the library sets itself. */
export type WebSocketsServerTransport = Omit<ServerOptions, 'server' | 'port' | 'host' | 'path' | 'noServer' | 'maxPayload'>;

/** The option `transport` of the Node.js client: the options of `ws`. Browsers have none. */
export type WebSocketsClientTransport = Omit<ClientOptions, 'maxPayload'>;
