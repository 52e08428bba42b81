import { createRequire } from 'node:module';
import { connect, createServer, type Socket as TcpSocket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../scripts/ports.mjs';
import { Primus, PrimusError } from '../../src/index.js';
import type { Any } from '../interop/original.js';
import { cleanup, event, roundTrips, serve, until } from '../support/serve.js';

/** Lines of text over plain TCP: the smallest framework there is. Its port goes by the option `tcp`. */
function delimited() {
  const sockets = new Set<TcpSocket>();
  const transformer = Primus.Transformer.extend({
    server(this: Any) {
      const { Spark, primus } = this;
      this.service = createServer((socket) => {
        sockets.add(socket);
        const spark = new Spark({}, { ip: socket.remoteAddress, port: socket.remotePort }, { from: 'tcp' });
        socket.setEncoding('utf8');
        socket.on('data', (chunk: string) => {
          for (const frame of chunk.split('\n').filter(Boolean)) spark.emit('incoming::data', frame);
        });
        socket.on('close', spark.emits('incoming::end'));
        socket.on('error', () => {});
        spark.on('outgoing::data', (frame: string) => socket.write(`${frame}\n`));
        spark.on('outgoing::end', () => socket.end());
      }).listen(primus.options.tcp, '127.0.0.1');
      this.on('close', () => this.service.close());
    },
    // Lives on its source alone.
    client(this: Any) {
      let socket: Any;
      this.on('outgoing::open', () => {
        socket = require('node:net').connect(this.options.tcp, '127.0.0.1');
        this.socket = socket;
        socket.setEncoding('utf8');
        socket.on('connect', this.emits('incoming::open'));
        socket.on('error', this.emits('incoming::error'));
        socket.on('close', this.emits('incoming::end'));
        socket.on('data', (chunk: string) => {
          for (const frame of chunk.split('\n').filter(Boolean)) this.emit('incoming::data', frame);
        });
      });
      this.on('outgoing::reconnect', () => this.emit('outgoing::open'));
      this.on('outgoing::data', (frame: string) => socket.write(`${frame}\n`));
      this.on('outgoing::end', () => socket?.end());
    },
    library: 'Primus.delimited = true;',
  });
  return { transformer, terminate: () => sockets.forEach((socket) => void socket.destroy()) };
}

async function pair(options = {}, clientOptions = {}) {
  const tcp = await freePort();
  const { transformer, terminate } = delimited();
  const served = await serve({ transformer: transformer as never, tcp, ...options });
  const connection = event(served.primus, 'connection');
  const client = served.connect({ tcp, reconnect: { min: 10, max: 20 }, ...clientOptions }) as Any;
  const opened = event(client, 'open');
  const [spark] = (await connection) as [Any];
  await opened;
  return { ...served, tcp, terminate, client, spark };
}

describe('a third-party transformer', () => {
  it('connects, and carries messages both ways', async () => {
    const { primus, spark, client } = await pair();
    expect(primus.spec.transformer).toBe('custom');
    expect((primus.Socket as Any).delimited).toBe(true);
    expect(spark.query).toEqual({ from: 'tcp' });
    const there = event(spark, 'data');
    client.write({ hello: 'there' });
    expect(await there).toEqual([{ hello: 'there' }, '{"hello":"there"}']);
    const here = event(client, 'data');
    spark.write([1]);
    expect((await here)[0]).toEqual([1]);
    const broadcast = event(client, 'data');
    primus.write('all');
    expect((await broadcast)[0]).toBe('all');
    expect(await new Promise((resolve) => client.id(resolve))).toBe(spark.id);
  });

  it('emits private events once each', async () => {
    const { client, spark } = await pair();
    const emitted: unknown[] = [];
    for (const name of ['incoming::open', 'incoming::data', 'outgoing::data', 'outgoing::end']) client.on(name, () => emitted.push(name));
    client.write('x');
    await event(spark, 'data');
    const data = event(client, 'data');
    spark.write('y');
    await data;
    client.end();
    expect(emitted).toEqual(['outgoing::data', 'incoming::data', 'outgoing::end']);
  });

  it('reconnects over one new connection when the connection is lost', async () => {
    const { client, spark, primus, url, terminate } = await pair();
    const connections: unknown[] = [];
    primus.on('connection', (next) => connections.push(next));
    const opened = event(client, 'open');
    terminate();
    await opened;
    await until(() => connections.length === 1 && primus.connected === 1);
    expect(spark.readyState).toBe(2);
    const data = event(connections[0], 'data');
    client.write('again');
    expect((await data)[0]).toBe('again');
    await roundTrips(url);
    expect(connections).toHaveLength(1);
  });

  it('does not reconnect after the server or the client has ended the connection', async () => {
    const { client, spark } = await pair();
    const ended = event(client, 'end');
    spark.end();
    await ended;
    expect(client.state.name).toBe('closed');
    const { client: second, spark: other } = await pair();
    const gone = event(other, 'end');
    second.end();
    await gone;
  });

  it('reports a failed connection and tries again', async () => {
    const { primus } = await pair();
    const client = new primus.Socket('http://localhost', { tcp: await freePort(), reconnect: { min: 5, max: 5, retries: 2 } }) as Any;
    cleanup(() => client.destroy());
    const error = event(client, 'error');
    const failed = event(client, 'reconnect failed');
    expect(((await error)[0] as PrimusError).code).toBe('ERR_PRIMUS_CONNECT');
    await failed;
  });

  it('gets the requests on its path', async () => {
    const seen: unknown[] = [];
    const transformer = Primus.Transformer.extend({
      server(this: Any) {
        this.on('request', (request: Any, response: Any) => {
          seen.push(request.url);
          response.end('served');
        });
        this.on('upgrade', (request: Any, socket: Any) => {
          seen.push(request.url);
          socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
        });
      },
      client() {},
    });
    const { url, port } = await serve({ transformer: transformer as never });
    expect(await (await fetch(`${url}/primus/poll`)).text()).toBe('served');
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /primus/up HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: delimited\r\n\r\n');
    await event(socket, 'data');
    socket.destroy();
    expect(seen).toEqual(['/primus/poll', '/primus/up']);
  });

  it('is served with its library and its client', async () => {
    const { primus, tcp } = await pair();
    const source = primus.library();
    expect(source).toContain('Primus.delimited = true;');
    expect(source).toContain('PrimusEdge.edge(Primus, true)');
    const module = { exports: {} as Any };
    const page = new Function('module', 'require', 'addEventListener', 'removeEventListener', source);
    page(
      module,
      createRequire(import.meta.url),
      () => {},
      () => {},
    );
    const client = new module.exports('http://localhost', { tcp });
    cleanup(() => client.destroy());
    const [spark] = (await event(primus, 'connection')) as [Any];
    const data = event(spark, 'data');
    client.write('from a page');
    expect((await data)[0]).toBe('from a page');
  });

  it('must have both halves', () => {
    expect(() => Primus.Transformer.extend({ server() {} } as never)).toThrow(PrimusError);
  });
});
