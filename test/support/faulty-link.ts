import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { cleanup } from './serve.js';

export type Direction = 'up' | 'down';
export type Break = 'reset' | 'end';

export interface FaultyLink {
  readonly port: number;
  /** Passes so many more bytes in one direction, then breaks every connection; new ones work again. */
  break(how: Break, direction: Direction, after: number): void;
  /** How many times it has broken them. */
  readonly breaks: number;
}

/** Starts a proxy to a local port whose connections break at a given byte, in the middle of a frame as well. */
export async function faultyLink(target: number): Promise<FaultyLink> {
  const pairs = new Set<[client: Socket, server: Socket]>();
  let fault: { how: Break; direction: Direction; left: number } | undefined;
  let breaks = 0;

  function sever(how: Break): void {
    fault = undefined;
    breaks++;
    for (const [client, server] of pairs) {
      for (const socket of [client, server]) {
        if (how === 'reset') socket.resetAndDestroy();
        else socket.end(() => socket.destroy());
      }
    }
    pairs.clear();
  }

  function pass(direction: Direction, to: Socket, chunk: Buffer): void {
    if (fault?.direction !== direction || chunk.length < fault.left) {
      if (fault?.direction === direction) fault.left -= chunk.length;
      to.write(chunk);
      return;
    }
    const { how, left } = fault;
    to.write(chunk.subarray(0, left), () => sever(how));
    fault = undefined;
    // What comes behind the fault gets nowhere.
    for (const pair of pairs) for (const socket of pair) socket.pause();
  }

  const proxy = createServer((client) => {
    const server = connect(target, '127.0.0.1');
    const pair: [Socket, Socket] = [client, server];
    pairs.add(pair);
    client.on('data', (chunk) => pass('up', server, chunk));
    server.on('data', (chunk) => pass('down', client, chunk));
    for (const [socket, other] of [pair, [server, client]] as const) {
      socket.on('error', () => other.destroy());
      socket.on('end', () => other.end());
      socket.on('close', () => {
        other.destroy();
        pairs.delete(pair);
      });
    }
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  cleanup(() => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    proxy.close();
  });

  return {
    port: (proxy.address() as AddressInfo).port,
    break(how, direction, after) {
      fault = { how, direction, left: after };
    },
    get breaks() {
      return breaks;
    },
  };
}
