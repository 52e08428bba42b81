import { PassThrough, Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { event, serve, until } from '../support/serve.js';

async function pair() {
  const served = await serve({ transformer: 'memory' });
  const announced = event(served.primus, 'connection');
  const client = served.connect();
  const [spark] = (await announced) as [Spark];
  return { ...served, client, spark };
}

describe('piping a spark into a stream', () => {
  it('continues after a message that failed', async () => {
    const { client, spark } = await pair();
    const taken: unknown[] = [];
    const target = new PassThrough({ objectMode: true });
    target.on('data', (data) => taken.push(data));
    spark.pipe(target);
    spark.write('primus::x');
    client.write('after');
    await until(() => taken.length === 1);
    expect(taken).toEqual(['after']);
  });

  it('ends the target with the connection, unless `end` is false', async () => {
    const { client, spark } = await pair();
    const ended = spark.pipe(new PassThrough({ objectMode: true }));
    const kept = spark.pipe(new PassThrough({ objectMode: true }), { end: false });
    client.end();
    await event(spark, 'end');
    expect([ended.writableEnded, kept.writableEnded]).toEqual([true, false]);
  });

  it('pauses the connection while the target is full, and removes its listeners when the target closes', async () => {
    const { client, spark } = await pair();
    const taken: unknown[] = [];
    let go: () => void = () => {};
    const slow = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write(data, _encoding, done) {
        taken.push(data);
        go = done;
      },
    });
    const before = spark.listenerCount('data');
    spark.pipe(slow);
    for (const message of [1, 2, 3]) client.write(message);
    await until(() => taken.length === 1);
    const { socket } = spark as { socket: { bufferedAmount: number; peer: { bufferedAmount: number } } };
    await until(() => socket.peer.bufferedAmount > 0);
    for (const count of [2, 3]) {
      go();
      await until(() => taken.length === count);
    }
    expect(taken).toEqual([1, 2, 3]);
    slow.destroy();
    await until(() => spark.listenerCount('data') === before);
  });
});

it('stops a source that is piped into a spark when the connection has ended', async () => {
  const { client, spark } = await pair();
  const source = new Readable({ objectMode: true, read() {} });
  source.pipe(spark as unknown as Writable);
  const unpiped = event(spark, 'unpipe');
  client.end();
  expect(await unpiped).toEqual([source, expect.anything()]);
});

it('completes the streams of a server even if its `close` listeners throw', async () => {
  const { primus } = await pair();
  const completed: string[] = [];
  primus.on('close', () => {
    throw new Error('broken');
  });
  primus.log$.subscribe({ complete: () => completed.push('log$') });
  primus.disconnection$.subscribe({ complete: () => completed.push('disconnection$') });
  await primus[Symbol.asyncDispose]();
  expect(completed).toEqual(['disconnection$', 'log$']);
});

it('returns false from write() for a message that the full queue drops', async () => {
  const { connect } = await serve({ transformer: 'memory' });
  const client = connect({ manual: true, queueSize: 1, queueDrop: 'newest' });
  expect([client.write('kept'), client.write('dropped')]).toEqual([true, false]);
  expect(client.buffer).toEqual(['kept']);
});

it('logs the error of a listener of `close`, the event for streams', async () => {
  const { primus, client, spark } = await pair();
  const logged: unknown[] = [];
  primus.on('log', (_level, error) => logged.push(error));
  const broken = new Error('broken');
  (spark as unknown as { on(event: string, listener: () => void): void }).on('close', () => {
    throw broken;
  });
  const gone = event(primus, 'disconnection');
  client.end();
  await gone;
  expect(logged).toEqual([broken]);
});
