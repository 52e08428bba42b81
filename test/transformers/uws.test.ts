import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createRequire } from 'node:module';
import { type AddressInfo, createConnection } from 'node:net';
import { join } from 'node:path';
import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { freePort } from '../../scripts/ports.mjs';
import { Primus, type Spark } from '../../src/index.js';
import { watchForCrashes } from '../server/crashes.js';
import { BINARY, CLOSE, CONTINUATION, closing, frame, handshake, PING, raw, rawWebSocket, TEXT } from '../server/raw.js';
import { certificate } from '../support/certificate.js';
import { cleanup, event, roundTrips, serve, until } from '../support/serve.js';
import { contract } from './contract.js';
import { missing } from './missing.js';
import { rejectsMalformedHandshakes } from './websocket-guards.js';

contract({ transformer: 'uws' });

describe('over permessage-deflate', () => {
  contract({ transformer: 'uws', options: () => ({ compression: true }) });
});

const transformer = 'uws';

/** A client of ws, open. */
async function dial(url: string, options: object = {}): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/primus`, { rejectUnauthorized: false, ...options });
  cleanup(() => socket.terminate());
  await event(socket, 'open');
  return socket;
}

/** The bytes a client of ws has read. */
function bytesRead(socket: WebSocket): number {
  return (socket as unknown as { _socket: { bytesRead: number } })._socket.bytesRead;
}

describe('uws', () => {
  watchForCrashes();
  missing('uws', 'uWebSockets.js', undefined, 'uNetworking/uWebSockets.js#v20');

  it('refuses an engine that is not the native one when the server is created, and names the releases that work', () => {
    // The repackaging on npm falls back to an engine in JavaScript where it has no binary, and with this variable.
    vi.stubEnv('UWS_USE_FALLBACK', '1');
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const { cache, resolve } = createRequire(import.meta.url);
    const path = resolve('uWebSockets.js');
    const native = cache[path];
    delete cache[path];
    cleanup(() => {
      log.mockRestore();
      vi.unstubAllEnvs();
      if (native) cache[path] = native;
      else delete cache[path];
    });
    const release = /Node\.js \d+.*v20\.30\.0 \(Node\.js 20\).*\(Node\.js 22, 24, 26\).*npm install uNetworking\/uWebSockets\.js#v20/;
    expect(() => new Primus(createServer(), { transformer })).toThrow(
      expect.objectContaining({ code: 'ERR_PRIMUS_MISSING', message: expect.stringMatching(release) }),
    );
    expect(log).toHaveBeenCalledOnce();
  });

  it('serves an unmodified client of ws', async () => {
    const { primus, url } = await serve({ transformer });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write([data])));
    const ws = await dial(url);
    ws.send('"hello"');
    expect(String((await event(ws, 'message'))[0])).toBe('["hello"]');
  });

  describe('broadcasts', () => {
    /** Starts a server with so many clients of ws, and records the messages of each. */
    async function connectAll(count: number) {
      const { primus, url } = await serve({ transformer });
      const received: unknown[][] = [];
      const clients: WebSocket[] = [];
      for (let index = 0; index < count; index++) {
        const socket = await dial(url, { headers: { 'x-index': String(index) } });
        const messages: unknown[] = [];
        socket.on('message', (data) => messages.push(JSON.parse(String(data))));
        clients.push(socket);
        received.push(messages);
      }
      await until(() => primus.connected === count);
      const sparks = Object.values(primus.connections).sort((a, b) => Number(a?.headers['x-index']) - Number(b?.headers['x-index']));
      return { primus, clients, received, sparks: sparks as Spark[] };
    }

    it('publishes when all connections get the same frame', async () => {
      const { primus, received, sparks } = await connectAll(3);
      const sends = sparks.map(({ socket }) => vi.spyOn(socket as { send(): void }, 'send'));
      primus.write('all');
      await until(() => received.every((messages) => messages.length === 1));
      for (const send of sends) expect(send).not.toHaveBeenCalled();
    });

    it('sends one by one when a connection has its own encoding', async () => {
      const { primus, received, sparks } = await connectAll(3);
      const [first] = sparks as [Spark];
      first.write = (data: unknown) => first._write(['mine', data]);
      primus.write('all');
      await until(() => received.every((messages) => messages.length === 1));
      expect(received).toEqual([[['mine', 'all']], ['all'], ['all']]);
    });

    it('keeps the order with messages written to one spark before, after and inside a data listener', async () => {
      const { primus, clients, received, sparks } = await connectAll(3);
      for (const spark of sparks) {
        spark.on('data', () => {
          spark.write('inside 1');
          primus.write('inside 2');
          spark.write('inside 3');
        });
      }
      sparks[1]?.write('before');
      primus.write('all');
      sparks[1]?.write('after');
      await until(() => received[1]?.length === 3);
      clients[1]?.send('"go"');
      await until(() => received[1]?.length === 6);
      expect(received[1]).toEqual(['before', 'all', 'after', 'inside 1', 'inside 2', 'inside 3']);
      expect(received[0]).toEqual(['all', 'inside 2']);
    });

    it('sends a broadcast before the end that follows', async () => {
      const { primus, clients, received, sparks } = await connectAll(2);
      const closed = event(clients[0], 'close');
      primus.write('all');
      sparks[0]?.end(undefined, { reconnect: true });
      expect((await closed)[0]).toBe(1000);
      expect(received[0]).toEqual(['all']);
      primus.write('still');
      await until(() => received[1]?.length === 2);
    });

    it('reaches only the connections of its server when two share a port', async () => {
      const { primus, server, url } = await serve({ transformer });
      const other = new Primus(server, { transformer, pathname: '/other' });
      cleanup(() => other.destroy({ close: false }));
      const one = await dial(url);
      const two = new WebSocket(`${url.replace('http', 'ws')}/other`);
      cleanup(() => two.terminate());
      await event(two, 'open');
      await until(() => primus.connected === 1 && other.connected === 1);
      const messages: string[] = [];
      one.on('message', (data) => messages.push(`one ${data}`));
      two.on('message', (data) => messages.push(`two ${data}`));
      primus.write(1);
      other.write(2);
      await until(() => messages.length === 2);
      expect(messages.sort()).toEqual(['one 1', 'two 2']);
    });

    it('terminates a slow consumer', async () => {
      const { primus, port, url } = await serve({ transformer, maxBuffer: 2_000_000 });
      const lazy = createConnection(port, '127.0.0.1', () => lazy.write(handshake()));
      cleanup(() => lazy.destroy());
      lazy.on('error', () => {}).pause();
      const [slow] = (await event(primus, 'connection')) as [Spark];
      const good = await dial(url);
      await until(() => primus.connected === 2);
      const failed = event(slow, 'error');
      const messages = setInterval(() => primus.write('x'.repeat(100_000)), 1);
      cleanup(() => clearInterval(messages));
      expect(await failed).toMatchObject([{ code: 'ERR_PRIMUS_SLOW_PEER' }]);
      clearInterval(messages);
      expect(primus.connected).toBe(1);
      expect(good.readyState).toBe(WebSocket.OPEN);
    });
  });

  it('sends the messages of one turn in one write', async () => {
    const { primus, port } = await serve({ transformer });
    const client = createConnection(port, '127.0.0.1', () => client.write(handshake()));
    cleanup(() => client.destroy());
    const [spark] = (await event(primus, 'connection')) as [Spark];
    await event(client, 'data');
    const chunks: Buffer[] = [];
    client.on('data', (data) => chunks.push(data));
    for (let index = 0; index < 20; index++) spark.write(index);
    await until(() => Buffer.concat(chunks).length >= 10 * 3 + 10 * 4);
    expect(chunks).toHaveLength(1);
  });

  it('reports how much is buffered, and when it has drained', async () => {
    const { primus, url } = await serve({ transformer });
    const ws = await dial(url);
    const [spark] = Object.values(primus.connections) as [Spark];
    ws.pause();
    let dropped = 0;
    for (let index = 0; index < 100; index++) if (!spark.write('x'.repeat(100_000))) dropped++;
    expect(dropped).toBe(0);
    await roundTrips(url);
    const drained = event(spark, 'drain');
    spark.write('one more');
    let count = 0;
    ws.on('message', () => count++);
    ws.resume();
    await drained;
    await until(() => count === 101);
  });

  it('copies binary frames out of the memory of the engine', async () => {
    const parser = {
      encoder: (data: unknown, done: (error: null, frame: Uint8Array) => void) => done(null, data as Uint8Array),
      decoder: (data: string | Uint8Array, done: (error: null, data: unknown) => void) => done(null, data),
    };
    const { primus, port } = await serve({ transformer, parser, pingInterval: false });
    const kept: unknown[] = [];
    primus.on('connection', (spark) => spark.on('data', (data) => kept.push(data)));
    const client = await rawWebSocket(port);
    client.send(frame(BINARY, Buffer.from([1, 2, 3])), frame(BINARY, Buffer.from([4, 5])), frame(BINARY, ''));
    await until(() => kept.length === 3);
    expect(kept).toEqual([Buffer.from([1, 2, 3]), Buffer.from([4, 5]), Buffer.alloc(0)]);
  });

  it('reports the length of the longest message, whose buffer the engine keeps', async () => {
    const { primus, url } = await serve({ transformer });
    const retained: unknown[] = [];
    primus.on('connection', (spark) => spark.on('data', () => retained.push(spark.connection.link?.retained)));
    const ws = await dial(url);
    for (const length of [10, 700_000, 600_000]) ws.send(`"${'x'.repeat(length)}"`);
    await until(() => retained.length === 3);
    expect(retained).toEqual([12, 700_002, 700_002]);
  });

  it('reports the most unsent bytes, whose buffer the engine keeps too', async () => {
    const { primus, url } = await serve({ transformer });
    const announced = event(primus, 'connection');
    const ws = await dial(url);
    const [spark] = (await announced) as [Spark];
    ws.pause();
    spark.write('x'.repeat(12_000_000));
    const unsent = () => spark.connection.link?.bufferedAmount ?? 0;
    await until(() => (spark.connection.link?.retained ?? 0) > 0);
    const before = unsent();
    expect(before).toBeGreaterThan(0);
    ws.resume();
    await until(() => unsent() === 0);
    expect(spark.connection.link?.retained).toBeGreaterThanOrEqual(before);
  });

  it('terminates a client that sends more than maxBuffer while the spark is paused', async () => {
    const { primus, url } = await serve({ transformer, maxBuffer: 500_000, maxLength: 500_000 });
    primus.on('connection', (_spark, next) => void next);
    const ws = await dial(url);
    const closed = event(ws, 'close');
    for (let index = 0; index < 20; index++) ws.send(JSON.stringify('x'.repeat(100_000)));
    // No close frame: the connection just ends.
    expect((await closed)[0]).toBe(1006);
  });

  it('reports close codes and reasons in both directions', async () => {
    const { primus, port } = await serve({ transformer });
    const errors: unknown[] = [];
    primus.on('connection', (spark) => spark.on('error', (error) => errors.push(error)));
    for (const payload of [closing(1000), closing(4001, 'as agreed'), Buffer.alloc(0)]) {
      const client = await rawWebSocket(port);
      const gone = event(primus, 'disconnection');
      client.send(frame(CLOSE, payload));
      const answered = await client.closeCode();
      expect(answered).toBe(payload.length === 0 ? 1005 : payload.readUInt16BE());
      await gone;
    }
    const client = await rawWebSocket(port);
    await until(() => primus.connected === 1);
    Object.values(primus.connections)[0]?.end();
    expect(await client.closeCode()).toBe(1000);
    expect(errors).toEqual([]);
  });

  it('terminates a client that sends pings and does not read the answers', async () => {
    const { primus, port } = await serve({ transformer, maxBuffer: 100_000, pingInterval: false });
    const announced = event(primus, 'connection');
    const client = await rawWebSocket(port);
    const [spark] = (await announced) as [Spark];
    const failed = event(spark, 'error');
    client.socket.pause();
    const pings = Buffer.concat(Array(1_000).fill(frame(PING, 'x'.repeat(125))));
    // The answers fill the buffers of the system first.
    for (let count = 0; count < 400 && spark.readyState === 3; count++) {
      client.socket.write(pings);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await failed).toMatchObject([{ code: 'ERR_PRIMUS_DROPPED', reason: expect.stringMatching(/^Slow consumer: it sends pings/) }]);
    expect(primus.connected).toBe(0);
  });

  it('reports why the engine rejected a frame', async () => {
    const { primus, port } = await serve({ transformer, maxLength: 1_000 });
    for (const [bytes, closeCode, reason] of [
      [frame(TEXT, 'x'.repeat(1_001)), 1009, /maxLength \(1000\)/],
      [frame(TEXT, 'x'.repeat(1_100_000)), 1006, /too big/],
      [frame(TEXT, Buffer.from([0x22, 0xff, 0x22])), 1006, /UTF-8/],
      [Buffer.concat([frame(TEXT, 'x'.repeat(600), { fin: false }), frame(CONTINUATION, 'x'.repeat(600))]), 1009, /maxLength \(1000\)/],
    ] as const) {
      const announced = event(primus, 'connection');
      const client = await rawWebSocket(port);
      const [spark] = (await announced) as [Spark];
      const failed = event(spark, 'error');
      client.send(bytes);
      expect(await failed).toMatchObject([{ code: 'ERR_PRIMUS_DROPPED', closeCode, reason: expect.stringMatching(reason) }]);
    }
    await until(() => primus.connected === 0);
  });

  it('survives malformed frames', async () => {
    const { primus, port, url, connect } = await serve({ transformer });
    for (const bytes of [
      frame(TEXT, 'x', { reserved: 4 }),
      frame(3, ''),
      frame(11, ''),
      frame(CLOSE, Buffer.from([0])),
      frame(CLOSE, closing(1005)),
      frame(9, 'x'.repeat(126)),
      frame(9, '', { fin: false }),
      frame(CONTINUATION, 'x'),
      frame(TEXT, '', { length: 2 ** 40 }),
      Buffer.concat(Array.from({ length: 5_000 }, (_, index) => frame(index === 0 ? TEXT : CONTINUATION, '', { fin: false }))),
    ]) {
      const client = await rawWebSocket(port);
      client.send(bytes);
      await roundTrips(url);
      client.socket.destroy();
    }
    await until(() => primus.connected === 0);
    await event(connect(), 'open');
    expect(primus.connected).toBe(1);
  });

  rejectsMalformedHandshakes(transformer, [[handshake('/elsewhere'), 404]]);

  it('drops a client that disconnects during authorization', async () => {
    const left: (() => void)[] = [];
    const { primus, port, url } = await serve({
      transformer,
      authorization: (request, done) => void (request.url === '/primus/spec' ? done() : left.push(done)),
    });
    const announced: unknown[] = [];
    primus.on('connection', (spark) => announced.push(spark));
    const client = (await raw(port)).send(handshake());
    await until(() => left.length === 1);
    client.socket.destroy();
    await roundTrips(url);
    left[0]?.();
    await roundTrips(url);
    expect(announced).toEqual([]);
    expect(primus.connected).toBe(0);
  });

  it('rejects with a status, headers and a body, synchronously and asynchronously', async () => {
    const refusal = { statusCode: 401, authenticate: 'Basic realm="x"', message: 'who are you?' };
    for (const later of [false, true]) {
      const { port } = await serve({
        transformer,
        authorization: (_request, done) => void (later ? setTimeout(done, 5, refusal) : done(refusal)),
      });
      const answer = await (await raw(port)).send(handshake()).rest();
      expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
      expect(answer).toContain('WWW-Authenticate: Basic realm="x"\r\n');
      expect(answer).toContain('Content-Type: application/json\r\n');
      expect(answer).toMatch(/\r\n\r\n\{"error":"who are you\?"\}$/);
    }
  });

  it('rejects with a close code a client that supports it', async () => {
    const { port } = await serve({ transformer, refuseWithClose: true, authorization: (_request, done) => done('no') });
    const client = (await raw(port)).send(handshake('/primus', 'Sec-WebSocket-Protocol: primus, primus.refused\r\n'));
    expect(await client.answer()).toMatch(/^HTTP\/1\.1 101 [\s\S]*Sec-WebSocket-Protocol: primus\.refused/);
    const { opcode, payload } = await client.frame();
    expect(opcode).toBe(CLOSE);
    expect(payload.readUInt16BE()).toBe(4401);
    expect(JSON.parse(payload.toString('utf8', 2))).toEqual({ error: 'no' });
  });

  it.each(['websockets', 'uws'])('terminates the connection when its request, or the socket of that, is destroyed: %s', async (other) => {
    for (const destroy of [(spark: Spark) => spark.request.destroy(), (spark: Spark) => spark.request.socket.destroy()]) {
      const { primus, connect } = await serve({ transformer: other });
      const announced = event(primus, 'connection');
      const client = connect({ strategy: false });
      await event(client, 'open');
      const [spark] = (await announced) as [Spark];
      const gone = event(primus, 'disconnection');
      spark.request.setTimeout(60_000);
      spark.request.socket.setNoDelay().setKeepAlive();
      destroy(spark);
      await gone;
      expect(primus.connected).toBe(0);
    }
  });

  it('answers 501 when another library takes over an upgrade', async () => {
    const { server, port } = await serve({ transformer });
    server.on('upgrade', (_request, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'));
    expect(await (await raw(port)).send(handshake('/elsewhere')).answer()).toMatch(/^HTTP\/1\.1 501 /);
  });

  it('passes transport options on', async () => {
    const { url } = await serve({ transformer, compression: true, transport: { protocols: ['a', 'b'], compression: 0 } });
    const socket = new WebSocket(`${url.replace('http', 'ws')}/primus`, ['c', 'b']);
    cleanup(() => socket.terminate());
    await event(socket, 'open');
    expect(socket.protocol).toBe('b');
    expect(socket.extensions).toBe('');
  });

  it('compresses when both ends agree, and never inflates beyond maxLength', async () => {
    const { primus, url } = await serve({ transformer, compression: true, maxLength: 100_000 });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const ws = await dial(url, { perMessageDeflate: { threshold: 0 } });
    expect(ws.extensions).toContain('permessage-deflate');
    const text = JSON.stringify('x'.repeat(90_000));
    for (let round = 0; round < 3; round++) {
      const before = bytesRead(ws);
      ws.send(text);
      expect(String((await event(ws, 'message'))[0])).toBe(text);
      expect(bytesRead(ws) - before).toBeLessThan(1_000);
    }
    const before = bytesRead(ws);
    primus.write('x'.repeat(90_000));
    await event(ws, 'message');
    expect(bytesRead(ws) - before).toBeLessThan(1_000);
    const [spark] = Object.values(primus.connections) as [Spark];
    const failed = event(spark, 'error');
    ws.send(JSON.stringify('x'.repeat(50_000_000)));
    expect(await failed).toMatchObject([{ code: 'ERR_PRIMUS_DROPPED' }]);
  });

  it('closes a connection of which a segment holds more compressed messages than can be inflated at once, and serves the others', async () => {
    const { primus, port, connect } = await serve({ transformer, compression: true });
    const friend = connect();
    await event(friend, 'open');
    const announced = event(primus, 'connection');
    const foe = (await raw(port)).send(handshake('/primus', 'Sec-WebSocket-Extensions: permessage-deflate\r\n'));
    await foe.answer();
    const [spark] = (await announced) as [Spark];
    let count = 0;
    spark.on('data', () => count++);
    const failed = event(spark, 'error');
    const bytes = deflateRawSync(JSON.stringify('x'.repeat(10_000_000)), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    foe.send(...Array(20).fill(frame(TEXT, bytes, { reserved: 4 })));
    expect(await foe.closeCode()).toBe(1008);
    expect(await failed).toMatchObject([{ closeCode: 1008, reason: expect.stringContaining('compressed messages') }]);
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(5);
    const echo = event(friend, 'data');
    primus.write('still there');
    expect((await echo)[0]).toBe('still there');
  });

  it('takes what one client sends at once, and closes others when several send so much that a turn gets long', async () => {
    const { primus, port } = await serve({ transformer });
    const count = 200_000;
    let received = 0;
    const errors: unknown[] = [];
    primus.on('connection', (spark) => {
      spark.on('data', () => received++);
      spark.on('error', (error) => errors.push(error));
    });
    const burst = Buffer.concat(Array<Buffer>(count).fill(frame(TEXT, '1')));
    const dialRaw = async () => {
      const peer = (await raw(port)).send(handshake());
      await peer.answer();
      return peer;
    };
    (await dialRaw()).send(burst);
    await until(() => received === count);
    expect(errors).toEqual([]);
    // Each of these turns would take hundreds of ms.
    for (const foe of await Promise.all(Array.from({ length: 16 }, dialRaw))) foe.send(burst);
    await until(() => errors.length > 0);
    expect(errors[0]).toMatchObject({ code: 'ERR_PRIMUS_DROPPED', closeCode: 1013, reason: 'Too many messages at once' });
  });

  it('terminates a client that does not answer its close', async () => {
    const { port, primus } = await serve({ transformer });
    const socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(handshake()));
    cleanup(() => socket.destroy());
    socket.on('data', () => {}).on('error', () => {});
    const [spark] = (await event(primus, 'connection')) as [Spark];
    spark.end();
    await event(socket, 'end');
    expect(primus.connected).toBe(0);
    const alive = setInterval(() => socket.write(frame(9, '')), 200);
    cleanup(() => clearInterval(alive));
    await event(socket, 'close');
  });

  describe('as the owner of the port', () => {
    const start = async (...args: unknown[]) => {
      const server = createServer((_request, response) => response.end('the app'));
      const primus = new Primus(server, { transformer });
      cleanup(() => new Promise<void>((resolve) => primus.destroy({}, resolve)));
      expect(server.address()).toBe(null);
      expect(server.listening).toBe(false);
      server.listen(...(args as [number]));
      await once(server, 'listening');
      expect(server.listening).toBe(true);
      return { server, primus };
    };

    it('implements listen, address, close and their events as a server of Node.js', async () => {
      const called = vi.fn();
      const { server, primus } = await start(0, '127.0.0.1', called);
      expect(called).toHaveBeenCalledOnce();
      const { port, address, family } = server.address() as AddressInfo;
      expect({ address, family }).toEqual({ address: '127.0.0.1', family: 'IPv4' });
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('the app');
      expect(() => server.listen(0)).toThrow(expect.objectContaining({ code: 'ERR_SERVER_ALREADY_LISTEN' }));
      const events: string[] = [];
      server.on('close', () => events.push('close'));
      await new Promise<void>((resolve) => primus.destroy(resolve));
      expect(events).toEqual(['close']);
      expect(server.address()).toBe(null);
      const [error] = await new Promise<[Error | undefined]>((resolve) => server.close((...args) => resolve(args as [Error])));
      expect(error).toMatchObject({ code: 'ERR_SERVER_NOT_RUNNING' });
      await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
    });

    it('accepts every form of arguments of listen', async () => {
      const port = await freePort();
      for (const args of [[], [0], [{ port: 0, host: '127.0.0.1' }], [String(port), '127.0.0.1'], [{ port, host: '::' }]]) {
        const { server, primus } = await start(...args);
        const { port: at } = server.address() as AddressInfo;
        expect(await (await fetch(`http://127.0.0.1:${at}/`)).text()).toBe('the app');
        await new Promise<void>((resolve) => primus.destroy(resolve));
      }
    });

    it('listens on a path', async () => {
      const path = join(certificate() ?? '.', 'socket');
      const { server, primus } = await start(path);
      expect(server.address()).toBe(path);
      const client = new primus.Socket(`ws+unix://${path}`);
      cleanup(() => client.destroy());
      await event(client, 'open');
    });

    it('emits an error when the port is taken, by another engine or by Node.js', async () => {
      const { server: first } = await start(0, '127.0.0.1');
      const second = createServer().listen(0, '127.0.0.1');
      cleanup(() => second.close());
      await once(second, 'listening');
      for (const taken of [first, second]) {
        const server = createServer();
        const primus = new Primus(server, { transformer });
        cleanup(() => primus.destroy());
        server.listen((taken.address() as AddressInfo).port, '127.0.0.1');
        const [error] = await event(server, 'error');
        expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: 'listen' });
        expect(server.listening).toBe(false);
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
      }
    });

    it('frees the port after any kind of connection', async () => {
      const { server, primus } = await start(0, '127.0.0.1');
      const { port } = server.address() as AddressInfo;
      await dial(`http://127.0.0.1:${port}`);
      await (await fetch(`http://127.0.0.1:${port}/`)).text();
      await new Promise<void>((resolve) => primus.destroy(resolve));
      await start(port, '127.0.0.1');
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('the app');
    });

    it('serves the application when only Primus is destroyed', async () => {
      const { server, primus } = await start(0, '127.0.0.1');
      const { port } = server.address() as AddressInfo;
      await new Promise<void>((resolve) => primus.destroy({ close: false }, resolve));
      expect(await (await fetch(`http://127.0.0.1:${port}/primus`)).text()).toBe('the app');
      expect(await (await raw(port)).send(handshake()).answer()).toMatch(/^HTTP\/1\.1 200 /);
      expect(() => new Primus(server, { transformer, maxLength: 50 })).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
      const again = new Primus(server, { transformer });
      const announced = event(again, 'connection');
      await dial(`http://127.0.0.1:${port}`);
      await announced;
      await new Promise<void>((resolve) => again.destroy(resolve));
      // A new port may have new settings.
      const other = new Primus(server, { transformer, maxLength: 50 });
      cleanup(() => new Promise<void>((resolve) => other.destroy(resolve)));
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      const ws = await dial(`http://127.0.0.1:${port}`);
      ws.send(JSON.stringify('x'.repeat(60)));
      await event(ws, 'close');
    });

    it('waits for pending answers and accepts no request after them', async () => {
      const { server } = await start(0, '127.0.0.1');
      const { port } = server.address() as AddressInfo;
      server.removeAllListeners('request');
      server.on('request', (_request, response) => setTimeout(() => response.end('late'), 30));
      const answer = fetch(`http://127.0.0.1:${port}/`);
      await event(server, 'request');
      const closed = event(server, 'close');
      server.close();
      const late = await answer;
      expect(late.headers.get('connection')).toBe('close');
      expect(await late.text()).toBe('late');
      await closed;
    });

    it('throws for a server that is listening already', async () => {
      const server = createServer().listen(0);
      cleanup(() => server.close());
      await once(server, 'listening');
      expect(() => new Primus(server, { transformer })).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_SERVER' }));
      const other = createServer();
      const primus = new Primus(other, { transformer });
      cleanup(() => primus.destroy());
      expect(() => other.listen({ fd: 3 })).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
    });
  });

  describe('over TLS', () => {
    it('uses the certificate of an HTTPS server, or of createServer', async ({ skip }) => {
      const root = certificate();
      if (root === undefined) return skip('there is no openssl');
      const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(join(root, name)));
      const https = createHttpsServer({ cert, key }, (_request, response) => response.end('safe'));
      const first = new Primus(https, { transformer });
      https.listen(0, '127.0.0.1');
      const files = { key_file_name: join(root, 'key.pem'), cert_file_name: join(root, 'cert.pem') };
      const http = createServer();
      const second = new Primus(http, { transformer, transport: files });
      http.listen(0, '127.0.0.1');
      const third = Primus.createServer({ transformer, root, cert: 'cert.pem', key: 'key.pem', host: '127.0.0.1' });
      for (const primus of [first, second, third]) {
        cleanup(() => new Promise<void>((resolve) => primus.destroy(resolve)));
        if (!primus.server.address()) await once(primus.server as never, 'listening');
        const { port } = primus.server.address() as AddressInfo;
        const announced = event(primus, 'connection');
        const ws = await dial(`https://127.0.0.1:${port}`);
        const [spark] = (await announced) as [Spark];
        expect(spark.address.secure).toBe(true);
        spark.write('hello');
        expect(String((await event(ws, 'message'))[0])).toBe('"hello"');
      }
      const answer = await raw((https.address() as AddressInfo).port, { tls: true });
      expect(await answer.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n').answer()).toMatch(/^HTTP\/1\.1 200 /);
    });

    it('emits an error for invalid certificate files when the server listens', async () => {
      const server = createServer();
      const primus = new Primus(server, { transformer, transport: { key_file_name: '/nowhere', cert_file_name: '/nowhere' } });
      cleanup(() => primus.destroy());
      server.listen(0);
      expect(await event(server, 'error')).toMatchObject([{ code: 'ERR_PRIMUS_OPTION', message: expect.stringContaining('PEM') }]);
    });

    it('throws for TLS options that the engine does not support', ({ skip }) => {
      const root = certificate();
      if (root === undefined) return skip('there is no openssl');
      const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(join(root, name)));
      for (const options of [{ cert, key, requestCert: true }, {}, { cert: [cert, cert] as Buffer[], key: [key, key] as Buffer[] }]) {
        const server = createHttpsServer(options as object);
        expect(() => new Primus(server, { transformer })).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
      }
    });
  });
});
