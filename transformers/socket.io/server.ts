import { createRequire } from 'node:module';
import { filter, fromEventPattern, ignoreElements, map, merge } from 'rxjs';
import type { Server, Socket } from 'socket.io';
import { loadFramework } from '../../src/core/load-framework.js';
import { packageRequire } from '../../src/core/package-require.js';
import type { NodeTransformer } from '../../src/server/http/host.js';
import { EngineEndpoint } from '../engine.io/server/endpoint.js';
import { settings } from '../engine.io/server.js';
import { longestPacket, type SocketIOServerTransport } from './options.js';
import { shareEncoding } from './server/encoding.js';
import { SocketIOLink } from './server/link.js';

/** The time in which a client must join the namespace, in ms; then its connection is terminated. */
const JOINING = { connectTimeout: 10_000 };

export const server: NodeTransformer = {
  listen(host) {
    const { Server } = loadFramework<typeof import('socket.io')>(packageRequire, 'socket.io', '^4.8.0');
    // Socket.IO stands on the Engine.IO among its own dependencies.
    const { Server: Engine } = loadFramework<typeof import('engine.io')>(
      createRequire(packageRequire.resolve('socket.io')),
      'engine.io',
      '^6.6.7',
    );
    const engine = new Engine(settings(host, longestPacket(host.maxLength)));
    const io = new Server({ ...JOINING, ...(host.transport as SocketIOServerTransport), serveClient: false });
    shareEncoding(io);
    io.bind(engine);
    const endpoint = new EngineEndpoint(host, engine, (socket) => new SocketIOLink(socket, host));
    const arrivals$ = joined(io).pipe(
      filter(({ conn }) => {
        const isFirst = endpoint.of(conn)?.ended === false;
        // A client that has left connects again.
        if (!isFirst) conn.close();
        return isFirst;
      }),
      map((socket) => {
        const link = endpoint.of(socket.conn) as SocketIOLink;
        link.join(socket);
        // For a client of Socket.IO 2 it is the id of the session, which is a key to it.
        return endpoint.arrival(link, socket.conn.protocol === 3 ? undefined : socket.id);
      }),
    );
    return merge(endpoint.opened$.pipe(ignoreElements()), arrivals$, endpoint.served$);
  },
};

/** Emits each socket once its client has joined the namespace. */
function joined(io: Server) {
  return fromEventPattern<Socket>(
    (connected) => io.on('connection', connected),
    (connected) => io.removeListener('connection', connected),
  );
}
