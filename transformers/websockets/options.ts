import type { ClientOptions, ServerOptions } from 'ws';

/** `transport` on the server: options of `ws`, but for those the library sets itself. */
export type WebSocketsServerTransport = Omit<ServerOptions, 'server' | 'port' | 'host' | 'path' | 'noServer' | 'maxPayload'>;

/** `transport` in the Node client: options of `ws`. Browsers have none. */
export type WebSocketsClientTransport = Omit<ClientOptions, 'maxPayload'>;
