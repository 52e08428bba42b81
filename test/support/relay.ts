import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { cleanup } from './serve.js';

export interface Relay {
  port: number;
  /** How many connections to the server it has open. */
  readonly connections: number;
  /** Terminates the connections, and accepts no new ones. */
  interrupt(): void;
  /** Accepts connections again. */
  restore(): void;
  /** Passes nothing on any more, neither bytes nor the end of a connection: each end finds the other one silent. */
  silence(): void;
}

/** Starts a TCP relay to the port `to` of this machine, whose connections can be interrupted. */
export async function startRelay(to: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let accepting = true;
  let silent = false;
  const server = createServer({ allowHalfOpen: true }, (near) => {
    if (!accepting) return void near.destroy();
    const far = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true });
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(into);
      from.on('error', () => {});
      from.on('close', () => !silent && into.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay: Relay = {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return [...sockets].filter((socket) => socket.remotePort === to && !socket.destroyed).length;
    },
    interrupt() {
      accepting = false;
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
    restore() {
      accepting = true;
    },
    silence() {
      silent = true;
      for (const socket of sockets) {
        socket.unpipe().resume();
        // Only the server's end is looked at: its socket must not learn that the client has gone.
        if (socket.remotePort !== to) socket.on('end', () => socket.destroy());
      }
    },
  };
  cleanup(() => {
    relay.interrupt();
    server.close();
  });
  return relay;
}
