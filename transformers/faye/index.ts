import type { Transformer } from '../../src/core/transformer.js';
import { client } from './client.js';
import { server } from './server.js';

export type { FayeClientTransport, FayeServerTransport } from './options.js';

/**
 * WebSockets by faye-websocket.
 *
 * @example
 * import { faye } from 'primus-rx/transformers/faye';
 *
 * const primus = new Primus(server, { transformer: faye });
 */
export const faye = { name: 'faye', bundle: 'faye', server, client } satisfies Transformer<never, never>;
