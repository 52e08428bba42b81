import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { cleanup } from './serve.js';

export type Direction = 'up' | 'down';
export type Cut = 'reset' | 'end';

export interface FaultyLine {
  readonly port: number;
  /** Passes so many more bytes in one direction, then cuts every connection; new ones are whole again. */
  cut(how: Cut, direction: Direction, after: number): void;
  /** How many times it has cut. */
  readonly cuts: number;
}

/** A line to a port of this machine that breaks where it is told to, in the middle of a frame as well. */
export async function faultyLine(target: number): Promise<FaultyLine> {
  const pairs = new Set<[client: Socket, server: Socket]>();
  let fault: { how: Cut; direction: Direction; left: number } | undefined;
  let cuts = 0;

  function sever(how: Cut): void {
    fault = undefined;
    cuts++;
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
    cut(how, direction, after) {
      fault = { how, direction, left: after };
    },
    get cuts() {
      return cuts;
    },
  };
}
