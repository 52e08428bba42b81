import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { watchForCrashes } from '../server/crashes.js';
import { cleanup, event, type Served, serve, until } from '../support/serve.js';

/** The ways in which a proxy blocks WebSockets: each gets the head of an upgrade. */
const BLOCKS: Record<string, (socket: Socket, head: string, to: number) => void> = {
  'does not answer': () => {},
  'answers 101 and is silent then': (socket, head) => {
    const key = /sec-websocket-key: (\S+)/i.exec(head)?.[1];
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
  },
  "passes the server's 101 on and is silent then": (socket, head, to) => {
    const far = connect(to, '127.0.0.1');
    far.on('error', () => {});
    // Without what the framework sends first, which may be in the same segment.
    far.once('data', (answer) => socket.write(answer.subarray(0, answer.indexOf('\r\n\r\n') + 4)));
    far.write(head, 'latin1');
    socket.on('close', () => far.destroy());
  },
  'answers 200 instead': (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'),
  'closes the connection': (socket) => void socket.destroy(),
};

/** Starts a proxy to the port `to` of this machine that blocks upgrades; returns its port, and the number of upgrades. */
async function startProxy(to: number, block: (typeof BLOCKS)[string]) {
  const sockets = new Set<Socket>();
  const proxy = { port: 0, upgrades: 0 };
  const server = createServer((near) => {
    sockets.add(near);
    near.on('error', () => {});
    near.once('data', (first) => {
      const head = first.toString('latin1');
      if (/\r\nupgrade: websocket/i.test(head)) {
        proxy.upgrades++;
        block(near, head, to);
        return;
      }
      const far = connect(to, '127.0.0.1');
      far.on('error', () => {});
      far.on('close', () => near.destroy());
      near.on('close', () => far.destroy());
      far.write(first);
      near.pipe(far).pipe(near);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy.port = (server.address() as AddressInfo).port;
  cleanup(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return proxy;
}

describe.each(['engine.io', 'socket.io', 'sockjs'])('a client of %s behind a proxy that', (transformer) => {
  watchForCrashes();

  it.each(Object.keys(BLOCKS))('%s connects over HTTP within its time-out, and loses no message', async (name) => {
    const served: Served = await serve({ transformer });
    const proxy = await startProxy(served.port, BLOCKS[name] as (typeof BLOCKS)[string]);
    served.primus.on('connection', (spark) => {
      // Written at once, and while the framework still tries the WebSocket.
      for (let number = 0; number < 20; number++) spark.write(number);
      spark.on('data', (data) => spark.write(data));
    });
    const client = new served.primus.Socket(`http://127.0.0.1:${proxy.port}`, { strategy: false });
    cleanup(() => client.destroy());
    const received: unknown[] = [];
    const ends: string[] = [];
    client.on('data', (data) => received.push(data));
    for (const end of ['timeout', 'error', 'close'] as const) client.on(end, () => ends.push(end));
    // Written before there is a connection.
    for (let number = 100; number < 110; number++) client.write(number);
    await event(client, 'open');
    await until(() => proxy.upgrades > 0);
    for (let number = 110; number < 120; number++) client.write(number);
    await until(() => received.length >= 40);
    expect(received.filter((number) => Number(number) < 100)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(received.filter((number) => Number(number) >= 100)).toEqual(Array.from({ length: 20 }, (_, index) => 100 + index));
    expect(ends).toEqual([]);
    // The server may have had a WebSocket that the client gave up.
    await until(() => served.primus.connected === 1);
  });
});
