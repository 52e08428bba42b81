import { WebSocket, WebSocketServer } from 'ws';
import { closeWithLimit } from '../../src/core/close-with-limit.js';
import type { Host, NodeTransformer } from '../../src/server/http/host.js';
import { CLOSE_TIMEOUT } from '../shared/link-base.js';
import { serveWebSockets } from '../shared/server/serve.js';
import type { WebSocketsServerTransport } from './options.js';
import { Framed } from './server/frames.js';
import { WebSocketLink } from './server/link.js';

/** Missing from the types of ws. */
const CLOSING = { closeTimeout: CLOSE_TIMEOUT };

export const server: NodeTransformer = {
  listen(host) {
    const sockets = new WebSocketServer({
      ...CLOSING,
      ...(host.transport as WebSocketsServerTransport),
      perMessageDeflate: deflate(host),
      maxPayload: host.maxLength,
      WebSocket: closeWithLimit(WebSocket, host.maxLength),
      noServer: true,
      clientTracking: false,
    });
    // A handshake is done at once; a malformed one is answered by ws itself.
    return serveWebSockets(host, ({ request, socket, head }, arrived) =>
      sockets.handleUpgrade(request, socket, head, (websocket) => arrived({ link: new WebSocketLink(websocket, socket), request })),
    );
  },

  broadcast(links, frame) {
    const framed = new Framed(frame);
    for (const link of links as Iterable<WebSocketLink>) link.share(framed);
  },
};

function deflate({ compression, transport }: Host): WebSocketsServerTransport['perMessageDeflate'] {
  return (transport as WebSocketsServerTransport).perMessageDeflate ?? compression;
}
