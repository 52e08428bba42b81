import { WebSocketServer } from 'ws';
import type { Host, NodeTransformer } from '../../src/server/http/host.js';
import { CLOSE_TIMEOUT } from '../shared/link-base.js';
import { serveWebSockets } from '../shared/server/serve.js';
import { NO_CONTEXT } from '../shared/ws/deflate.js';
import { MAX_FRAGMENTS } from '../shared/ws/fragments.js';
import { ServerWebSocket } from '../shared/ws/socket.js';
import type { WebSocketsServerTransport } from './options.js';
import { Framed } from './server/frames.js';
import { WebSocketLink } from './server/link.js';

/** Missing from the types of ws. */
const DEFAULTS = { closeTimeout: CLOSE_TIMEOUT, maxFragments: MAX_FRAGMENTS, maxBufferedChunks: 0 };

export const server: NodeTransformer = {
  listen(host) {
    const { autoPong = true, ...transport } = host.transport as WebSocketsServerTransport;
    const sockets = new WebSocketServer({
      ...DEFAULTS,
      ...transport,
      // The link answers pings.
      autoPong: false,
      perMessageDeflate: deflate(host),
      maxPayload: host.maxLength,
      WebSocket: ServerWebSocket,
      noServer: true,
      clientTracking: false,
    });
    // A handshake is done at once; a malformed one is answered by ws itself.
    return serveWebSockets(host, ({ request, socket, head }, arrived) =>
      sockets.handleUpgrade(request, socket, head, (websocket) =>
        arrived({ link: new WebSocketLink(websocket, socket, autoPong), request }),
      ),
    );
  },

  broadcast(links, frame) {
    const framed = new Framed(frame);
    for (const link of links as Iterable<WebSocketLink>) link.share(framed);
  },
};

function deflate({ compression, transport }: Host): WebSocketsServerTransport['perMessageDeflate'] {
  return (transport as WebSocketsServerTransport).perMessageDeflate ?? (compression && NO_CONTEXT);
}
