import { createServer, type IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, connect as dial } from 'node:net';
import * as engineClient from 'engine.io-client';
import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { node } from '../../client/platform/node.js';
import type { Frame, Link } from '../../src/core/link.js';
import type { ServerOptions, Spark } from '../../src/index.js';
import type { Middleware } from '../../src/server/middleware/layers.js';
import { client as clientOf } from '../../transformers/engine.io/client.js';
import { Clock, settle } from '../support/clock.js';
import { cleanup, event, requested, roundTrips, serve, until } from '../support/serve.js';
import { contract } from './contract.js';
import { missing } from './missing.js';
import { ask, handshake } from './polling.js';

missing('engine.io', 'engine.io', 'engine.io-client');

contract({ transformer: 'engine.io' });
contract({ transformer: 'engine.io', by: 'polling only', options: () => ({ transport: { transports: ['polling'] } }) });
contract({ transformer: 'engine.io', by: 'websocket only', options: () => ({ transport: { transports: ['websocket'] } }) });

const require = createRequire(import.meta.url);
const start = (options: ServerOptions = {}) => serve({ transformer: 'engine.io', ...options });

/** The names of the transports a server was asked for, in order. */
function asked(server: { on(event: string, listener: (request: IncomingMessage) => void): unknown; emit: unknown }): string[] {
  const seen: string[] = [];
  const emit = server.emit as (event: string, ...args: unknown[]) => boolean;
  server.emit = function (this: unknown, event: string, ...args: unknown[]) {
    if (event === 'request' || event === 'upgrade')
      seen.push(`${event} ${new URL((args[0] as IncomingMessage).url ?? '', 'http://x').searchParams.get('transport')}`);
    return emit.call(this, event, ...args);
  };
  return seen;
}

describe('the client of engine.io', () => {
  it('begins with polling and upgrades to a WebSocket', async () => {
    const { server, connect } = await start();
    const seen = asked(server);
    const client = connect();
    await event(client, 'open');
    await until(() => (client.socket as engineClient.Socket).transport.name === 'websocket');
    expect(seen[0]).toBe('request polling');
    expect(seen).toContain('upgrade websocket');
  });

  it('uses no WebSocket with websockets: false', async () => {
    const { primus, server, connect } = await start();
    const seen = asked(server);
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const client = connect({ websockets: false });
    client.write('a');
    expect((await event(client, 'data'))[0]).toBe('a');
    // By the time that another one has upgraded, this one would have begun to.
    const upgrading = (await start()).connect();
    await until(() => (upgrading.socket as engineClient.Socket | undefined)?.transport?.name === 'websocket');
    expect(seen.filter((one) => one.includes('websocket'))).toEqual([]);
    expect((client.socket as engineClient.Socket).transport.name).toBe('polling');
  });

  it('keeps polling when the upgrade is rejected', async () => {
    const { primus, connect } = await start();
    const refused: string[] = [];
    primus.use(
      'no sockets',
      Object.assign(
        (_request: unknown, socket: { end(text: string): void }, _next: unknown) => {
          refused.push('upgrade');
          socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
        },
        { http: false },
      ) as never,
    );
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const client = connect();
    const events: string[] = [];
    for (const name of ['error', 'close'] as const) client.on(name, () => events.push(name));
    await event(client, 'open');
    await until(() => refused.length === 1);
    client.write('a');
    expect((await event(client, 'data'))[0]).toBe('a');
    expect(events).toEqual([]);
  });

  it('sends credentials of the address', async () => {
    const { primus, port } = await start();
    const announced = event(primus, 'connection');
    const client = new primus.Socket(`http://user:p%40ss@127.0.0.1:${port}`);
    cleanup(() => client.destroy());
    const [spark] = (await announced) as [Spark];
    expect(spark.headers.authorization).toBe(`Basic ${btoa('user:p@ss')}`);
  });

  it('leaves no session on the server when it is ended while connecting', async () => {
    const { primus, server, url, connect } = await start();
    const waiting: (() => void)[] = [];
    const wait: Middleware = (request, _response, next) => void (request.url === '/primus/spec' ? next() : waiting.push(next));
    primus.use('wait', wait);
    const arrived = requested(server);
    const client = connect();
    const request = await arrived;
    await until(() => waiting.length === 1);
    const gone = new Promise((resolve) => request.on('error', () => {}).once('close', resolve));
    client.destroy();
    await gone;
    waiting[0]?.();
    await roundTrips(url);
    expect(primus.connected).toBe(0);
  });
});

describe('a client link of engine.io', () => {
  it.each([[['polling']], [['websocket']], [['polling', 'websocket']]])('stops reading while it is paused: %s', async (transports) => {
    const { primus, url, connect: served } = await start();
    const announced = event(primus, 'connection');
    const { connect } = clientOf(() => engineClient);
    const received: Frame[] = [];
    const link = await new Promise<Link>((resolve, reject) => {
      const target = {
        credentials: {},
        headers: {},
        maxLength: 1_000,
        serverLimit: 1_000,
        compression: false,
        client: undefined,
        websockets: true,
        platform: node,
        dialled: () => {},
      };
      const dialling = connect({ ...target, url: `${url}/primus`, transport: { transports } }).subscribe({
        next(link) {
          link.subscribe({ next: (frame) => received.push(frame) });
          link.pause?.();
          resolve(link);
        },
        error: reject,
      });
      cleanup(() => dialling.unsubscribe());
    });
    const [spark] = (await announced) as [Spark];
    // Long enough for an upgrade, which a poll that never returns would prevent.
    await until(() => (link.socket as engineClient.Socket).transport.name === transports.at(-1));
    received.length = 0;
    const heard: unknown[] = [];
    const other = served();
    other.on('data', (data) => heard.push(data));
    await event(other, 'open');
    for (const number of [1, 2, 3]) primus.write(number);
    await until(() => heard.length === 3);
    expect(received).toEqual([]);
    link.resume?.();
    await until(() => received.length === 3);
    expect(received).toEqual(['1', '2', '3']);
    const gone = event(spark, 'end');
    link.close();
    await gone;
  });
});

describe.each([['polling'], ['websocket'], ['polling', 'websocket']])('a foreign client by %s %s', (...transports) => {
  it('exchanges messages with our server: engine.io-client', async () => {
    const { primus, url } = await start();
    const announced = event(primus, 'connection');
    const socket = new engineClient.Socket(url, { path: '/primus', transports: transports.filter(Boolean) });
    cleanup(() => socket.close());
    const [spark] = (await announced) as [Spark];
    spark.on('data', (data) => spark.write({ echo: data }));
    const got = event(socket, 'message');
    socket.send(JSON.stringify('hello'));
    expect((await got)[0]).toBe('{"echo":"hello"}');
    const gone = event(spark, 'end');
    socket.close();
    await gone;
  });
});

describe('primus 8.0.9', () => {
  const Original = require('primus');

  it('has a client that exchanges messages with our server', async () => {
    const { primus, url } = await start();
    const Socket = Original.createSocket({ transformer: 'engine.io', parser: 'json', pathname: '/primus' });
    const announced = event(primus, 'connection');
    const client = new Socket(`${url}?token=a%20b`, { reconnect: { min: 10, max: 20 } });
    cleanup(() => client.destroy());
    const [spark] = (await announced) as [Spark];
    expect(spark.query.token).toBe('a b');
    spark.on('data', (data) => spark.write({ echo: data }));
    const got = event(client, 'data');
    client.write('hi');
    expect((await got)[0]).toEqual({ echo: 'hi' });
    // It reports the id of its session, which is a key, and no spark shows it.
    const sid = await new Promise((resolve) => client.id(resolve));
    expect(sid).toBe((spark.socket as { id: string }).id);
    expect(spark.id).not.toBe(sid);
    const again = event(primus, 'connection');
    spark.end(undefined, { reconnect: true });
    const [next] = (await again) as [Spark];
    const ended = event(client, 'end');
    next.end();
    await ended;
  });

  it.each([true, false])('has a server that exchanges messages with our client, websockets: %s', async (websockets) => {
    const server = createServer();
    const original = new Original(server, { transformer: 'engine.io', pathname: '/primus' });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup(() => new Promise((resolve) => original.destroy({ timeout: 0 }, resolve)));
    const { port } = server.address() as AddressInfo;
    const { primus: ours } = await start();
    const announced = event(original, 'connection');
    const client = new ours.Socket(`http://127.0.0.1:${port}?token=a%20b`, { websockets });
    cleanup(() => client.destroy());
    const [spark] = (await announced) as [Spark];
    expect(spark.query.token).toBe('a b');
    spark.on('data', (data) => spark.write({ echo: data }));
    const got = event(client, 'data');
    client.write('hi');
    expect((await got)[0]).toEqual({ echo: 'hi' });
    const ended = event(client, 'end');
    spark.end();
    await ended;
    expect(client.state).toMatchObject({ name: 'closed', by: 'server' });
  });
});

describe('the server of engine.io', () => {
  it('pauses a polling client and an upgraded one, and keeps both alive', async () => {
    for (const websockets of [false, true]) {
      const { primus, connect } = await start({ transport: { pingInterval: 200, pingTimeout: 1_000 } });
      const announced = event(primus, 'connection');
      const client = connect({ websockets });
      const [spark] = (await announced) as [Spark];
      await event(client, 'open');
      // Frames that came with the upgrade would still follow.
      if (websockets) await until(() => (spark.socket as engineClient.Socket).transport.name === 'websocket');
      const received: unknown[] = [];
      spark.on('data', (data) => received.push(data));
      spark.pause();
      for (const number of [1, 2, 3]) client.write(number);
      // The time of the framework: by then it takes a client that does not answer for lost.
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      expect(received).toEqual([]);
      expect(primus.connected).toBe(1);
      spark.resume();
      await until(() => received.length === 3);
      expect(received).toEqual([1, 2, 3]);
    }
  });

  it('terminates a client that does not answer the close', async () => {
    const scheduler = new Clock();
    const { primus, port } = await start({ scheduler });
    const announced = event(primus, 'connection');
    const { sid } = await handshake(port);
    const [spark] = (await announced) as [Spark];
    let closed = false;
    (spark.socket as engineClient.Socket).on('close', () => {
      closed = true;
    });
    spark.end();
    scheduler.advance(1_999);
    await settle();
    expect(closed).toBe(false);
    scheduler.advance(1);
    await until(() => closed);
    expect((await ask(port, 'GET', `&sid=${sid}`)).status).toBe(400);
  });

  it('reports the close code and the error of a connection', async () => {
    const { primus, url } = await start({ maxLength: 100 });
    const announced = event(primus, 'connection');
    const socket = new engineClient.Socket(url, { path: '/primus', transports: ['websocket'] });
    const [spark] = (await announced) as [Spark];
    const errors: unknown[] = [];
    spark.on('error', (error) => errors.push(error));
    const closed = event(socket, 'close');
    socket.send('x'.repeat(1_000));
    expect((await closed)[1]).toMatchObject({ context: { code: 1009 } });
    await until(() => errors.length === 1);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_DROPPED', closeCode: 1009 }]);
  });

  it('answers polling clients until they are closed during shutdown', async () => {
    const { primus, connect, port } = await start();
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const client = connect({ websockets: false });
    await event(client, 'open');
    const down = new Promise<void>((resolve) => primus.destroy({ timeout: 2_000 }, resolve));
    for (const number of [1, 2, 3]) {
      client.write(number);
      expect((await event(client, 'data'))[0]).toBe(number);
    }
    expect((await ask(port, 'GET')).status).toBe(503);
    await event(client, 'end');
    expect(client.state).toMatchObject({ name: 'closed', by: 'server' });
    await down;
  });

  it('accepts WebTransport sessions from the option sessions', async () => {
    const sessions = new Subject<unknown>();
    const { primus } = await start({ transport: { transports: ['polling', 'webtransport'], sessions } });
    const announced = event(primus, 'connection');
    const { session, write, read } = webTransport();
    sessions.next(session);
    await write([1, 0x30]);
    const [spark] = (await announced) as [Spark];
    spark.on('data', (data) => spark.write({ echo: data }));
    await write([4, ...Buffer.from('4"a"')]);
    await until(() => read().includes('4{"echo":"a"}'));
    expect(spark.headers).toEqual({});
    expect(spark.query).toEqual({});
  });
});

describe('the endpoint of engine.io', () => {
  it('sends no CORS headers but those of our middleware', async () => {
    const { port } = await start({ origins: 'http://good.example', transport: { cors: { origin: '*', credentials: true } } });
    const { status, headers } = await ask(port, 'GET', '', undefined, { Origin: 'http://evil.example' });
    expect(status).toBe(403);
    expect(headers['access-control-allow-origin']).toBeUndefined();
    const good = await ask(port, 'GET', '', undefined, { Origin: 'http://good.example' });
    expect(good.status).toBe(200);
    expect(good.headers['access-control-allow-origin']).toBe('http://good.example');
  });

  it.each([
    ['a handshake by POST', 'POST', '', 400],
    ['an unknown transport', 'GET', '&transport=constructor', 400],
    ['an unknown session', 'GET', '&sid=__proto__', 400],
    ['data for an unknown session', 'POST', '&sid=x', 400],
    ['an old protocol', 'GET', '&EIO=3', 400],
    ['HEAD', 'HEAD', '', 400],
    ['PUT', 'PUT', '', 400],
    ['DELETE', 'DELETE', '', 400],
  ])('rejects %s', async (_name, method, query, status) => {
    const { port } = await start();
    const answer = await ask(port, method, query);
    expect(answer.status).toBe(status);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  it.each(['polling', 'constructor', 'webtransport', ''])("rejects an upgrade to the transport '%s'", async (transport) => {
    const { port, primus } = await start({ transport: { transports: ['polling'] } });
    const answer = await new Promise<string>((resolve) => {
      const socket = dial(port, '127.0.0.1', () => {
        const key =
          'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
        socket.write(`GET /primus/?EIO=4&transport=${transport} HTTP/1.1\r\nHost: x\r\n${key}\r\n`);
      });
      socket.once('data', (data) => resolve(data.toString()));
      cleanup(() => socket.destroy());
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400/);
    expect(primus.connected).toBe(0);
  });

  it.each([true, false])('answers 413 to a body that is too long, and ends the session; with Content-Length: %s', async (hasLength) => {
    const { port, primus } = await start({ maxLength: 1_000 });
    const announced = event(primus, 'connection');
    const { sid } = await handshake(port);
    const [spark] = (await announced) as [Spark];
    const errors: unknown[] = [];
    spark.on('error', (error) => errors.push(error));
    const body = `4${'x'.repeat(100_000)}`;
    expect((await ask(port, 'POST', `&sid=${sid}`, body, hasLength ? { 'Content-Length': body.length } : {})).status).toBe(413);
    await until(() => primus.connected === 0);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_DROPPED', closeCode: 1009 }]);
  });

  it.each(['', 'x', '9', '2probe', '\u001e\u001e', '4"a"\u001e7', 'b!!!'])('survives the data %j', async (body) => {
    const { port, primus, connect } = await start();
    const { sid } = await handshake(port);
    await ask(port, 'POST', `&sid=${sid}`, body);
    const client = connect();
    await event(client, 'open');
    expect(primus.connected).toBeGreaterThanOrEqual(1);
  });
});

/** A session as an HTTP/3 server would hand it over: one stream, opened by the client. */
function webTransport() {
  const up = new TransformStream<Uint8Array, Uint8Array>();
  const down = new TransformStream<Uint8Array, Uint8Array>();
  const writer = up.writable.getWriter();
  let closed = () => {};
  let text = '';
  void down.readable.pipeTo(
    new WritableStream({
      write(chunk) {
        text += Buffer.from(chunk).toString();
      },
    }),
  );
  const stream = { readable: up.readable, writable: down.writable };
  const session = {
    incomingBidirectionalStreams: new ReadableStream({ start: (controller) => controller.enqueue(stream) }),
    closed: new Promise<void>((resolve) => {
      closed = resolve;
    }),
    close: () => closed(),
  };
  return { session, write: (bytes: number[]) => writer.write(Uint8Array.from(bytes)), read: () => text };
}
