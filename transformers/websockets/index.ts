import type { Transformer } from '../../src/core/transformer.js';
import { client } from './client.js';
import { server } from './server.js';

export type { WebSocketsClientTransport, WebSocketsServerTransport } from './options.js';

/**
 * WebSockets by ws: the default transformer.
 *
 * @example
 * import { websockets } from 'primus-rx/transformers/websockets';
 *
 * const primus = new Primus(server, { transformer: websockets });
 */
export const websockets = { name: 'websockets', bundle: 'websockets', server, client } satisfies Transformer<never, never>;
