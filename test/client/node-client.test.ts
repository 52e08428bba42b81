import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { flow } from '../../src/flow.js';
import type { ServerOptions, Spark } from '../../src/index.js';
import { settle } from '../support/clock.js';
import { event, serve, until } from '../support/serve.js';

const CHUNK = 'x'.repeat(65_536);

async function pair(options: ServerOptions = {}) {
  const { primus, connect } = await serve({ pingInterval: false, ...options });
  const announced = event(primus, 'connection');
  const client = connect();
  const [[spark]] = await Promise.all([announced, event(client, 'open')]);
  return { primus, client, spark: spark as Spark };
}

/** Waits until a number does not grow any more. */
async function steady(count: () => number): Promise<void> {
  for (let before = -1; count() !== before; ) {
    before = count();
    await sleep(50);
  }
}

/** The numbers below a limit, as long messages. */
function* rows(limit: number, made: (count: number) => void = () => {}) {
  for (let row = 0; row < limit; row++) {
    made(row + 1);
    yield { row, CHUNK };
  }
}

describe.each(['websockets', 'engine.io'])('a client in Node.js: %s', (transformer) => {
  it('returns false from write() if there are listeners of drain, and emits drain when the server reads again', async () => {
    const { client, spark } = await pair({ transformer });
    const drained = vi.fn();
    spark.pause();
    expect(client.write('no listener')).toBe(true);
    client.on('drain', drained);
    let writes = 0;
    while (client.write(CHUNK)) {
      expect(++writes).toBeLessThan(2_000);
      if (writes % 4 === 0) await settle();
    }
    expect(client.bufferedAmount).toBeGreaterThan(262_144);
    await settle();
    expect(drained).not.toHaveBeenCalled();
    spark.resume();
    await until(() => drained.mock.calls.length > 0);
    expect(drained).toHaveBeenCalledTimes(1);
    expect(client.bufferedAmount).toBeLessThan(131_073);
    expect(client.write('more')).toBe(true);
  });

  it('takes what is piped into it as fast as the server reads, and ends with it', async () => {
    const { client, spark } = await pair({ transformer });
    const seen: number[] = [];
    spark.on('data', ({ row }) => seen.push(row));
    spark.pause();
    let made = 0;
    const source = Readable.from(rows(600, (count) => (made = count)));
    source.pipe(client);
    await steady(() => made);
    expect(made).toBeLessThan(600);
    expect(client.bufferedAmount).toBeLessThan(262_144 + 2 * 65_600 + 100);
    const ended = event(spark, 'end');
    spark.resume();
    await ended;
    expect(seen).toEqual(Array.from({ length: 600 }, (_, row) => row));
  });

  it('pipes into a slow stream no faster than that takes it', async () => {
    const { client, spark } = await pair({ transformer });
    let written = 0;
    const pumping = pipeline(Readable.from(rows(600, (count) => (written = count))), spark.duplex());
    const seen: number[] = [];
    let release = () => {};
    const slow = new Writable({
      objectMode: true,
      highWaterMark: 2,
      write({ row }, _encoding, done) {
        seen.push(row);
        if (seen.length === 1) release = done;
        else done();
      },
    });
    expect(client.pipe(slow)).toBe(slow);
    await until(() => seen.length > 0);
    await steady(() => written);
    expect(written).toBeLessThan(600);
    expect(slow.writableLength).toBeLessThan(8);
    release();
    await pumping;
    await event(slow, 'finish');
    expect(seen).toHaveLength(600);
  });

  it('is read by a slow loop no faster than that goes', async () => {
    const { client, spark } = await pair({ transformer });
    let written = 0;
    const pumping = pipeline(Readable.from(rows(400, (count) => (written = count))), spark.duplex());
    const seen: number[] = [];
    for await (const { row } of client) {
      seen.push(row);
      if (row > 0) continue;
      await steady(() => written);
      expect(written).toBeLessThan(400);
    }
    await pumping;
    expect(seen).toHaveLength(400);
  });

  it('is a duplex stream, for both sides of a pipeline', async () => {
    const { client, spark } = await pair({ transformer });
    const echoes: unknown[] = [];
    spark.on('data', (data) => echoes.push(data));
    const stream = client.duplex();
    const double = new Transform({ objectMode: true, transform: (data, _encoding, done) => done(null, data * 2) });
    const done = pipeline(stream, double, stream);
    for (const number of [1, 2, 3]) spark.write(number);
    await until(() => echoes.length === 3);
    spark.end();
    await done;
    expect(echoes).toEqual([2, 4, 6]);
    expect(client.state.name).toBe('closed');
  });

  it('goes through a Web Stream to the source, and back', async () => {
    const { client, spark } = await pair({ transformer });
    let made = 0;
    const source = Readable.toWeb(Readable.from(rows(300, (count) => (made = count)))) as unknown as ReadableStream;
    const seen: number[] = [];
    let release = () => {};
    const target = new WritableStream<{ row: number }>({
      write({ row }) {
        seen.push(row);
        return seen.length === 1 ? new Promise<void>((resolve) => (release = resolve)) : undefined;
      },
    });
    const done = Promise.all([source.pipeTo(flow(client).writable), flow(spark).readable.pipeTo(target)]);
    await until(() => seen.length > 0);
    await steady(() => made);
    expect(made).toBeLessThan(300);
    release();
    await done;
    expect(seen).toHaveLength(300);
  });
});

describe('a stream that a client is piped into', () => {
  it('gets the messages of all connections, and ends with the client', async () => {
    const { primus, connect } = await serve({ pingInterval: false });
    primus.on('connection', (spark) => void spark.write('hello'));
    const client = connect({ reconnect: { min: 1, max: 1 } });
    const seen: unknown[] = [];
    const sink = new Writable({
      objectMode: true,
      write(data, _encoding, done) {
        seen.push(data);
        done();
      },
    });
    const finished = event(sink, 'finish');
    client.pipe(sink);
    await until(() => seen.length === 1);
    primus.forEach((spark) => void spark.end(undefined, { reconnect: true }));
    await until(() => seen.length === 2);
    client.end();
    await finished;
    expect(seen).toEqual(['hello', 'hello']);
  });
});
