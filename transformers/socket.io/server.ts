import { createRequire } from 'node:module';
import { fromEventPattern, ignoreElements, map, merge } from 'rxjs';
import type { Server, Socket } from 'socket.io';
import { framework } from '../../src/core/framework.js';
import type { Frame } from '../../src/core/link.js';
import type { NodeTransformer } from '../../src/server/host.js';
import { continues, EngineLink, Lines, settings } from '../engine.io/server.js';
import { frameOf, longestPacket, type SocketIOServerTransport } from './options.js';

/** How long a client may take to join the namespace, in ms, before its line is cut. */
const JOINING = { connectTimeout: 10_000 };

const require = createRequire(import.meta.url);

export const server: NodeTransformer = {
  listen(host) {
    const { Server } = framework<typeof import('socket.io')>(require, 'socket.io', '^4.8.0');
    // Socket.IO stands on Engine.IO, the one it brings along.
    const { Server: Engine } = framework<typeof import('engine.io')>(createRequire(require.resolve('socket.io')), 'engine.io', '^6.6.7');
    const engine = new Engine(settings(host, longestPacket(host.maxLength)));
    host.continues = ({ request }) => continues(request);
    const io = new Server({ ...JOINING, ...(host.transport as SocketIOServerTransport), serveClient: false });
    io.bind(engine);
    const lines = new Lines(host, engine, (socket) => new SocketIOLink(socket, host));
    const arrivals$ = joined(io).pipe(
      map((socket) => {
        const link = lines.of(socket.conn) as SocketIOLink;
        link.join(socket);
        return lines.arrival(link, socket.id);
      }),
    );
    return merge(lines.opened$.pipe(ignoreElements()), arrivals$, lines.served$);
  },
};

/** A connection is one when its client has joined the namespace. */
function joined(io: Server) {
  return fromEventPattern<Socket>(
    (connected) => io.on('connection', connected),
    (connected) => io.removeListener('connection', connected),
  );
}

/** A socket of Socket.IO as a link. */
class SocketIOLink extends EngineLink {
  private io: Socket | undefined;

  override get socket(): unknown {
    return this.io;
  }

  join(io: Socket): void {
    this.io = io;
    io.on('message', (...args: unknown[]) => {
      const frame = frameOf(args[0]);
      if (frame !== undefined) this.received(frame);
      // Whoever asks whether it arrived is told that it did.
      const acknowledge = args.at(-1);
      if (typeof acknowledge === 'function') acknowledge();
    });
    // Nothing is left to be said on the line of a client that leaves the namespace.
    io.on('disconnect', () => this.close());
  }

  protected override listen(): void {}

  protected override transmit(frame: Frame): void {
    this.io?.emit('message', frame);
  }
}
