import { Observable } from 'rxjs';
import type { ManagerOptions, Socket } from 'socket.io-client';
import type { Platform } from '../../client/platform.js';
import { LinkError } from '../../src/core/errors.js';
import type { Frame } from '../../src/core/link.js';
import type { ClientTransformer } from '../../src/core/transformer.js';
import { Dial, EngineLink, engineOptions, type Transports, transports } from '../engine.io/client.js';
import { frameOf, longestPacket, type SocketIOClientTransport } from './options.js';

/** What is used of socket.io-client; its browser form has a browser's polling under the same name. */
export type Framework = Pick<typeof import('socket.io-client'), 'Manager' | 'NodeXHR' | 'WebSocket' | 'WebTransport'>;

/** A manager a connection: its own reconnection is off, ours is on. */
const ALONE = { reconnection: false, autoConnect: false, timeout: false };

/** Polling, then what it can be upgraded to. The framework is loaded once, when it is first needed. */
export function client(framework: () => Framework): ClientTransformer<Platform> {
  let loaded: { framework: Framework; implement: Transports } | undefined;
  const load = () => {
    loaded ??= bind(framework());
    return loaded;
  };
  return {
    load,
    connect(target) {
      return new Observable((subscriber) => {
        const { framework, implement } = load();
        const { auth } = target.transport as SocketIOClientTransport;
        const dial = new Dial(target, longestPacket(target.maxLength));
        const manager = new framework.Manager({ ...engineOptions(target, dial, implement), ...ALONE } as unknown as ManagerOptions);
        const socket = manager.socket('/', auth && { auth }).connect();
        const link = new SocketIOLink(manager.engine as never, dial);
        link.join(socket);
        socket.on('connect', () => dial.opened(link, subscriber));
        socket.on('connect_error', (cause) => {
          // Those of the engine are the link's to tell.
          if (manager.engine.readyState !== 'open') return;
          subscriber.error(
            new LinkError('ERR_PRIMUS_CONNECT', `The server refused the connection: ${cause.message}`, { reason: cause.message, cause }),
          );
        });
        return dial.watch(link, subscriber, socket);
      });
    },
  };
}

function bind(framework: Framework): { framework: Framework; implement: Transports } {
  return { framework, implement: transports(framework) };
}

/** A socket of Socket.IO as a link. */
class SocketIOLink extends EngineLink {
  private io!: Socket;

  override get socket(): unknown {
    return this.io;
  }

  join(io: Socket): void {
    this.io = io;
    io.on('message', (data: unknown) => {
      const frame = frameOf(data);
      if (frame !== undefined) this.received(frame);
    });
  }

  protected override listen(): void {}

  protected override transmit(frame: Frame): void {
    this.io.emit('message', frame);
  }
}
