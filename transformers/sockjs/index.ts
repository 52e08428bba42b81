import type { Transformer } from '../../src/core/transformer.js';
import { client } from './client.js';
import { server } from './server.js';

export type { SockJSClientTransport, SockJSServerTransport, SockJSTransportName } from './options.js';

/** SockJS: WebSocket, and what stands in for it where that is blocked. */
export const sockjs = { name: 'sockjs', bundle: 'sockjs', server, client } satisfies Transformer<never, never>;
