import { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { filter, ignoreElements, map, merge, Observable, tap } from 'rxjs';
import type { Arrival } from '../../src/core/transformer.js';
import type { Host, NodeTransformer } from '../../src/server/http/host.js';
import { reject } from '../../src/server/http/reject.js';
import { everywhere, type Handshake, type Listener } from './network.js';
import type { MemoryTransport } from './options.js';
import { MemorySocket } from './server/socket.js';

/**
 * Connections within the process. They come in by the door all others come in by: an `upgrade` of the HTTP server, so
 * that routing, middleware and authorization are the same.
 */
export const server: NodeTransformer = {
  listen(host) {
    const { network = everywhere } = host.transport as MemoryTransport;
    const arrivals$ = host.upgrade$.pipe(
      filter(({ socket }) => socket instanceof MemorySocket || !reject(socket, 426)),
      map(({ request, socket }): Arrival => ({ request, link: (socket as MemorySocket).accept(network, host.maxLength) })),
    );
    const refusals$ = host.request$.pipe(
      tap(({ response }) => reject(response, 426)),
      ignoreElements(),
    );
    const listening$ = new Observable<never>(() => network.serve(listener(host)));
    return merge(arrivals$, refusals$, listening$);
  },
};

/** Answers to the port of the HTTP server and, while that does not listen, to every address. */
function listener({ server: http, maxLength }: Host): Listener {
  return {
    maxLength,
    answersTo(url) {
      const address = http.address() as AddressInfo | null;
      return address === null || String(address.port) === (url.port || '80');
    },
    knock(handshake) {
      const socket = new MemorySocket(handshake);
      http.emit('upgrade', requestOf(handshake, socket), socket, Buffer.alloc(0));
    },
  };
}

function requestOf({ url, headers = {} }: Handshake, socket: MemorySocket): IncomingMessage {
  const { host, pathname, search } = new URL(url);
  const request = new IncomingMessage(socket as unknown as Socket);
  request.method = 'GET';
  request.url = pathname + search;
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  request.headers = { ...Object.fromEntries(given), host, connection: 'upgrade', upgrade: 'memory' };
  return request;
}
