import { loadFramework } from '../../src/core/load-framework.js';
import { packageRequire } from '../../src/core/package-require.js';
import type { Transformer } from '../../src/core/transformer.js';
import type { Framework } from './client/transports.js';
import { client } from './client.js';
import { server } from './server.js';

export type { EngineIOClientTransport, EngineIOServerTransport } from './options.js';

/**
 * Engine.IO: HTTP long-polling that upgrades to a WebSocket, or WebTransport, where the network allows it.
 *
 * @example
 * import { engineIO } from 'primus-rx/transformers/engine.io';
 *
 * const primus = new Primus(server, { transformer: engineIO });
 */
export const engineIO = {
  name: 'engine.io',
  bundle: 'engine.io',
  server,
  client: client(() => loadFramework<Framework>(packageRequire, 'engine.io-client', '^6.6.0')),
} satisfies Transformer<never, never>;
