import type { ManagerOptions } from 'socket.io-client';
import type { Platform } from '../../client/platform/platform.js';
import { LinkError } from '../../src/core/errors.js';
import type { ClientTransformer } from '../../src/core/transformer.js';
import { Dial } from '../engine.io/client/dial.js';
import { engineOptions, onEngine } from '../engine.io/client.js';
import { SocketIOLink } from './client/link.js';
import { longestPacket, type SocketIOClientTransport } from './options.js';

/** The part of socket.io-client that is used. Its build for browsers has their polling under the same name. */
export type Framework = Pick<typeof import('socket.io-client'), 'Manager' | 'NodeXHR' | 'WebSocket' | 'WebTransport'>;

/** Options of a manager that has one connection, and leaves reconnecting to us. */
const ALONE = { reconnection: false, autoConnect: false, timeout: false };

/** Creates the client: it polls, then upgrades where it can, then joins the namespace. */
export function client(framework: () => Framework): ClientTransformer<Platform> {
  return onEngine(framework, ({ Manager }, implement, target, subscriber) => {
    const { auth } = target.transport as SocketIOClientTransport;
    const dial = new Dial(target, longestPacket(target.maxLength));
    const manager = new Manager({ ...engineOptions(target, dial, implement), ...ALONE } as unknown as ManagerOptions);
    const socket = manager.socket('/', auth && { auth }).connect();
    const link = new SocketIOLink(manager.engine as never, dial);
    link.join(socket);
    socket.on('connect', () => dial.opened(link, subscriber));
    socket.on('connect_error', (cause) => {
      // Errors of the engine are reported by the link.
      if (manager.engine.readyState !== 'open') return;
      const message = `The server rejected the connection: ${cause.message}`;
      subscriber.error(new LinkError('ERR_PRIMUS_CONNECT', message, { reason: cause.message, cause }));
    });
    return dial.watch(link, subscriber, socket);
  });
}
