import { createRequire } from 'node:module';
import { loadFramework } from '../../src/core/load-framework.js';
import { packageRequire } from '../../src/core/package-require.js';
import type { Transformer } from '../../src/core/transformer.js';
import { client, type Framework } from './client.js';
import { server } from './server.js';

export type { SocketIOClientTransport, SocketIOServerTransport } from './options.js';

/** Loads the framework. In Node.js it does not export its transports: they are taken from the engine among its dependencies. */
function load(): Framework {
  const { Manager } = loadFramework<Framework>(packageRequire, 'socket.io-client', '^4.8.0');
  const engine = loadFramework<Framework>(createRequire(packageRequire.resolve('socket.io-client')), 'engine.io-client', '^6.6.0');
  return { ...engine, Manager };
}

/**
 * Socket.IO: each frame is the one argument of the event `message`, in the namespace `/`.
 *
 * @example
 * import { socketIO } from 'primus-rx/transformers/socket.io';
 *
 * const primus = new Primus(server, { transformer: socketIO });
 */
export const socketIO = {
  name: 'socket.io',
  bundle: 'socket.io',
  server,
  client: client(load),
} satisfies Transformer<never, never>;
