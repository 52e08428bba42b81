import { get, type IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Socket as Engine } from 'engine.io';
import { describe, expect, it } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { watchForCrashes } from '../server/crashes.js';
import { frame, type Raw, raw, TEXT, handshake as upgrade } from '../server/raw.js';
import { Clock } from '../support/clock.js';
import { cleanup, event, requested, roundTrips, serve, until } from '../support/serve.js';
import { coalesced } from './coalesced.js';
import { ask, handshake, target } from './polling.js';

const BAD_REQUEST = { code: 3, message: 'Bad request' };

describe.each(['engine.io', 'socket.io'])('a session of %s', (transformer) => {
  watchForCrashes();

  /** Returns the packet of the engine for a frame. */
  const packet = (data: string) => (transformer === 'engine.io' ? `4${data}` : `42${JSON.stringify(['message', data])}`);

  /** A server, and a session by polling whose client has read all that came so far. */
  async function session(options: ServerOptions = {}) {
    const served = await serve({ transformer, ...options });
    const { primus, port } = served;
    const announced = event(primus, 'connection');
    const { sid } = await handshake(port);
    if (transformer === 'socket.io') {
      await ask(port, 'POST', `&sid=${sid}`, '40');
      await ask(port, 'GET', `&sid=${sid}`);
    }
    const [spark] = (await announced) as [Spark];
    const received: unknown[] = [];
    spark.on('data', (data) => received.push(data));
    const poll = () => ask(port, 'GET', `&sid=${sid}`);
    const post = (body: string) => ask(port, 'POST', `&sid=${sid}`, body);
    /** Whether the owner of the session can still send and receive. */
    const isAlive = async () => {
      const before = received.length;
      expect((await post(packet('"still there"'))).status).toBe(200);
      expect(received.slice(before)).toEqual(['still there']);
      spark.write('yes');
      expect((await poll()).body).toBe(packet('"yes"'));
      expect(primus.connected).toBe(1);
    };
    return { ...served, sid, spark, received, poll, post, isAlive };
  }

  /** Answers a WebSocket handshake of its own with its status and body. */
  async function rejected(port: number, query: string): Promise<[status: string, body: unknown]> {
    const connection = (await raw(port)).send(upgrade(`/primus/?EIO=4${query}`));
    const [status = ''] = (await connection.answer()).split('\r\n');
    return [status, JSON.parse(await connection.rest())];
  }

  async function webSocket(port: number, query = ''): Promise<Raw> {
    const connection = (await raw(port)).send(upgrade(`/primus/?EIO=4&transport=websocket${query}`));
    expect(await connection.answer()).toMatch(/^HTTP\/1\.1 101/);
    return connection;
  }

  const text = async (connection: Raw) => (await connection.frame()).payload.toString();

  it('answers a second poll with 400, and the first one with the next message', async () => {
    const { poll, spark, server, isAlive } = await session();
    const first = poll();
    await requested(server);
    for (let count = 0; count < 3; count++) {
      const { status, body } = await poll();
      expect([status, JSON.parse(body)]).toEqual([400, BAD_REQUEST]);
    }
    spark.write('for the first');
    expect((await first).body).toBe(packet('"for the first"'));
    await isAlive();
  });

  it.each([false, true])('answers a second request with data with 400, and reads the first one to its end; paused: %s', async (paused) => {
    const { post, port, sid, spark, received, url, isAlive } = await session();
    if (paused) spark.pause();
    const body = packet('"first"');
    const first = await raw(port);
    first.send(`POST ${target(`&sid=${sid}`)} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 4)}`);
    await roundTrips(url);
    expect(JSON.parse((await post(packet('"second"'))).body)).toEqual(BAD_REQUEST);
    if (paused) spark.resume();
    first.send(body.slice(4));
    expect(await first.answer()).toMatch(/^HTTP\/1\.1 200/);
    expect(received).toEqual(['first']);
    await isAlive();
  });

  it('rejects a second upgrade during the first, which completes', async () => {
    const { port, sid, received, spark, primus } = await session();
    const first = await webSocket(port, `&sid=${sid}`);
    expect(await rejected(port, `&transport=websocket&sid=${sid}`)).toEqual(['HTTP/1.1 400 Bad Request', BAD_REQUEST]);
    first.send(frame(TEXT, '2probe'));
    expect(await text(first)).toBe('3probe');
    first.send(frame(TEXT, '5'), frame(TEXT, packet('"upgraded"')));
    await until(() => received.length === 1);
    spark.write('to the owner');
    expect(await text(first)).toBe(packet('"to the owner"'));
    // The protocol has it that one that comes later is opened and closed.
    expect(await (await webSocket(port, `&sid=${sid}`)).closeCode()).toBe(1005);
    expect((await ask(port, 'GET', `&sid=${sid}`)).status).toBe(400);
    expect((await ask(port, 'POST', `&sid=${sid}`, packet('"forged"'))).status).toBe(400);
    first.send(frame(TEXT, packet('"still there"')));
    await until(() => received.length === 2);
    expect(received).toEqual(['upgraded', 'still there']);
    expect(primus.connected).toBe(1);
  });

  it.each([false, true])('upgrades by frames in one segment with the request; authorization pending: %s', async (pending) => {
    let authorize: (() => void) | undefined;
    const authorization = (request: IncomingMessage, done: () => void) => {
      if (pending && request.headers.upgrade) authorize = done;
      else done();
    };
    const { port, sid, received, spark, url } = await session({ authorization });
    const probe = [frame(TEXT, '2probe'), frame(TEXT, '5'), frame(TEXT, packet('1'))];
    const client = (await raw(port)).send(upgrade(`/primus/?EIO=4&transport=websocket&sid=${sid}`), ...probe);
    if (pending) {
      await until(() => authorize !== undefined);
      client.send(frame(TEXT, packet('2')));
      await roundTrips(url);
      expect(received).toEqual([]);
      authorize?.();
    } else client.send(frame(TEXT, packet('2')));
    await until(() => received.length === 2);
    expect(received).toEqual([1, 2]);
    await client.answer();
    expect(await text(client)).toBe('3probe');
    spark.write('back');
    expect(await text(client)).toBe(packet('"back"'));
  });

  it('that began as a WebSocket is not taken over by another one, nor by polls', async () => {
    const { primus, port } = await serve({ transformer });
    const announced = event(primus, 'connection');
    const owner = await webSocket(port);
    const { sid } = JSON.parse((await text(owner)).slice(1));
    if (transformer === 'socket.io') {
      owner.send(frame(TEXT, '40'));
      expect(await text(owner)).toMatch(/^40/);
    }
    const [spark] = (await announced) as [Spark];
    expect(await rejected(port, `&transport=websocket&sid=${sid}`)).toEqual(['HTTP/1.1 400 Bad Request', BAD_REQUEST]);
    for (const query of [`&sid=${sid}`, `&sid=${sid}&transport=websocket`])
      for (const method of ['GET', 'POST', 'PUT']) expect((await ask(port, method, query, '4"x"')).status).toBe(400);
    spark.write('to the owner');
    expect(await text(owner)).toBe(packet('"to the owner"'));
    expect(primus.connected).toBe(1);
  });

  it.each([
    ['the id twice', '&sid={sid}&sid={sid}'],
    ['the id after another one', '&sid=x&sid={sid}'],
    ['the id before another one', '&sid={sid}&sid=x'],
    ['another id', '&sid=x'],
    ['__proto__', '&sid=__proto__'],
    ['constructor', '&sid=constructor'],
    ['a part of the id', '&sid={half}'],
    ['another version of the protocol', '&sid={sid}&EIO=3'],
    ['no version of the protocol', '&sid={sid}&EIO='],
    ['another transport', '&sid={sid}&transport=websocket'],
    ['a transport that is not enabled', '&sid={sid}&transport=webtransport'],
    ['an unknown transport', '&sid={sid}&transport=constructor'],
  ])('is not reached with %s', async (_what, query) => {
    const { port, sid, received, isAlive } = await session();
    const named = query.replaceAll('{sid}', sid).replaceAll('{half}', sid.slice(0, 10));
    for (const method of ['GET', 'POST']) {
      const { status, body } = await ask(port, method, named, packet('"forged"'));
      expect([status, JSON.parse(body)]).toEqual([400, { code: expect.any(Number), message: expect.any(String) }]);
    }
    expect(received).toEqual([]);
    await isAlive();
  });

  it('is not reached by an upgrade that names it twice, or another version of the protocol', async () => {
    const { port, sid, isAlive } = await session();
    for (const query of [`&sid=x&sid=${sid}`, `&sid=${sid}&EIO=3`, `&sid=${sid}&EIO=x`])
      expect((await rejected(port, `&transport=websocket${query}`))[0]).toBe('HTTP/1.1 400 Bad Request');
    await isAlive();
  });

  it('is of one server alone', async () => {
    const { sid, isAlive } = await session();
    for (const other of ['engine.io', 'socket.io']) {
      const { port } = await serve({ transformer: other });
      expect((await ask(port, 'GET', `&sid=${sid}`)).status).toBe(400);
      expect((await ask(port, 'POST', `&sid=${sid}`, '1')).status).toBe(400);
    }
    await isAlive();
  });

  it('is not reached from an origin that is rejected', async () => {
    const { port, sid, received, isAlive } = await session({ origins: 'http://good.example' });
    const headers = { Origin: 'http://evil.example' };
    expect((await ask(port, 'GET', `&sid=${sid}`, undefined, headers)).status).toBe(403);
    expect((await ask(port, 'POST', `&sid=${sid}`, '1', headers)).status).toBe(403);
    const connection = (await raw(port)).send(upgrade(target(`&sid=${sid}`), `Origin: ${headers.Origin}\r\n`));
    expect(await connection.answer()).toMatch(/^HTTP\/1\.1 403/);
    expect(received).toEqual([]);
    await isAlive();
  });

  it('outlives requests that are rejected and aborted', async () => {
    const { port, sid, poll, spark, server, isAlive } = await session();
    const first = poll();
    await requested(server);
    const second = get({ port, path: target(`&sid=${sid}`), agent: false });
    const [answer] = (await event(second, 'response')) as [IncomingMessage];
    answer.on('error', () => {});
    second.on('error', () => {}).destroy();
    spark.write('for the first');
    expect((await first).status).toBe(200);
    await isAlive();
  });

  it('ends with an event when its poll is aborted before there is an answer', async () => {
    const { port, sid, spark, server, poll, primus } = await session();
    const errors: unknown[] = [];
    spark.on('error', (error) => errors.push(error));
    const aborted = get({ port, path: target(`&sid=${sid}`), agent: false }).on('error', () => {});
    await requested(server);
    const ended = event(spark, 'end');
    aborted.destroy();
    await ended;
    expect(primus.connected).toBe(0);
    expect(errors).toEqual([]);
    expect((await poll()).status).toBe(400);
  });

  it.each([true, false])('ends with an event when its poll is aborted within the answer; compression: %s', async (compression) => {
    const { port, sid, spark, poll } = await session({ compression });
    // More than the system buffers, and not compressible.
    spark.write(Array.from({ length: 1_000_000 }, () => Math.random()).join());
    const connection = await raw(port);
    connection.socket.pause();
    connection.send(`GET ${target(`&sid=${sid}`)} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n`);
    await until(() => connection.socket.readableLength > 0);
    const ended = event(spark, 'end');
    connection.socket.destroy();
    await ended;
    expect((await poll()).status).toBe(400);
  });

  it('terminates an answer that is not read when the session has ended', async () => {
    const scheduler = new Clock();
    const { port, sid, spark, post, url } = await session({ scheduler });
    spark.write('x'.repeat(9_000_000));
    const connection = await raw(port);
    connection.socket.pause();
    connection.send(`GET ${target(`&sid=${sid}`)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await until(() => connection.socket.readableLength > 0);
    const ended = event(spark, 'end');
    await post('1');
    await ended;
    scheduler.advance(29_999);
    await roundTrips(url);
    expect(connection.socket.destroyed).toBe(false);
    scheduler.advance(1);
    connection.socket.resume();
    expect((await connection.rest()).length).toBeLessThan(9_000_000);
  });

  it('is not kept for a poll that never comes when it has ended', async () => {
    const { spark } = await session();
    const { transport } = (spark.connection.link as unknown as { engine: Engine }).engine;
    let isLate = false;
    // Far below the 30 s of the engine; both timers are of this process, so a slow machine delays both.
    const timer = setTimeout(() => {
      isLate = true;
    }, 15_000);
    cleanup(() => clearTimeout(timer));
    spark.connection.link?.destroy();
    await until(() => transport.readyState === 'closed' || isLate);
    expect(isLate).toBe(false);
  });

  /** Many packets in one payload. */
  const payload = (count: number) => Array.from({ length: count }, (_, index) => packet(String(index))).join('\u001e');

  it('does not hold the event loop for the packets of one request', async () => {
    const { post, received, spark } = await session();
    let turns = 0;
    const turn = () => {
      turns++;
      loop = setImmediate(turn);
    };
    let loop = setImmediate(turn);
    cleanup(() => clearImmediate(loop));
    const seen = new Set<number>();
    spark.on('data', () => seen.add(turns));
    expect((await post(payload(100_000))).body).toBe('ok');
    // Socket.IO emits the last events in a later tick.
    await until(() => received.length >= 100_000);
    expect(received).toEqual(Array.from({ length: 100_000 }, (_, index) => index));
    expect(seen.size).toBeGreaterThan(2);
  });

  // Socket.IO emits events in a later tick, by which all packets of a slice have been decoded.
  const atOnce = it.skipIf(transformer === 'socket.io');

  atOnce('pauses between the packets of one request, whose answer waits for the last', async () => {
    const { post, spark, received, url, isAlive } = await session();
    spark.on('data', (data) => {
      if (data === 100) spark.pause();
    });
    let answered = false;
    const sent = post(payload(1_000)).finally(() => {
      answered = true;
    });
    await until(() => received.length > 100);
    await roundTrips(url);
    expect(received.length).toBeLessThan(1_000);
    expect(answered).toBe(false);
    spark.resume();
    expect((await sent).status).toBe(200);
    expect(received).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
    await isAlive();
  });

  atOnce('ends with a malformed packet, behind those before it', async () => {
    const { post, spark, received, primus } = await session();
    const ended = event(spark, 'end');
    await post(`${payload(100)}\u001e9\u001e${payload(10)}`);
    await ended;
    expect(received).toHaveLength(100);
    expect(primus.connected).toBe(0);
  });

  it('does not begin by JSONP', async () => {
    const { port, primus } = await serve({ transformer });
    const { status, body } = await ask(port, 'GET', '&j=0');
    expect([status, JSON.parse(body)]).toEqual([400, { code: 3, message: 'JSONP is not supported' }]);
    expect(primus.connected).toBe(0);
  });

  it('does not inflate data', async () => {
    const { port, sid, spark, received } = await session();
    const ended = event(spark, 'end');
    await ask(port, 'POST', `&sid=${sid}`, gzipSync(packet('"x"')), { 'Content-Encoding': 'gzip' });
    await ended;
    expect(received).toEqual([]);
  });

  it('counts an unread answer as buffered, and takes no other poll beside it', async () => {
    const { port, sid, spark, url, primus } = await session({ maxBuffer: 1_000_000 });
    const begin = async () => {
      const connection = await raw(port);
      connection.socket.pause();
      connection.send(`GET ${target(`&sid=${sid}`)} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await roundTrips(url);
    };
    await begin();
    const big = 'x'.repeat(9_000_000);
    spark.write(big);
    await until(() => (spark.connection.link?.bufferedAmount ?? 0) > 1_000_000);
    // This one waits until the answer has left, and a third one is rejected.
    await begin();
    expect((await ask(port, 'GET', `&sid=${sid}`)).status).toBe(400);
    const failed = event(spark, 'error');
    spark.write('x'.repeat(1_000_000));
    spark.write('x'.repeat(1_000_000));
    expect(await failed).toMatchObject([{ code: 'ERR_PRIMUS_SLOW_PEER' }]);
    await until(() => primus.connected === 0);
  });
});

coalesced({ transformer: 'engine.io', target: '/primus/?EIO=4&transport=websocket', encode: (message) => `4${message}` });
coalesced({
  transformer: 'socket.io',
  target: '/primus/?EIO=4&transport=websocket',
  opening: ['40'],
  encode: (message) => `42${JSON.stringify(['message', message])}`,
});
