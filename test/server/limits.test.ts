import { Agent, request as httpRequest } from 'node:http';
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { dropped } from '../../src/core/errors.js';
import { Primus, type ServerOptions, type Spark } from '../../src/index.js';
import { networkOf } from '../../src/server/http/network-of.js';
import { Clock } from '../support/clock.js';
import { cleanup, event, eventually, LIMIT, serve, until } from '../support/serve.js';
import { World } from '../support/world.js';
import { watchForCrashes } from './crashes.js';
import { HANDSHAKE_HEADERS, raw } from './raw.js';

interface Answer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
  socket?: Duplex;
}

/** A way to connect, made of bytes: it has no client that tries again. */
interface Way {
  transformer: string;
  kind: 'WebSocket' | 'session';
  method?: string;
  target: (index: number) => string;
  body?: string;
}

const EIO = '/primus/?EIO=4&transport=';

const ways: Way[] = [
  { transformer: 'websockets', kind: 'WebSocket', target: () => '/primus' },
  { transformer: 'faye', kind: 'WebSocket', target: () => '/primus' },
  { transformer: 'uws', kind: 'WebSocket', target: () => '/primus' },
  { transformer: 'engine.io', kind: 'WebSocket', target: () => `${EIO}websocket` },
  { transformer: 'socket.io', kind: 'WebSocket', target: () => `${EIO}websocket` },
  { transformer: 'sockjs', kind: 'WebSocket', target: (index) => `/primus/1/s${index}/websocket` },
  { transformer: 'engine.io', kind: 'session', target: () => `${EIO}polling` },
  { transformer: 'socket.io', kind: 'session', target: () => `${EIO}polling` },
  { transformer: 'sockjs', kind: 'session', method: 'POST', target: (index) => `/primus/1/s${index}/xhr` },
  { transformer: 'browserchannel', kind: 'session', method: 'POST', target: () => '/primus/bind?VER=8&RID=1', body: 'count=0' },
];

let attempts = 0;

/** Connects once. */
function attempt(port: number, way: Way, headers: Record<string, string> = {}): Promise<Answer> {
  const { kind, method = 'GET', target, body } = way;
  const form = body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) };
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      port,
      host: '127.0.0.1',
      agent: new Agent({ keepAlive: false }),
      method,
      path: target(++attempts),
      headers: { ...form, ...(kind === 'WebSocket' ? HANDSHAKE_HEADERS : {}), ...headers },
      timeout: LIMIT,
    });
    cleanup(() => request.destroy());
    request.on('error', reject);
    request.on('upgrade', ({ statusCode = 0, headers: given }, socket) => {
      socket.on('error', () => {}).resume();
      cleanup(() => socket.destroy());
      resolve({ status: statusCode, headers: given, body: '', socket });
    });
    request.on('response', (response) => {
      let text = '';
      response.on('data', (data) => {
        text += data;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    request.end(body);
  });
}

const accepted = ({ kind }: Way) => (kind === 'WebSocket' ? 101 : 200);

describe.each(ways)('the limits of $transformer, by $kind', (way) => {
  watchForCrashes();
  const { transformer, kind } = way;
  const start = async (options: ServerOptions) => {
    const served = await serve({ transformer, pingInterval: false, ...options });
    const entries: string[] = [];
    served.primus.on('log', (level, message) => entries.push(`${level}: ${message}`));
    const open = (headers?: Record<string, string>) => attempt(served.port, way, headers);
    const statuses = async (count: number, headers?: Record<string, string>) =>
      (await Promise.all(Array.from({ length: count }, () => open(headers)))).map(({ status }) => status);
    return { ...served, entries, open, statuses };
  };

  it('rejects connections over maxConnections with 503, logs that once, and accepts others when some have ended', async () => {
    const { primus, entries, open, statuses } = await start({ maxConnections: 2 });
    const opened = [await open(), await open()];
    expect(opened.map(({ status }) => status)).toEqual([accepted(way), accepted(way)]);
    expect(await statuses(20)).toEqual(new Array(20).fill(503));
    const { headers, body } = await open();
    expect(headers).toMatchObject({ 'retry-after': '5' });
    expect(JSON.parse(body)).toEqual({ error: 'The server accepts no more connections at the moment' });
    expect(entries).toEqual(['warning: `maxConnections` (2) is reached: further connections are rejected with 503']);
    if (kind === 'WebSocket') opened[0]?.socket?.destroy();
    // A client of Socket.IO that has not joined has no spark.
    else if (transformer !== 'socket.io') Object.values(primus.connections)[0]?.connection.terminate(dropped());
    else return;
    await eventually(async () => expect((await open()).status).toBe(accepted(way)));
    expect((await open()).status).toBe(503);
  });

  it('counts connections of one address, as trusted proxies report it', async () => {
    const { entries, open, statuses } = await start({ maxConnectionsPerAddress: 2 });
    const from = (ip: string) => ({ 'x-forwarded-for': ip });
    expect((await statuses(5, from('9.9.9.9'))).sort()).toEqual([accepted(way), accepted(way), 503, 503, 503]);
    expect((await open(from('9.9.9.8'))).status).toBe(accepted(way));
    expect((await open(from('::ffff:9.9.9.9'))).status).toBe(503);
    expect(await statuses(2, from('2001:db8::1'))).toEqual([accepted(way), accepted(way)]);
    expect((await open(from('2001:db8:0:0:ffff::2'))).status).toBe(503);
    expect((await open(from('2001:db8:0:1::2'))).status).toBe(accepted(way));
    expect(entries).toEqual(['warning: `maxConnectionsPerAddress` (2) is reached by 9.9.9.9: further connections are rejected with 503']);
  });

  it('does not take the word of a client for its address', async () => {
    const { open } = await start({ maxConnectionsPerAddress: 1, trustProxy: false });
    expect((await open({ 'x-forwarded-for': '9.9.9.9' })).status).toBe(accepted(way));
    expect((await open({ 'x-forwarded-for': '9.9.9.8' })).status).toBe(503);
  });

  it('counts connections that are being authorized, before authorize is called for more', async () => {
    const asked: (() => void)[] = [];
    const { open, statuses } = await start({ maxConnections: 3, authorization: (_request, done) => void asked.push(done) });
    const pending = [open(), open(), open()];
    await until(() => asked.length === 3);
    expect(await statuses(50)).toEqual(new Array(50).fill(503));
    expect(asked).toHaveLength(3);
    for (const done of asked) done();
    expect((await Promise.all(pending)).map(({ status }) => status)).toEqual(new Array(3).fill(accepted(way)));
  });

  it('has every place back that a rejected, malformed or aborted handshake took', async () => {
    let mode = 'reject';
    const { primus, port, open, statuses } = await start({
      maxConnections: 4,
      authorization: (_request, done) => (mode === 'reject' ? done('no') : mode === 'throw' ? oops() : mode === 'wait' || done()),
    });
    const rounds = async (status: number) => {
      // The answer may be with the client before its place is free.
      for (let round = 0; round < 10; round++) await eventually(async () => expect((await open()).status).toBe(status));
    };
    await rounds(401);
    mode = 'throw';
    await rounds(500);
    mode = 'wait';
    for (let round = 0; round < 10; round++) {
      const peer = await raw(port);
      const fields = kind === 'WebSocket' ? HANDSHAKE_HEADERS : {};
      const printed = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
      peer.send(`${way.method ?? 'GET'} ${way.target(++attempts)} HTTP/1.1\r\nHost: x\r\n${printed.join('')}\r\n`);
      peer.socket.resetAndDestroy();
    }
    mode = 'accept';
    primus.use('bouncer', (_request, _response, next) => next(new Error('no')), {}, 0);
    await rounds(500);
    primus.remove('bouncer');
    await eventually(async () => expect(await statuses(4)).toEqual(new Array(4).fill(accepted(way))));
    expect((await open()).status).toBe(503);
  });

  it.runIf(kind === 'session')('counts sessions of one address apart, and lets others in', async () => {
    const { entries, open, statuses } = await start({ maxSessionsPerAddress: 2 });
    expect((await statuses(4)).sort()).toEqual([200, 200, 503, 503]);
    expect((await open({ 'x-forwarded-for': '9.9.9.9' })).status).toBe(200);
    expect(entries).toEqual(['warning: `maxSessionsPerAddress` (2) is reached by 127.0.0.1: further connections are rejected with 503']);
  });

  it('answers 1,000 connects over the limits at once, and serves others meanwhile', async () => {
    const { primus, entries, statuses, open } = await start({
      maxConnectionsPerAddress: 50,
      maxConnections: 60,
      maxSessionsPerAddress: 50,
    });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const flood = statuses(1_000, { 'x-forwarded-for': '9.9.9.9' });
    expect((await open({ 'x-forwarded-for': '9.9.9.8' })).status).toBe(accepted(way));
    const results = await flood;
    expect(results.filter((status) => status === 503)).toHaveLength(950);
    expect(results.filter((status) => status === accepted(way))).toHaveLength(50);
    expect(entries).toHaveLength(1);
  });
});

describe('the limits of connections', () => {
  watchForCrashes();

  it('do not count a session that has a WebSocket now', async () => {
    const { primus, connect, port } = await serve({ transformer: 'engine.io', maxSessionsPerAddress: 1, maxConnectionsPerAddress: 3 });
    const upgraded = async () => {
      const client = connect();
      await event(client, 'open');
      await until(() => (client.socket as { transport?: { name: string } })?.transport?.name === 'websocket');
    };
    const way = ways.find(({ transformer, kind }) => transformer === 'engine.io' && kind === 'session') as Way;
    await upgraded();
    await eventually(upgraded);
    await eventually(async () => expect((await attempt(port, way)).status).toBe(200));
    expect((await attempt(port, way)).status).toBe(503);
    expect(primus.connected).toBe(3);
  });

  it('count all upgrades of a session but the first', async () => {
    const asked: (() => void)[] = [];
    const { primus, port } = await serve({ transformer: 'engine.io', maxConnections: 3 });
    const poll = ways.find(({ transformer, kind }) => transformer === 'engine.io' && kind === 'session') as Way;
    const sid = /"sid":"([^"]+)"/.exec((await attempt(port, poll)).body)?.[1];
    primus.authorize((_request, done) => void asked.push(done));
    const upgrade: Way = { ...poll, kind: 'WebSocket', target: () => `${EIO}websocket&sid=${sid}` };
    const pending = [attempt(port, upgrade), attempt(port, upgrade), attempt(port, upgrade)];
    await until(() => asked.length === 3);
    expect((await attempt(port, upgrade)).status).toBe(503);
    expect((await attempt(port, { ...upgrade, target: () => `${EIO}websocket&sid=unknown` })).status).toBe(503);
    for (const done of asked) done();
    expect((await Promise.all(pending)).map(({ status }) => status)).toEqual([101, 400, 400]);
    // The engine closes those that it does not need.
    primus.auth = null;
    await eventually(async () => expect((await attempt(port, { ...poll })).status).toBe(200));
  });

  it('keep a place until both the spark and its socket are gone', async () => {
    const { primus, port } = await serve({ maxConnections: 1 });
    const way = ways[0] as Way;
    const announced = event(primus, 'connection');
    await attempt(port, way);
    const [spark] = (await announced) as [Spark];
    // The peer does not answer the close frame: its socket stays for a moment.
    spark.end();
    expect(primus.connected).toBe(0);
    expect((await attempt(port, way)).status).toBe(503);
    await eventually(async () => expect((await attempt(port, way)).status).toBe(101));
  });

  it('survive connections that are refused by listeners, by their id, or by idGenerator', async () => {
    let ids = (): string => 'same';
    const { primus, port } = await serve({ maxConnections: 2, idGenerator: () => ids() });
    const way = ways[0] as Way;
    const refuse = (_spark: Spark, next: (error?: Error) => void) => next(new Error('not you'));
    primus.on('log', () => {});
    const rounds = async (served: number) => {
      for (let round = 0; round < 10; round++) await eventually(async () => expect((await attempt(port, way)).status).toBe(101));
      await until(() => primus.connected === served);
    };
    primus.on('connection', refuse);
    await rounds(0);
    primus.off('connection', refuse);
    await eventually(async () => expect((await attempt(port, way)).status).toBe(101));
    await until(() => primus.connected === 1);
    await rounds(1);
    ids = oops;
    await rounds(1);
    ids = () => 'another';
    await eventually(async () => expect((await attempt(port, way)).status).toBe(101));
    expect((await attempt(port, way)).status).toBe(503);
  });

  it('let all clients of a storm back in that were there before', async () => {
    const clients = 100;
    const world = new World({ server: { maxConnections: clients }, latency: 20 });
    cleanup(() => world.destroy());
    for (let count = 0; count < clients; count++) world.connect();
    await world.pass(1_000);
    expect(world.primus.connected).toBe(clients);
    const { client: stranger } = world.connect();
    const errors: unknown[] = [];
    stranger.on('error', (error) => errors.push(error));
    await world.pass(1_000);
    expect(errors).toMatchObject([{ status: 503, retryAfter: 5_000 }]);
    stranger.destroy();
    for (let round = 0; round < 5; round++) {
      world.network.cut();
      await world.pass(60_000);
      expect(world.primus.connected).toBe(clients);
    }
  });

  it('have every place back when a connection is reset behind which requests were pipelined', async () => {
    const asked: (() => void)[] = [];
    let answers = false;
    const { primus, port } = await serve({
      transformer: 'engine.io',
      maxConnections: 6,
      authorization: (_request, done) => void (answers ? done() : asked.push(done)),
    });
    const way = ways.find(({ transformer, kind }) => transformer === 'engine.io' && kind === 'session') as Way;
    const socket = createConnection(port, '127.0.0.1', () => socket.write(`GET ${way.target(0)} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(6)));
    socket.on('error', () => {});
    await until(() => asked.length === 6);
    expect((await attempt(port, way)).status).toBe(503);
    socket.resetAndDestroy();
    answers = true;
    await eventually(async () => expect((await attempt(port, way)).status).toBe(200));
    for (let count = 1; count < 6; count++) expect((await attempt(port, way)).status).toBe(200);
    expect((await attempt(port, way)).status).toBe(503);
    expect(primus.connected).toBe(6);
  });

  it('do not delay a shutdown, and are those of the next server afterwards', async () => {
    const pending: (() => void)[] = [];
    const options = { maxConnections: 3, authorization: (_request: unknown, done: () => void) => void pending.push(done) };
    const { primus, server, port } = await serve(options);
    const way = ways[0] as Way;
    const outcomes = [attempt(port, way), attempt(port, way), attempt(port, way)];
    await until(() => pending.length === 3);
    pending[0]?.();
    expect((await outcomes[0])?.status).toBe(101);
    expect((await attempt(port, way)).status).toBe(503);
    await new Promise<void>((resolve) => primus.destroy({ close: false }, resolve));
    expect((await Promise.all(outcomes)).map(({ status }) => status)).toEqual([101, 503, 503]);
    const next = new Primus(server, { maxConnections: 3 });
    cleanup(() => new Promise<void>((resolve) => next.destroy({ close: false }, resolve)));
    expect((await Promise.all(outcomes.map(() => attempt(port, way)))).map(({ status }) => status)).toEqual([101, 101, 101]);
    expect((await attempt(port, way)).status).toBe(503);
  });

  it('log again when a limit is reached again after a while, and how many were rejected', async () => {
    const scheduler = new Clock();
    const { primus, port } = await serve({ maxConnections: 1, scheduler, pingInterval: false });
    cleanup(() => setImmediate(() => scheduler.advance(60_000)));
    const entries: unknown[] = [];
    primus.on('log', (_level, message) => entries.push(message));
    const way = ways[0] as Way;
    await attempt(port, way);
    for (let count = 0; count < 5; count++) await attempt(port, way);
    scheduler.advance(9_999);
    await attempt(port, way);
    scheduler.advance(10_000);
    await attempt(port, way);
    const reached = '`maxConnections` (1) is reached: further connections are rejected with 503';
    expect(entries).toEqual([reached, '`maxConnections` is no longer reached: 6 connections were rejected', reached]);
  });

  it('do not keep anyone from the library, the specification and other paths', async () => {
    const { port, server, url } = await serve({ maxConnections: 1, transformer: 'engine.io' });
    server.on('request', (_request, response) => response.end('the app'));
    await attempt(port, { transformer: 'engine.io', kind: 'session', target: () => `${EIO}polling` });
    for (const path of ['/primus/primus.js', '/primus/spec', '/elsewhere']) expect((await fetch(url + path)).status).toBe(200);
  });

  it.each([0, -1, '5', Number.NaN])('cannot be %s', async (limit) => {
    for (const option of ['maxConnections', 'maxConnectionsPerAddress', 'maxSessionsPerAddress'])
      await expect(serve({ [option]: limit })).rejects.toMatchObject({ code: 'ERR_PRIMUS_OPTION' });
  });
});

describe('networkOf', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:1.2.3.4', '1.2.3.4'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0000:0000:1:2:3:4', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['1::2:3:4:5:6', '1:0:0:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
  ])('counts %s as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

function oops(): never {
  throw new Error('oops');
}
