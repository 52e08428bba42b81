import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { type LinkError, type Parser, Primus, type ServerOptions, type Spark } from '../../src/index.js';
import { json } from '../../src/parsers/json.js';
import { block } from '../support/block.js';
import { settle } from '../support/clock.js';
import { testFolder } from '../support/folder.js';
import { cleanup, event, serve, until } from '../support/serve.js';
import { watchForCrashes } from './crashes.js';
import { frame, handshake, raw, rawWebSocket, TEXT } from './raw.js';

watchForCrashes();

/** A server, a client that is connected, and its spark. */
async function pair(options: ServerOptions = {}) {
  const served = await serve({ pingInterval: false, ...options });
  const announced = event(served.primus, 'connection');
  const client = served.connect();
  const [[spark]] = await Promise.all([announced, event(client, 'open')]);
  return { ...served, client, spark: spark as Spark };
}

const chunk = 'x'.repeat(65_536);

describe('a slow consumer', () => {
  /** Opens a connection and reads nothing from it. */
  async function openSlow(port: number) {
    const slow = await rawWebSocket(port);
    slow.socket.pause();
    return slow;
  }

  it.each<[string, (primus: Primus, spark: Spark) => void]>([
    ['messages', (_primus, spark) => void spark.write(chunk)],
    ['broadcasts', (primus) => void primus.write(chunk)],
  ])('is terminated with an error when %s exceed maxBuffer', async (_name, write) => {
    const maxBuffer = 4_000_000;
    const { primus, port, connect } = await serve({ pingInterval: false, maxBuffer });
    const announced = event(primus, 'connection');
    const log: unknown[] = [];
    primus.on('log', (...entry) => log.push(entry));
    const peer = await openSlow(port);
    const [spark] = (await announced) as [Spark];
    const errors: LinkError[] = [];
    spark.on('error', (error) => errors.push(error as LinkError));
    const other = connect();
    let received = 0;
    other.on('data', () => received++);
    await event(other, 'open');
    let written = 0;
    while (spark.readyState === 3 && written < 100_000_000) {
      write(primus, spark);
      written += chunk.length;
      if (written % (16 * chunk.length) === 0) await settle();
    }
    expect(spark.readyState).toBe(2);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_SLOW_PEER', reason: 'slow consumer' }]);
    // The error says it all: no message was being transformed or encoded.
    expect(log).toEqual([]);
    // The system's own buffers take some beside ours.
    expect(written).toBeLessThan(maxBuffer + 16_000_000);
    expect(spark.write('more')).toBe(false);
    expect(primus.connected).toBe(1);
    if (received > 0) await until(() => received === written / chunk.length);
    peer.socket.resume();
    await peer.rest();
  });

  it('is terminated at a maxBuffer of 64 kB', async () => {
    const maxBuffer = 65_536;
    const { primus, port } = await serve({ pingInterval: false, maxBuffer });
    const announced = event(primus, 'connection');
    await openSlow(port);
    const [spark] = (await announced) as [Spark];
    const failed = event(spark, 'error');
    let most = 0;
    while (spark.readyState === 3) {
      spark.write('x'.repeat(4_096));
      await settle();
      most = Math.max(most, spark.connection.link?.bufferedAmount ?? 0);
    }
    expect((await failed)[0]).toMatchObject({ code: 'ERR_PRIMUS_SLOW_PEER' });
    expect(most).toBeLessThan(maxBuffer + 16_384);
  });

  it.each([
    ['a message transformer', (primus: Primus) => primus.transform('outgoing', (_packet, next) => void setTimeout(next, 5))],
    ['an encoder', () => {}],
  ])('is terminated when %s is too slow for what is written', async (name, add) => {
    const late: Parser = {
      encoder: (data, done) => void setTimeout(() => json.encoder(data, done), 5),
      decoder: (data, done) => json.decoder(data, done),
    };
    const { primus, spark, client } = await pair({
      transformer: 'memory',
      maxBuffer: 100_000,
      ...(name === 'an encoder' && { parser: late }),
    });
    const dropped = event(client, 'reconnect scheduled');
    add(primus);
    const failed = event(spark, 'error');
    let written = 0;
    while (spark.readyState === 3 && written < 100_000_000) {
      spark.write({ text: 'x'.repeat(1_000) });
      written += 1_000;
      await settle();
    }
    expect((await failed)[0]).toMatchObject({ code: 'ERR_PRIMUS_SLOW_PEER' });
    await dropped;
  });

  it('stays connected when maxBuffer is Infinity', async () => {
    const { primus, port } = await serve({ pingInterval: false, maxBuffer: Number.POSITIVE_INFINITY });
    const announced = event(primus, 'connection');
    const peer = await openSlow(port);
    const [spark] = (await announced) as [Spark];
    for (let count = 0; count < 400; count++) spark.write(chunk);
    expect(spark.readyState).toBe(3);
    peer.socket.destroy();
    await event(spark, 'end');
  });

  it('makes write() return false if there are listeners of drain, and drain follows when it reads again', async () => {
    const { primus, port } = await serve({ pingInterval: false });
    const announced = event(primus, 'connection');
    const peer = await openSlow(port);
    const [spark] = (await announced) as [Spark];
    const drained = vi.fn();
    spark.on('drain', drained);
    let writes = 0;
    while (spark.write(chunk)) {
      writes++;
      expect(writes).toBeLessThan(500);
    }
    expect(spark.readyState).toBe(3);
    await settle();
    expect(drained).not.toHaveBeenCalled();
    peer.socket.resume();
    await until(() => drained.mock.calls.length > 0);
    expect(drained).toHaveBeenCalledTimes(1);
    expect(spark.write('more')).toBe(true);
  });

  it('does not change what write() returns without listeners of drain', async () => {
    const { primus, port } = await serve({ pingInterval: false });
    const announced = event(primus, 'connection');
    await openSlow(port);
    const [spark] = (await announced) as [Spark];
    for (let count = 0; count < 100; count++) expect(spark.write(chunk)).toBe(true);
  });
});

describe('a turn of the event loop', () => {
  it.each(['websockets', 'faye', 'engine.io', 'sockjs', 'uws'])(
    'takes no more messages when they have taken long, and delivers all in order: %s',
    async (transformer) => {
      const { primus, client, spark } = await pair({ transformer });
      const received: unknown[] = [];
      let inTurn = 0;
      let most = 0;
      spark.on('data', (data) => {
        if (inTurn++ === 0) setImmediate(() => (inTurn = 0));
        most = Math.max(most, inTurn);
        received.push(data);
        block(2);
      });
      const ended = event(primus, 'disconnection');
      for (let count = 0; count < 400; count++) client.write(count);
      client.end();
      await ended;
      expect(received).toEqual(Array.from({ length: 400 }, (_, count) => count));
      // 20 in the time of a turn, and at most 16 before the clock is read.
      expect(most).toBeLessThan(100);
    },
  );

  it('is shared by the connections: each gets a message delivered in each', async () => {
    const { primus, port } = await serve({ pingInterval: false });
    let foes = 0;
    let answered = false;
    primus.on('connection', (spark) =>
      spark.on('data', (data) => {
        if (data === 'friend') answered = true;
        else if (!answered) foes++;
        block(1);
      }),
    );
    const [foe, friend] = [await rawWebSocket(port), await rawWebSocket(port)];
    await until(() => primus.connected === 2);
    foe.send(...Array.from({ length: 2_000 }, () => frame(TEXT, '"foe"')));
    await until(() => foes > 0);
    friend.send(frame(TEXT, '"friend"'));
    await until(() => answered);
    expect(foes).toBeLessThan(1_000);
  });

  it.each(['websockets', 'uws'])('sheds a connection of which more messages wait than maxMemory allows: %s', async (transformer) => {
    const { primus, port } = await serve({ transformer, pingInterval: false, maxMemory: 100_000, maxLength: 1_000 });
    const announced = event(primus, 'connection');
    const peer = await rawWebSocket(port);
    const [spark] = (await announced) as [Spark];
    spark.on('data', () => block(5));
    const failed = event(spark, 'error');
    peer.send(...Array.from({ length: 20_000 }, () => frame(TEXT, '"x"')));
    expect(await failed).toMatchObject([{ code: 'ERR_PRIMUS_MEMORY' }]);
    await until(() => primus.connected === 0);
  });

  it('keeps the messages of a connection that drops meanwhile', async () => {
    const { primus, port } = await serve({ pingInterval: false });
    const announced = event(primus, 'connection');
    const peer = await rawWebSocket(port);
    const [spark] = (await announced) as [Spark];
    let received = 0;
    spark.on('data', () => {
      received++;
      block(1);
    });
    const ended = event(spark, 'end');
    peer.send(...Array.from({ length: 300 }, () => frame(TEXT, '"x"')));
    await until(() => received > 0);
    peer.socket.end();
    await ended;
    expect(received).toBe(300);
    expect(primus.host.memory.total).toBe(0);
  });
});

describe('piping', () => {
  it('into a spark is no faster than the client reads', async () => {
    const { primus, port } = await serve({ pingInterval: false });
    const announced = event(primus, 'connection');
    const peer = await rawWebSocket(port);
    peer.socket.pause();
    const [spark] = (await announced) as [Spark];
    let produced = 0;
    const total = 600;
    const source = Readable.from(
      (function* () {
        for (; produced < total; produced++) yield chunk;
      })(),
    );
    source.pipe(spark as never);
    // It stops by itself: nothing more is produced over many turns.
    let before = -1;
    while (produced !== before) {
      before = produced;
      for (let turn = 0; turn < 20; turn++) await settle();
    }
    expect(produced).toBeLessThan(total);
    expect(spark.readyState).toBe(3);
    const ended = event(spark, 'end');
    peer.socket.resume();
    await ended;
    expect(produced).toBe(total);
  });

  it('out of a spark pauses the client when the writable is full', async () => {
    const { client, spark } = await pair({ transformer: 'memory' });
    let release: () => void = () => {};
    const written: unknown[] = [];
    const slow = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write(data, _encoding, done) {
        written.push(data);
        release = done;
      },
    });
    spark.pipe(slow as never);
    for (let number = 0; number < 50; number++) client.write(number);
    await settle();
    await settle();
    const waiting = () => (spark.socket as { peer: { bufferedAmount: number } }).peer.bufferedAmount;
    expect(written).toEqual([0]);
    expect(waiting()).toBeGreaterThan(50);
    while (written.length < 50) {
      release();
      await settle();
    }
    expect(written).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(waiting()).toBe(0);
  });

  it('out of a spark ends the writable with the connection', async () => {
    const { client, spark } = await pair({ transformer: 'memory' });
    const written: unknown[] = [];
    const sink = new Writable({ objectMode: true, write: (data, _encoding, done) => done(written.push(data) ? null : undefined) });
    spark.pipe(sink as never);
    const finished = once(sink, 'finish');
    client.write('a');
    client.end('b');
    await finished;
    expect(written).toEqual(['a', 'b']);
  });
});

describe('for await', () => {
  it('gets messages in order until the end, with back-pressure on a faster client', async () => {
    const { client, spark } = await pair({ transformer: 'memory' });
    const waiting = () => (spark.socket as { peer: { bufferedAmount: number } }).peer.bufferedAmount;
    const seen: unknown[] = [];
    let pressed = 0;
    const loop = (async () => {
      for await (const data of spark) {
        seen.push(data);
        await settle();
        pressed = Math.max(pressed, waiting());
      }
    })();
    for (let number = 0; number < 100; number++) client.write(number);
    await until(() => seen.length === 100);
    expect(pressed).toBeGreaterThan(50);
    client.end();
    await loop;
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  it('keeps the connection open when the loop is left', async () => {
    const { client, spark } = await pair({ transformer: 'memory' });
    const first = (async () => {
      for await (const data of spark) return data;
      return undefined;
    })();
    await settle();
    client.write('a');
    expect(await first).toBe('a');
    const next = event(spark, 'data');
    client.write('b');
    expect((await next)[0]).toBe('b');
    expect(spark.listenerCount('data')).toBe(0);
  });
});

describe('a connection listener that waits, over WebSockets', () => {
  it('buffers little of what a client floods it with', async () => {
    const { primus, port } = await serve({ pingInterval: false });
    let agree: (() => void) | undefined;
    primus.on('connection', (_spark, next) => {
      agree = next;
    });
    const peer = (await raw(port)).send(handshake());
    await peer.answer();
    const message = frame(TEXT, JSON.stringify(chunk));
    let sent = 0;
    let full = false;
    peer.socket.on('drain', () => {
      full = false;
    });
    // What is not read from the system's buffers fills them, and then those of the sender.
    for (let turn = 0; turn < 400 && sent < 200_000_000; turn++) {
      for (; !full; sent += message.length) full = !peer.socket.write(message);
      await settle();
    }
    expect(agree).toBeDefined();
    expect(sent).toBeLessThan(64_000_000);
    peer.socket.destroy();
    agree?.();
    await until(() => primus.connected === 0);
  });
});

describe('broadcasts', () => {
  it('are encoded once for any number of connections', async () => {
    const encode = vi.fn((data: unknown) => JSON.stringify(data));
    const { primus, connect } = await serve({ transformer: 'memory', pingInterval: false, parser: { ...json, encode } });
    const clients = Array.from({ length: 5 }, () => connect());
    await until(() => primus.connected === 5 && clients.every((client) => client.readyState === 3));
    const received = Promise.all(clients.map((client) => event(client, 'data')));
    encode.mockClear();
    expect(primus.write({ to: 'all' })).toBe(primus);
    expect((await received).map(([data]) => data)).toEqual(Array(5).fill({ to: 'all' }));
    expect(encode).toHaveBeenCalledTimes(1);
  });

  it.each([0, 20])('are encoded once by a parser with callbacks that answers after %i ms', async (delay) => {
    const encoded: unknown[] = [];
    const parser: Parser = {
      encoder(data, done) {
        encoded.push(data);
        if (delay === 0) done(null, JSON.stringify(data));
        else setTimeout(done, data === 'first' ? 2 * delay : delay, data === 'bad' ? new Error('bad') : null, JSON.stringify(data));
      },
      decoder: json.decoder,
    };
    const { primus, connect } = await serve({ transformer: 'memory', pingInterval: false, parser });
    expect(primus.write('no client')).toBe(primus);
    const clients = Array.from({ length: 5 }, () => connect());
    await until(() => primus.connected === 5 && clients.every((client) => client.readyState === 3));
    encoded.length = 0;
    const received: unknown[][] = clients.map(() => []);
    const errors: unknown[] = [];
    for (const [index, client] of clients.entries()) client.on('data', (data) => received[index]?.push(data));
    primus.forEach((spark) => {
      spark.on('error', (error) => errors.push(error));
    });
    const [first] = Object.values(primus.connections) as Spark[];
    // Two broadcasts around a message to one connection: all arrive in the order they were written.
    primus.write('first');
    first?.write('own');
    primus.write('second');
    await until(() => received.every((data) => data.includes('second')));
    expect(received.filter((data) => data.includes('own'))).toEqual([['first', 'own', 'second']]);
    expect(received.filter((data) => !data.includes('own'))).toEqual(Array(4).fill(['first', 'second']));
    expect([...encoded].sort()).toEqual(['first', 'own', 'second']);
    if (delay === 0) return;
    primus.write('bad');
    await until(() => errors.length === 5);
    expect(errors).toMatchObject(Array(5).fill({ code: 'ERR_PRIMUS_ENCODE', data: 'bad' }));
  });

  it('pass through the plugins and message transformers of a connection', async () => {
    const { primus, connect } = await serve({ transformer: 'memory', pingInterval: false });
    const clients = [connect(), connect()];
    await until(() => primus.connected === 2 && clients.every((client) => client.readyState === 3));
    const [first] = Object.values(primus.connections) as Spark[];
    const written: unknown[] = [];
    Object.assign(first as object, { write: (data: unknown) => written.push(data) > 0 });
    primus.write('a');
    expect(written).toEqual(['a']);
    primus.transform('outgoing', (packet) => {
      packet.data = `${packet.data}!`;
    });
    const received = Promise.race(clients.map((client) => event(client, 'data')));
    primus.write('b');
    expect(written).toEqual(['a', 'b']);
    expect((await received)[0]).toMatch(/^a$|^b!$/);
  });

  it('that an encoder makes no frame of cause an error, and affect no connection', async () => {
    for (const delay of [0, 10]) {
      const make = (data: unknown) => (data === 'odd' ? (42 as never) : JSON.stringify(data));
      const { primus, connect } = await serve({
        parser: {
          encoder: (data, done) => (delay === 0 ? done(null, make(data)) : void setTimeout(() => done(null, make(data)), delay)),
          decoder: (frame, done) => done(null, JSON.parse(String(frame))),
        },
      });
      const reported: unknown[] = [];
      primus.on('log', (_level, error) => reported.push(error));
      primus.on('connection', (spark) => spark.on('error', (error) => reported.push(error)));
      const client = connect();
      await Promise.all([event(client, 'open'), event(primus, 'connection')]);
      primus.write('odd').write('even');
      expect((await event(client, 'data'))[0]).toBe('even');
      expect(reported).toMatchObject([{ message: expect.stringContaining('must produce a string or bytes') }]);
    }
  });

  it('that cannot be sent are logged, and affect no connection', async () => {
    const { primus, spark } = await pair({ transformer: 'memory' });
    const logged: unknown[] = [];
    primus.on('log', (_level, error) => logged.push(error));
    const circle: unknown[] = [];
    circle.push(circle);
    expect(primus.write('primus::server::close').write(circle).write(undefined)).toBe(primus);
    expect(logged).toMatchObject([{ code: 'ERR_PRIMUS_RESERVED' }, {}, {}]);
    expect(spark.readyState).toBe(3);
  });

  it('need no connections', async () => {
    const { primus } = await serve({ transformer: 'memory' });
    expect(primus.write('a')).toBe(primus);
  });
});

describe('ws+unix addresses', () => {
  it('reach a server that listens on a socket of the file system', async () => {
    const folder = testFolder('socket');
    const path = join(folder, 'a.sock');
    const server = createServer();
    const primus = new Primus(server, { pathname: '/live', pingInterval: false });
    cleanup(() => new Promise<void>((resolve) => primus.destroy(resolve)));
    server.listen(path);
    await once(server, 'listening');
    const urls: string[] = [];
    primus.on('connection', (spark) => {
      urls.push(spark.request.url ?? '');
      spark.on('data', (data) => spark.write(data));
    });
    const client = new primus.Socket(`ws+unix://${path}?token=1`);
    cleanup(() => client.destroy());
    const echo = event(client, 'data');
    client.write('through a file');
    expect((await echo)[0]).toBe('through a file');
    expect(urls[0]).toMatch(/^\/live\/?\?token=1&_primuscb=/);
  });
});
