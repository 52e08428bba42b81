import { filter, ignoreElements, map, merge, tap } from 'rxjs';
import { WebSocketServer } from 'ws';
import type { Arrival } from '../../src/core/transformer.js';
import type { Host, NodeTransformer, UpgradeExchange } from '../../src/server/http/host.js';
import { reject } from '../../src/server/http/reject.js';
import type { WebSocketsServerTransport } from './options.js';
import { Framed } from './server/frames.js';
import { WebSocketLink } from './server/link.js';

/** How long a peer may take to answer our close, in ms, before the line is cut. */
const CLOSING = { closeTimeout: 2_000 };

export const server: NodeTransformer = {
  listen(host) {
    const sockets = new WebSocketServer({
      ...CLOSING,
      ...(host.transport as WebSocketsServerTransport),
      perMessageDeflate: deflate(host),
      maxPayload: host.maxLength,
      noServer: true,
      clientTracking: false,
    });
    return merge(
      host.upgrade$.pipe(
        map((exchange) => accept(sockets, exchange)),
        filter((arrival) => arrival !== undefined),
      ),
      host.request$.pipe(
        tap(({ response }) => reject(response, 426, 'Upgrade Required', { Connection: 'close', Upgrade: 'websocket' })),
        ignoreElements(),
      ),
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

/** One handshake, which is done at once; one that is malformed ws answers itself. */
function accept(sockets: WebSocketServer, { request, socket, head }: UpgradeExchange): Arrival | undefined {
  let arrival: Arrival | undefined;
  sockets.handleUpgrade(request, socket, head, (websocket) => {
    arrival = { link: new WebSocketLink(websocket, socket), request };
  });
  return arrival;
}
