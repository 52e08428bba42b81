import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { cleanup } from './serve.js';

export interface Line {
  port: number;
  /** Cuts what is connected, and lets nobody through. */
  cut(): void;
  mend(): void;
}

/** A line that can be cut: what connects to it is connected to the port `to` of this machine. */
export async function cuttable(to: number): Promise<Line> {
  const sockets = new Set<Socket>();
  let whole = true;
  const relay = createServer((near) => {
    if (!whole) return void near.destroy();
    const far = connect(to, '127.0.0.1');
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
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const line: Line = {
    port: (relay.address() as AddressInfo).port,
    cut() {
      whole = false;
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
    mend() {
      whole = true;
    },
  };
  cleanup(() => {
    line.cut();
    relay.close();
  });
  return line;
}
