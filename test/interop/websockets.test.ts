import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, connect as dial, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Primus } from '../../src/index.js';
import { cleanup, event, until } from '../support/serve.js';
import { type Any, Original } from './original.js';

interface Make {
  /** Makes a server on an HTTP server. */
  server: (http: Any, options: Record<string, unknown>) => Any;
  /** A class of clients for it. */
  socket: (options: Record<string, unknown>) => Any;
}

const ours: Make = {
  server: (http, options) => new Primus(http, options),
  socket: (options) => Primus.createSocket(options),
};

const theirs: Make = {
  server: (http, options) => new Original(http, { transformer: 'websockets', ...options }),
  socket: (options) => Original.createSocket({ transformer: 'websockets', ...options }),
};

/** A line that can be cut: what is connected to `port` goes on to the server, until then. */
async function cuttable(to: number) {
  const sockets = new Set<Socket>();
  const relay = createTcpServer((near) => {
    const far = dial(to, '127.0.0.1');
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
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  cleanup(() => {
    cut();
    relay.close();
  });
  return { port: (relay.address() as AddressInfo).port, cut };
}

async function meet(server: Make, client: Make, { serverOptions = {}, clientOptions = {} } = {}) {
  const http = createServer();
  const primus = server.server(http, serverOptions);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  cleanup(() => new Promise<void>((resolve) => primus.destroy({ close: true }, resolve)));
  const line = await cuttable((http.address() as AddressInfo).port);
  const Client = client.socket(serverOptions);
  const connection = event(primus, 'connection');
  const socket = new Client(`http://127.0.0.1:${line.port}?token=1`, { reconnect: { min: 20, max: 50 }, ...clientOptions });
  cleanup(() => socket.destroy());
  const opened = event(socket, 'open');
  const [spark] = (await connection) as [Any];
  await opened;
  return { primus, socket, spark, cut: line.cut };
}

describe.each([
  { what: 'their client against our server', server: ours, client: theirs },
  { what: 'our client against their server', server: theirs, client: ours },
])('8.0.9 over websockets and JSON: $what', ({ server, client }) => {
  it('opens, with the query', async () => {
    const { spark, socket, primus } = await meet(server, client);
    expect(spark.query.token).toBe('1');
    expect(socket.readyState).toBe(3);
    expect(primus.connected).toBe(1);
  });

  it('carries data both ways, in order', async () => {
    const { spark, socket } = await meet(server, client);
    const values = [1, 'two', { three: [3] }, null, true, 'ü\u2028\u2029😀', ''];
    const there: unknown[] = [];
    const here: unknown[] = [];
    spark.on('data', (data: unknown) => there.push(data));
    socket.on('data', (data: unknown) => here.push(data));
    for (const value of values) {
      socket.write(value);
      spark.write(value);
    }
    await until(() => there.length === values.length && here.length === values.length);
    expect(there).toEqual(values);
    expect(here).toEqual(values);
  });

  it('tells the id of the spark', async () => {
    const { spark, socket } = await meet(server, client);
    expect(await new Promise((resolve) => socket.id(resolve))).toBe(spark.id);
  });

  it('beats: pings are answered, and both stay', async () => {
    const { spark, socket, primus } = await meet(server, client, { serverOptions: { pingInterval: 50 } });
    const pings: unknown[] = [];
    const beats: unknown[] = [];
    socket.on('incoming::ping', (stamp: unknown) => pings.push(stamp));
    spark.on('heartbeat', () => beats.push(1));
    await until(() => pings.length > 3 && beats.length > 3);
    expect(typeof pings[0]).toBe('number');
    expect(primus.connected).toBe(1);
    expect(socket.readyState).toBe(3);
  });

  it('does not come back when the server closes', async () => {
    const { spark, socket, primus } = await meet(server, client);
    const attempts: unknown[] = [];
    socket.on('reconnect scheduled', (attempt: unknown) => attempts.push(attempt));
    const [data, end] = [event(socket, 'data'), event(socket, 'end')];
    spark.end({ last: 'words' });
    expect((await data)[0]).toEqual({ last: 'words' });
    await end;
    await until(() => primus.connected === 0);
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(attempts).toEqual([]);
    expect(primus.connected).toBe(0);
  });

  it('comes back when the line is cut, with what was written meanwhile', async () => {
    const { socket, primus, spark, cut } = await meet(server, client);
    const again = event(primus, 'connection');
    const closed = event(socket, 'close');
    const [back, opened] = [event(socket, 'reconnected'), event(socket, 'open')];
    cut();
    await closed;
    socket.write('written meanwhile');
    const [next] = (await again) as [Any];
    const data = event(next, 'data');
    await back;
    await opened;
    expect((await data)[0]).toBe('written meanwhile');
    expect(next.id).not.toBe(spark.id);
    await until(() => primus.connected === 1);
  });

  it('comes back when the server asks for it', async () => {
    const { socket, spark, primus } = await meet(server, client);
    const again = event(primus, 'connection');
    const opened = event(socket, 'open');
    spark.end(undefined, { reconnect: true });
    await again;
    await opened;
    expect(socket.readyState).toBe(3);
  });

  it('ends when the client does', async () => {
    const { socket, spark } = await meet(server, client);
    const ended = event(spark, 'end');
    socket.end();
    await ended;
    expect(socket.readyState).toBe(2);
  });
});

describe('8.0.9 as the public of our endpoints', () => {
  it('has the same specification, but for the version', async () => {
    const specs = await Promise.all(
      [ours, theirs].map(async (make) => {
        const http = createServer();
        const primus = make.server(http, { pathname: '/live', pingInterval: 1234 });
        http.listen(0, '127.0.0.1');
        await once(http, 'listening');
        cleanup(() => new Promise<void>((resolve) => primus.destroy({ close: true }, resolve)));
        const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/live/spec`;
        return (await fetch(url)).json() as Promise<{ version: string }>;
      }),
    );
    const [{ version: _ours, ...our }, { version: _theirs, ...their }] = specs as [{ version: string }, { version: string }];
    expect(our).toEqual(their);
  });
});
