import { ACCEPTED } from '../../src/core/close-reasons.js';
import { loadFramework } from '../../src/core/load-framework.js';
import { packageRequire } from '../../src/core/package-require.js';
import type { Host, NodeTransformer } from '../../src/server/http/host.js';
import { deflate } from '../shared/server/deflate.js';
import { checkHandshake, headOf } from '../shared/server/handshake.js';
import { serveWebSockets } from '../shared/server/serve.js';
import type { FayeServerTransport } from './options.js';
import type { FayeConstructor } from './server/framework.js';
import { FayeLink } from './server/link.js';

const NONE = Buffer.alloc(0);

export const server: NodeTransformer = {
  listen(host) {
    const WebSocket = loadFramework<FayeConstructor>(packageRequire, 'faye-websocket', '^0.11.0');
    const { protocols: own = [], ...transport } = host.transport as FayeServerTransport;
    // A browser closes the connection when the server picks none of the subprotocols it offers.
    const protocols = [...own, ACCEPTED];
    const options = { ...transport, extensions: extensions(host), maxLength: host.maxLength };
    return serveWebSockets(host, (exchange, arrived) => {
      // The framework would take older drafts as well, and leaves a malformed handshake open.
      if (!checkHandshake(exchange)) return;
      const { request, socket } = exchange;
      const head = headOf(socket, exchange.head);
      const websocket = new WebSocket(request, socket, NONE, protocols, options);
      websocket.on('open', () => {
        const link = new FayeLink(websocket, socket, host.scheduler);
        arrived({ link, request });
        link.read(head);
      });
    });
  },
};

function extensions({ compression, maxLength, transport }: Host): object[] {
  return (transport as FayeServerTransport).extensions ?? (compression ? [deflate(maxLength)] : []);
}
