import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { cleanup } from './serve.js';

export interface Relay {
  port: number;
  /** Terminates the connections, and accepts no new ones. */
  interrupt(): void;
  /** Carries no data any more, and closes nothing: both ends lose their peer without a sign of it. */
  freeze(): void;
  /** Accepts connections again. */
  restore(): void;
}

/** Starts a TCP relay to the port `to` of this machine, whose connections can be interrupted. `answered` gets what the server sends. */
export async function startRelay(to: number, answered?: (bytes: Buffer) => void): Promise<Relay> {
  const sockets = new Set<Socket>();
  let accepting = true;
  let frozen = false;
  const server = createServer((near) => {
    if (!accepting) return void near.destroy();
    if (frozen) return void sockets.add(near);
    const far = connect(to, '127.0.0.1');
    if (answered !== undefined) far.on('data', answered);
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(into);
      from.on('error', () => {});
      from.on('close', () => into.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay: Relay = {
    port: (server.address() as AddressInfo).port,
    interrupt() {
      accepting = false;
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    restore() {
      accepting = true;
    },
  };
  cleanup(() => {
    relay.interrupt();
    server.close();
  });
  return relay;
}
