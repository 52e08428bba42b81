import { PassThrough, Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { settle } from '../support/clock.js';
import { event, serve, until } from '../support/serve.js';
import { watchForCrashes } from './crashes.js';
import { rawWebSocket } from './raw.js';

watchForCrashes();

/** A server, a client that is connected, and its spark. */
async function pair(options: ServerOptions = {}) {
  const served = await serve({ transformer: 'memory', pingInterval: false, ...options });
  const announced = event(served.primus, 'connection');
  const client = served.connect();
  const [[spark]] = await Promise.all([announced, event(client, 'open')]);
  return { ...served, client, spark: spark as Spark };
}

const numbers = Array.from({ length: 100 }, (_, index) => index + 1);

describe('a spark as a Duplex', () => {
  it('echoes through a pipeline, which ends with the connection', async () => {
    const { client, spark } = await pair();
    const stream = spark.duplex();
    const double = new Transform({ objectMode: true, transform: (data, _encoding, done) => done(null, data * 2) });
    const done = pipeline(stream, double, stream);
    const received: unknown[] = [];
    client.on('data', (data) => received.push(data));
    for (const number of numbers) client.write(number);
    await until(() => received.length === numbers.length);
    expect(received).toEqual(numbers.map((number) => number * 2));
    client.end();
    await expect(done).resolves.toBeUndefined();
    expect(stream.destroyed).toBe(true);
  });

  it('fails a pipeline whose data could not be written, because the connection had ended', async () => {
    const { client, spark } = await pair();
    const stream = spark.duplex();
    const last = new Transform({ objectMode: true, transform: (_data, _encoding, done) => done(), flush: (done) => done(null, 'sum') });
    const done = pipeline(stream, last, stream);
    client.write(1);
    await settle();
    client.end();
    await expect(done).rejects.toMatchObject({ code: 'ERR_PRIMUS_CLOSED' });
    expect(stream.destroyed).toBe(true);
  });

  it('waits only for a while for a writer that writes nothing more', async () => {
    const scheduler = new VirtualTimeScheduler();
    const { client, spark } = await pair({ scheduler });
    const stream = spark.duplex();
    const source = new PassThrough({ objectMode: true });
    const done = pipeline(source, stream);
    stream.resume();
    client.end();
    await event(stream, 'end');
    expect(stream.destroyed).toBe(false);
    const ended = expect(done).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    scheduler.flush();
    await ended;
    expect(source.destroyed).toBe(true);
  });

  it('delivers everything before the end to a slow reader, with back-pressure on the client', async () => {
    const { client, spark } = await pair();
    const stream = spark.duplex();
    const seen: unknown[] = [];
    let pressed = 0;
    for (const number of numbers) client.write(number);
    await settle();
    client.end();
    for await (const data of stream) {
      seen.push(data);
      pressed = Math.max(pressed, (spark.socket as { peer: { bufferedAmount: number } }).peer.bufferedAmount);
      await settle();
    }
    expect(seen).toEqual(numbers);
    expect(pressed).toBeGreaterThan(50);
    expect(spark.listenerCount('data')).toBe(0);
  });

  it('ends the spark, behind everything written, when its writable side ends', async () => {
    const { client, spark } = await pair();
    const received: unknown[] = [];
    client.on('data', (data) => received.push(data));
    Readable.from(numbers).pipe(spark.duplex());
    await event(client, 'end');
    expect(received).toEqual(numbers);
    expect(client.state).toMatchObject({ name: 'closed', by: 'server' });
    expect(spark.readyState).toBe(2);
  });

  it('waits for a slow consumer, and destroys the source when it disconnects', async () => {
    const { primus, port } = await serve({ pingInterval: false });
    const announced = event(primus, 'connection');
    const slow = await rawWebSocket(port);
    slow.socket.pause();
    const [spark] = (await announced) as [Spark];
    let produced = 0;
    let returned = false;
    const source = Readable.from(
      (function* () {
        try {
          for (; produced < 1_000; produced++) yield 'x'.repeat(65_536);
        } finally {
          returned = true;
        }
      })(),
    );
    const done = pipeline(source, spark.duplex()).then(
      () => 'done',
      () => 'failed',
    );
    await until(() => spark.connection.crowded);
    await settle();
    expect(produced).toBeLessThan(1_000);
    slow.socket.destroy();
    expect(await done).toBe('failed');
    expect(returned).toBe(true);
  });

  it('destroys a source that has nothing to write when the client disconnects', async () => {
    const { client, spark } = await pair();
    const done = pipeline(new Readable({ objectMode: true, read() {} }), spark.duplex()).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    client.end();
    expect(await done).toBe('ERR_STREAM_PREMATURE_CLOSE');
  });

  it('ends the connection when it is destroyed', async () => {
    const { client, spark } = await pair();
    spark.duplex().destroy();
    await event(client, 'end');
    expect(spark.readyState).toBe(2);
  });

  it('has ended when the connection has ended', async () => {
    const { spark } = await pair();
    spark.end();
    const seen: unknown[] = [];
    await expect(
      (async () => {
        for await (const data of spark.duplex()) seen.push(data);
      })(),
    ).resolves.toBeUndefined();
    expect(seen).toEqual([]);
  });

  it('leaves out null, which would end a Node stream', async () => {
    const { client, spark } = await pair();
    const stream = spark.duplex();
    const received: unknown[] = [];
    stream.on('data', (data) => received.push(data));
    for (const data of [0, null, '', false, 'last']) client.write(data);
    await until(() => received.includes('last'));
    expect(received).toEqual([0, '', false, 'last']);
  });
});
