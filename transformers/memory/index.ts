import type { Transformer } from '../../src/core/transformer.js';
import { client } from './client.js';
import { server } from './server.js';

export { MemoryNetwork, type MemoryNetworkOptions } from './network.js';
export type { MemoryTransport } from './options.js';

/**
 * Connections within the process: for tests, and as the reference implementation of a transformer.
 *
 * @example
 * import { memory } from 'primus-rx/transformers/memory';
 *
 * const primus = new Primus(server, { transformer: memory });
 */
export const memory = { name: 'memory', server, client } satisfies Transformer<never, never>;
