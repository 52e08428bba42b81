import { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { merge, Observable } from 'rxjs';
import type { Host, NodeTransformer } from '../../src/server/http/host.js';
import { reject, requireUpgrade } from '../../src/server/http/reject.js';
import { serve } from '../shared/server/serve.js';
import { type MemoryHandshake, type MemoryListener, sharedNetwork } from './network.js';
import type { MemoryTransport } from './options.js';
import { MemorySocket } from './server/socket.js';

/**
 * Accepts connections within the process. Each arrives as an `upgrade` event of the HTTP server, so that routing, middleware
 * and authorization are the same as for any other.
 */
export const server: NodeTransformer = {
  listen(host) {
    const { network = sharedNetwork } = host.transport as MemoryTransport;
    const arrivals$ = serve(host, (arrived) => ({
      request: ({ response }) => requireUpgrade(response),
      upgrade: ({ request, socket }) => {
        if (socket instanceof MemorySocket) arrived({ request, link: socket.accept(network, host.maxLength) });
        else reject(socket, 426);
      },
    }));
    return merge(arrivals$, new Observable<never>(() => network.serve(listener(host))));
  },
};

/** Listens at the port of the HTTP server; while that has none, at every address. */
function listener({ server: http }: Host): MemoryListener {
  return {
    listensAt(url) {
      const address = http.address() as AddressInfo | null;
      return address === null || String(address.port) === (url.port || '80');
    },
    handle(handshake) {
      const socket = new MemorySocket(handshake);
      http.emit('upgrade', requestOf(handshake, socket), socket, Buffer.alloc(0));
    },
  };
}

function requestOf({ url, headers = {} }: MemoryHandshake, socket: MemorySocket): IncomingMessage {
  const { host, pathname, search } = new URL(url);
  const request = new IncomingMessage(socket as unknown as Socket);
  request.method = 'GET';
  request.url = pathname + search;
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  request.headers = { ...Object.fromEntries(given), host, connection: 'upgrade', upgrade: 'memory' };
  return request;
}
