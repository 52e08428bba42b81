import type { Transformer } from '../../src/core/transformer.js';
import { client } from './client.js';
import { server } from './server.js';

export type { UWSClientTransport, UWSServerTransport } from './options.js';

/**
 * WebSockets by uWebSockets.js, which owns the port of the server.
 *
 * @example
 * import { uws } from 'primus-rx/transformers/uws';
 *
 * const primus = new Primus(server, { transformer: uws });
 */
export const uws = { name: 'uws', bundle: 'uws', server, client } satisfies Transformer<never, never>;
