import { loadFramework } from '../../src/core/load-framework.js';
import { packageRequire } from '../../src/core/package-require.js';
import type { Transformer } from '../../src/core/transformer.js';
import type { SockJSConstructor } from './client/framework.js';
import { onNewConnections } from './client/new-connections.js';
import { client } from './client.js';
import { server } from './server.js';

export type { SockJSClientTransport, SockJSServerTransport, SockJSTransportName } from './options.js';

/**
 * SockJS: a WebSocket, or HTTP streaming and polling where that is blocked.
 *
 * @example
 * import { sockjs } from 'primus-rx/transformers/sockjs';
 *
 * const primus = new Primus(server, { transformer: sockjs });
 */
export const sockjs = {
  name: 'sockjs',
  bundle: 'sockjs',
  server,
  client: onNewConnections(client(() => loadFramework<SockJSConstructor>(packageRequire, 'sockjs-client', '^1.6.0'))),
} satisfies Transformer<never, never>;
