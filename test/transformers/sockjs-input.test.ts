import { createConnection } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Primus, Spark } from '../../src/index.js';
import { watchForCrashes } from '../server/crashes.js';
import { frame, handshake, type Raw, raw, rawWebSocket, TEXT } from '../server/raw.js';
import { startLaboratory } from '../support/laboratory.js';
import { cleanup, event, LIMIT, requested, serve, until } from '../support/serve.js';
import { missing } from './missing.js';

missing('sockjs', 'sockjs');

const transformer = 'sockjs';

async function ask(url: string, path: string, body: string, type = 'text/plain') {
  const response = await fetch(`${url}/primus${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': type },
    signal: AbortSignal.timeout(LIMIT),
  });
  return { status: response.status, body: await response.text() };
}

/** The errors and the messages of all sparks. */
function record(primus: Primus) {
  const seen: { errors: unknown[]; messages: unknown[] } = { errors: [], messages: [] };
  primus.on('connection', (spark: Spark) => {
    spark.on('error', (error) => seen.errors.push(error));
    spark.on('data', (data) => seen.messages.push(data));
  });
  return seen;
}

/** The longest time for which the event loop stood still, in ms. */
function watchLoop() {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  cleanup(() => clearInterval(timer));
  return () => longest;
}

describe('a frame of sockjs', () => {
  watchForCrashes();

  it.each(['[1,2]', '[{},{}]', '[[],[]]', '[null,null]', '1', '{}'])('of %s ends its connection, and no other', async (payload) => {
    const { primus, port, connect } = await serve({ transformer });
    const seen = record(primus);
    const friend = connect();
    await event(friend, 'open');
    const peer = await rawWebSocket(port, '/primus/1/a/websocket');
    await until(() => primus.connected === 2);
    peer.send(frame(TEXT, payload));
    await peer.rest();
    expect(seen.errors).toMatchObject([{ closeCode: 1003 }]);
    expect(primus.connected).toBe(1);
  });

  it('may have messages behind the one that ends the connection', async () => {
    const { primus, port, url } = await serve({ transformer });
    const received: unknown[] = [];
    primus.on('connection', (spark: Spark) =>
      spark.on('data', (data) => {
        received.push(data);
        spark.end();
      }),
    );
    const peer = await rawWebSocket(port, '/primus/1/a/websocket');
    peer.send(frame(TEXT, '["1","2","3"]'));
    await peer.rest();
    await fetch(`${url}/primus/1/b/xhr`, { method: 'POST' });
    expect(await ask(url, '/1/b/xhr_send', '["4","5"]')).toMatchObject({ status: 204 });
    expect(received).toEqual([1, 4]);
  });

  it.each(['["x', '["x"] ', '[]', ''])('of %j is broken or empty', async (payload) => {
    const { primus, port } = await serve({ transformer });
    const seen = record(primus);
    const peer = await rawWebSocket(port, '/primus/1/a/websocket');
    await until(() => primus.connected === 1);
    peer.send(frame(TEXT, payload), frame(TEXT, '["1"]'));
    if (payload === '["x') {
      expect(await peer.rest()).not.toContain('c[');
      expect(seen.errors).toMatchObject([{ closeCode: 3000 }]);
    } else {
      await until(() => seen.messages.length === 1);
      expect(seen.messages).toEqual([1]);
    }
  });

  it('of 300,000 messages is delivered in order, while others are served', async () => {
    const { primus, port, url } = await serve({ transformer });
    const seen = record(primus);
    const peer = await rawWebSocket(port, '/primus/1/a/websocket');
    await until(() => primus.connected === 1);
    const list = JSON.stringify(Array.from({ length: 300_000 }, (_, index) => String(index)));
    peer.send(frame(TEXT, list), frame(TEXT, '["-1"]'));
    await until(() => seen.messages.length > 0);
    // Others are answered before the last message.
    await (await fetch(`${url}/primus/info`)).text();
    const early = seen.messages.length;
    peer.socket.end(frame(TEXT, '["-2"]'));
    await until(() => primus.connected === 0);
    expect(early).toBeLessThan(300_000);
    expect(seen.messages).toEqual([...Array.from({ length: 300_000 }, (_, index) => index), -1, -2]);
    expect(seen.errors).toEqual([]);
  });

  it('of many messages waits while the connection is paused', async () => {
    const { primus, port } = await serve({ transformer });
    const seen = record(primus);
    const announced = event(primus, 'connection');
    const peer = await rawWebSocket(port, '/primus/1/a/websocket');
    const [spark] = (await announced) as [Spark];
    spark.on('data', (data) => data === 100 && spark.connection.pause(true));
    peer.send(frame(TEXT, JSON.stringify(Array.from({ length: 100_000 }, (_, index) => String(index)))));
    await until(() => seen.messages.length > 100);
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(seen.messages).toHaveLength(101);
    spark.connection.pause(false);
    await until(() => seen.messages.length === 100_000);
    expect(seen.messages.at(-1)).toBe(99_999);
  });

  it.each([
    ['brackets', '['.repeat(5_000_000), 1003],
    ['numbers', `[${'1,'.repeat(2_000_000)}1]`, 1003],
    ['what is no JSON', `["${'x'.repeat(200_000)}`, 3000],
    ['a broken string', `["${'x'.repeat(200_000)}\\x"]`, 3000],
    ['a list without its end', `["${'x'.repeat(200_000)}","1"`, 3000],
    ['two lists', `["${'x'.repeat(200_000)}"][]`, 3000],
  ])('that is long and has %s ends the connection without delay', async (_, payload, closeCode) => {
    const { primus, port } = await serve({ transformer });
    const seen = record(primus);
    const peer = await rawWebSocket(port, '/primus/1/a/websocket');
    await until(() => primus.connected === 1);
    const bytes = frame(TEXT, payload);
    const longest = watchLoop();
    peer.socket.write(bytes);
    await until(() => primus.connected === 0);
    expect(seen.errors.filter((error) => (error as { closeCode?: number }).closeCode !== undefined)).toMatchObject([{ closeCode }]);
    // Parsing 5,000,000 brackets takes a second on an idle machine.
    expect(longest()).toBeLessThan(5_000);
  });

  it.each([
    ['xhr', '', 'text/plain', 204],
    ['jsonp?c=x', 'd=', 'application/x-www-form-urlencoded', 200],
    ['jsonp?c=x', '', 'text/plain', 200],
  ])('has as many messages as the body of a request to %s, %s', async (poll, before, type, status) => {
    // There is no poll while a busy machine parses the lists.
    const { primus, url } = await serve({ transformer, transport: { disconnect_delay: LIMIT } });
    const seen = record(primus);
    const [verb] = poll.split('?') as [string];
    await fetch(`${url}/primus/1/a/${poll}`, { method: verb === 'xhr' ? 'POST' : 'GET' });
    const text = JSON.stringify(Array.from({ length: 200_000 }, (_, index) => String(index)));
    const body = before + (type === 'text/plain' ? text : encodeURIComponent(text));
    const answers = await Promise.all([
      ask(url, `/1/a/${verb}_send`, body, type),
      ask(url, `/1/a/${verb}_send`, before + (type === 'text/plain' ? '["-1"]' : '%5B%22-1%22%5D'), type),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([status, status]);
    expect(seen.messages).toHaveLength(200_001);
    expect(seen.messages.filter((message) => message !== -1)).toEqual(Array.from({ length: 200_000 }, (_, index) => index));
    for (const broken of [`["${'x'.repeat(200_000)}`, `${'x'.repeat(200_000)}`])
      expect((await ask(url, `/1/a/${verb}_send`, before + encodeURIComponent(broken), type)).status).toBe(500);
    expect((await ask(url, `/1/a/${verb}_send`, before + encodeURIComponent(text), 'text/html')).status).toBe(500);
  });
});

describe('data that comes in one segment with the handshake', () => {
  const authorization = (_request: unknown, done: () => void) => void setImmediate(() => setImmediate(done));

  it.each([
    ['sockjs', '/primus/1/a/websocket', '["1","2"]', undefined],
    ['sockjs', '/primus/1/a/websocket', '["1","2"]', authorization],
    ['sockjs', '/primus/websocket', '1', undefined],
    ['sockjs', '/primus/websocket', '1', authorization],
    ['faye', '/primus', '1', undefined],
    ['faye', '/primus', '1', authorization],
  ] as const)('is delivered once by %s at %s', async (name, path, payload, authorize) => {
    const { primus, port } = await serve({ transformer: name, ...(authorize && { authorization: authorize }) });
    const events: unknown[] = [];
    primus.on('connection', (spark: Spark) => {
      events.push('connection');
      spark.on('data', (data) => events.push(data));
    });
    primus.on('disconnection', () => events.push('disconnection'));
    const peer = await raw(port);
    peer.send(handshake(path), frame(TEXT, payload), frame(TEXT, payload === '1' ? '2' : '["3"]'));
    await until(() => events.length > (payload === '1' ? 2 : 3));
    peer.socket.destroy();
    await until(() => events.includes('disconnection'));
    expect(events).toEqual(['connection', ...(payload === '1' ? [1, 2] : [1, 2, 3]), 'disconnection']);
  });
});

describe('the raw WebSocket of sockjs', () => {
  const parser = {
    encoder: (data: unknown, done: (error: null, frame: string | Uint8Array) => void) => done(null, data as string | Uint8Array),
    decoder: (data: string | Uint8Array, done: (error: null, data: unknown) => void) => done(null, data),
  };

  it('carries strings with NUL and bytes as they are', async () => {
    const { primus, url } = await serve({ transformer, parser });
    primus.on('connection', (spark: Spark) => spark.on('data', (data) => spark.write(data)));
    const socket = new WebSocket(`${url.replace('http', 'ws')}/primus/websocket`);
    cleanup(() => socket.terminate());
    await event(socket, 'open');
    for (const text of ['\0', '\0b', '\0tx', 'a\0', 'Hello world!\uffff']) {
      socket.send(text);
      expect(await event(socket, 'message')).toEqual([Buffer.from(text), false]);
    }
    socket.send(Buffer.from([0, 255]));
    expect(await event(socket, 'message')).toEqual([Buffer.from([0, 255]), true]);
  });

  it('closes with 1009 at a message that is longer than maxLength', async () => {
    const { primus, port } = await serve({ transformer, maxLength: 1_000 });
    const seen = record(primus);
    const peer = await rawWebSocket(port, '/primus/websocket');
    peer.send(frame(TEXT, JSON.stringify('x'.repeat(998))));
    await until(() => seen.messages.length === 1);
    peer.send(frame(TEXT, JSON.stringify('x'.repeat(999))));
    expect(await peer.closeCode()).toBe(1009);
    await until(() => primus.connected === 0);
    expect(seen.errors).toMatchObject([{ closeCode: 1009 }]);
  });
});

describe('answers of sockjs', () => {
  const request = (method: string, path: string) => `${method} /primus/1/a/${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`;

  /** A slow consumer: it reads nothing. */
  async function silent(port: number, bytes: string): Promise<Raw> {
    const peer = (await raw(port)).send(bytes);
    peer.socket.pause();
    return peer;
  }

  it.each([
    ['POST', 'xhr_streaming'],
    ['GET', 'eventsource'],
    ['GET', 'htmlfile?c=x'],
    ['POST', 'xhr'],
    ['GET', 'jsonp?c=x'],
  ])('to %s %s that are not read end the connection at maxBuffer', async (method, path) => {
    const { primus, port } = await serve({ transformer, maxBuffer: 1_000_000, pingInterval: false });
    const announced = event(primus, 'connection');
    await silent(port, request(method, path));
    const [spark] = (await announced) as [Spark];
    const failed = event(spark, 'error');
    let written = 0;
    while (spark.readyState === 3 && written < 100_000_000) {
      spark.write('x'.repeat(50_000));
      written += 50_000;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await failed).toMatchObject([{ code: 'ERR_PRIMUS_SLOW_PEER' }]);
    // The system takes some megabytes, too.
    expect(written).toBeLessThan(50_000_000);
    await until(() => primus.connected === 0);
  });

  it('count as long as they have not left, on every socket that polls', async () => {
    const { primus, port, server } = await serve({ transformer, maxBuffer: 12_000_000, pingInterval: false });
    const announced = event(primus, 'connection');
    await silent(port, request('POST', 'xhr'));
    const [spark] = (await announced) as [Spark];
    const failed = event(spark, 'error');
    let written = 0;
    // Each of these polls takes what waits, and reads none of it.
    while (spark.readyState === 3 && written < 200_000_000) {
      for (let count = 0; count < 100; count++) spark.write('x'.repeat(100_000));
      written += 10_000_000;
      const arrived = requested(server);
      await silent(port, request('POST', 'xhr'));
      await arrived;
    }
    expect(await failed).toMatchObject([{ code: 'ERR_PRIMUS_SLOW_PEER' }]);
    expect(written).toBeLessThan(100_000_000);
    await until(() => primus.connected === 0);
  });

  it('that cannot be sent any more end the connection with an error', async () => {
    const { primus, port } = await serve({ transformer, maxBuffer: Number.POSITIVE_INFINITY, pingInterval: false });
    const announced = event(primus, 'connection');
    await silent(port, request('POST', 'xhr'));
    const [spark] = (await announced) as [Spark];
    spark.write('x'.repeat(30_000_000));
    const failed = event(spark, 'error');
    const socket = createConnection(port, '127.0.0.1', () => socket.write(request('POST', 'xhr')));
    socket.on('error', () => {});
    await event(socket, 'readable');
    socket.resetAndDestroy();
    expect(await failed).toMatchObject([{ closeCode: 1002, message: expect.stringContaining('Connection interrupted') }]);
    expect(primus.connected).toBe(0);
  });

  it('that cannot be sent any more are sent again to a client with a session', async () => {
    const { primus, port } = await serve({ transformer, resume: { ring: 50_000_000 }, maxBuffer: Number.POSITIVE_INFINITY });
    const network = await startLaboratory(port);
    const announced = event(primus, 'connection');
    const client = new primus.Socket(network.url, {
      transport: { transports: ['xhr-polling'] },
      reconnect: { min: 10, max: 50, retries: Infinity },
    });
    cleanup(() => client.destroy());
    const outcomes: string[] = [];
    client.resume$.subscribe(({ type }) => outcomes.push(type));
    const received: unknown[] = [];
    client.on('data', (data) => received.push(data));
    const opened = event(client, 'open');
    const [spark] = (await announced) as [Spark];
    await opened;
    const link = spark.connection.link as unknown as { isPolled: boolean; bufferedAmount: number };
    await until(() => link.isPolled);
    network.blackhole('toClient');
    // More than the system takes.
    const long = 'x'.repeat(16_000_000);
    spark.write(long);
    spark.write('last');
    await until(() => !link.isPolled);
    expect(link.bufferedAmount).toBeGreaterThan(1_000_000);
    // The server notices it before the client is back.
    network.refuse();
    network.break({ reset: true });
    await until(() => spark.away || spark.readyState !== 3);
    expect(spark.away).toBe(true);
    network.heal();
    await until(() => received.length === 2);
    expect(received[0] === long).toBe(true);
    expect(received[1]).toBe('last');
    // On a busy machine the client may take longer over the long answer than sockjs waits for the next poll: then it resumes once more.
    const [first, ...later] = outcomes;
    expect(first).toBe('fresh');
    expect(later.length).toBeGreaterThan(0);
    expect(later.every((outcome) => outcome === 'resumed')).toBe(true);
  });
});
