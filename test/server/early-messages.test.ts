import { type EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { until } from '../support/wait.js';
import { World } from '../support/world.js';
import { watchForCrashes } from './crashes.js';

watchForCrashes();

/** A world with a log of its server, whose asynchronous `connection` listener waits until `open` is called. */
async function start(server: ServerOptions = {}, { connection$ = false } = {}) {
  const world = new World({ server: { pingInterval: false, ...server } });
  const { primus } = world;
  const log: string[] = [];
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  primus.on('log', (level, ...values) => log.push(`${level} ${values.join(' ')}`));
  primus.on('disconnection', () => log.push('disconnection'));
  if (connection$) primus.connection$.subscribe(async () => opened);
  else primus.on('connection', async () => opened);
  const peer = world.connect({ strategy: false });
  await world.pass(10);
  const spark = world.findSpark(peer) as Spark;
  return { ...peer, world, primus, spark, log, open };
}

const DROPPED = /^lost Messages to the server were dropped/;

describe.each([
  ['an asynchronous `connection` listener', false],
  ['a subscriber of `connection$`', true],
])('with %s, messages that nothing listens to', (_who, connection$) => {
  it('wait for `connectionTimeout`, are dropped then, and the log says so once', async () => {
    const { world, client, spark, log } = await start({ connectionTimeout: '2 s' }, { connection$ });
    client.write(1);
    await world.pass(1_999);
    expect(log).toEqual([]);
    await world.pass(1);
    expect(log).toEqual([expect.stringMatching(DROPPED)]);
    // No further one waits.
    const other = world.connect({ strategy: false });
    await world.pass(10);
    for (const peer of [client, other.client]) peer.write(2);
    const got: unknown[] = [];
    spark.on('data', (data) => got.push(data));
    await world.pass(10);
    client.write(3);
    await world.pass(5_000);
    expect(log).toHaveLength(1);
    expect(got).toEqual([2, 3]);
    await world.destroy();
    expect(world.clock.pending).toBe(0);
  });

  it('wait for 30 s if `connectionTimeout` is off', async () => {
    const { world, client, log } = await start({ connectionTimeout: false }, { connection$ });
    client.write(1);
    await world.pass(29_999);
    expect(log).toEqual([]);
    await world.pass(1);
    expect(log).toHaveLength(1);
    await world.destroy();
  });

  it('delay the end of the connection for as long', async () => {
    const { world, client, spark, log } = await start({ connectionTimeout: '2 s', pingInterval: 100 }, { connection$ });
    client.end('bye');
    await world.pass(1_900);
    expect([spark.readyState, spark.write('late'), log]).toEqual([3, false, []]);
    await world.pass(200);
    expect(log).toEqual([expect.stringMatching(DROPPED), 'disconnection']);
    await world.destroy();
    expect(world.clock.pending).toBe(0);
  });

  it('do not delay an end by the application', async () => {
    const { world, client, spark, log } = await start({}, { connection$ });
    client.write(1);
    await world.pass(10);
    spark.end();
    expect(log).toEqual(['disconnection']);
    const late = world.connect({ strategy: false });
    await world.pass(10);
    const other = world.findSpark(late) as Spark;
    late.client.end('bye');
    await world.pass(10);
    other.end();
    expect(log).toEqual(['disconnection', 'disconnection']);
    await world.destroy();
    expect(world.clock.pending).toBe(0);
  });

  it('slow their client down, and are all delivered to the first listener', async () => {
    const { world, client, spark, open, log } = await start({ maxBuffer: 65_536 }, { connection$ });
    const numbers = Array.from({ length: 1_000 }, (_, index) => index);
    let read = 0;
    spark.on('incoming::data', () => read++);
    for (const number of numbers) client.write([number, 'x'.repeat(1_000)]);
    await world.pass(1_000);
    // The others wait in the network.
    expect(read).toBeLessThan(20);
    const got: unknown[] = [];
    spark.on('data', ([number]) => got.push(number));
    open();
    // On a busy machine over several turns of the event loop.
    await until(() => got.length === numbers.length);
    expect(got).toEqual(numbers);
    expect(log).toEqual([]);
    await world.destroy();
  });

  it('are dropped beyond maxBuffer where the framework cannot stop to read', async () => {
    const { world, spark, log } = await start({ maxBuffer: 65_536 }, { connection$ });
    for (let count = 0; count < 20; count++) spark.connection.next(JSON.stringify('x'.repeat(1_000)));
    expect(log).toEqual([]);
    for (let count = 0; count < 80; count++) spark.connection.next(JSON.stringify('x'.repeat(1_000)));
    expect(log).toEqual([expect.stringMatching(DROPPED)]);
    await world.destroy();
  });

  it('may be one that is longer than maxBuffer', async () => {
    const { world, client, spark } = await start({ maxBuffer: 65_536 }, { connection$ });
    client.write('x'.repeat(100_000));
    client.write('y');
    await world.pass(100);
    const got: unknown[] = [];
    spark.on('data', (data) => got.push((data as string).length));
    await world.pass(10);
    expect(got).toEqual([100_000, 1]);
    await world.destroy();
  });

  it('end the connection when they exceed maxMemory', async () => {
    const { world, spark, log } = await start({ maxMemory: 1_000_000, maxBuffer: Infinity }, { connection$ });
    for (let count = 0; count < 100; count++) spark.connection.next(JSON.stringify('x'.repeat(20_000)));
    await world.pass(10);
    expect(log).toEqual([expect.stringContaining('maxMemory'), 'disconnection']);
    await world.destroy();
  });

  it('are delivered as fast as a loop takes them', async () => {
    const { world, client, spark } = await start({}, { connection$ });
    for (let number = 0; number < 100; number++) client.write(number);
    await world.pass(10);
    const loop = spark[Symbol.asyncIterator]();
    const got = [(await loop.next()).value];
    expect(spark.listenerCount('data')).toBe(1);
    client.end(100);
    await world.pass(10);
    for await (const data of loop) got.push(data);
    expect(got).toEqual(Array.from({ length: 101 }, (_, index) => index));
    expect(spark.readyState).toBe(2);
    await world.destroy();
  });

  it('wait for a paused spark to be resumed', async () => {
    const { world, client, spark } = await start({}, { connection$ });
    client.write(1);
    await world.pass(10);
    const got: unknown[] = [];
    spark.pause().on('data', (data) => got.push(data));
    await world.pass(10);
    expect(got).toEqual([]);
    spark.resume();
    client.write(2);
    await world.pass(10);
    expect(got).toEqual([1, 2]);
    await world.destroy();
  });
});

describe('messages that nothing listens to', () => {
  it('are dropped when the asynchronous listener is done', async () => {
    const { world, client, spark, log, open } = await start();
    client.write(1);
    await world.pass(100);
    expect(log).toEqual([]);
    open();
    await world.pass(10);
    expect(log).toEqual([expect.stringMatching(DROPPED)]);
    expect((spark as unknown as EventEmitter).listenerCount('newListener')).toBe(0);
    await world.destroy();
  });

  it('are dropped at once, without an entry, by a server whose listeners are synchronous', async () => {
    const world = new World({ server: { pingInterval: false } });
    const log: unknown[] = [];
    world.primus.on('log', (...entry) => log.push(entry));
    world.primus.on('connection', (spark) => void spark.write('hello'));
    const peer = world.connect({ strategy: false });
    peer.client.write(1);
    await world.pass(10);
    const got: unknown[] = [];
    world.findSpark(peer)?.on('data', (data) => got.push(data));
    peer.client.write(2);
    await world.pass(10);
    peer.client.end();
    await world.pass(10);
    expect([got, log, world.primus.connected]).toEqual([[2], [], 0]);
    await world.destroy();
  });

  it('wait while one of several listeners runs, one with a callback included', async () => {
    const world = new World({ server: { pingInterval: false } });
    const got: unknown[] = [];
    world.primus.on('connection', async () => {});
    world.primus.on('connection', async (spark, next) => {
      next();
      await new Promise((resolve) => world.clock.schedule(() => resolve(undefined), 100));
      spark.on('data', (data) => got.push(data));
    });
    const { client } = world.connect({ strategy: false });
    client.write(1);
    await world.pass(50);
    expect([got, world.primus.connected]).toEqual([[], 1]);
    await world.pass(60);
    expect(got).toEqual([1]);
    await world.destroy();
  });

  it('wait for a second listener behind one that takes the first', async () => {
    const { world, client, spark } = await start();
    for (const number of [1, 2, 3]) client.write(number);
    await world.pass(10);
    expect(await once(spark, 'data')).toEqual([1, '1']);
    await world.pass(10);
    expect(await once(spark, 'data')).toEqual([2, '2']);
    await world.destroy();
  });

  it('survive the loss of a connection that has a session', async () => {
    const { world, client, spark } = await start({ resume: { identity: false } });
    client.write(1);
    await world.pass(10);
    world.network.cut();
    await world.pass(10);
    const got: unknown[] = [];
    spark.on('data', (data) => got.push(data));
    await world.pass(10);
    expect(got).toEqual([1]);
    await world.destroy();
  });
});

describe('a `connection` listener with a callback', () => {
  /** A world with a log of what its listeners get. */
  function listen(...listeners: ((spark: Spark, next: (error?: unknown) => void, log: unknown[]) => unknown)[]) {
    const world = new World({ server: { pingInterval: false } });
    const log: unknown[] = [];
    for (const listener of listeners) {
      if (listener.length === 1) world.primus.on('connection', (spark) => listener(spark, () => {}, log));
      else world.primus.on('connection', async (spark, next) => listener(spark, next, log));
    }
    const peer = world.connect({ strategy: false });
    return { ...peer, world, log };
  }

  const keepFirst = (spark: Spark, next: () => void, log: unknown[]) => {
    spark.on('data', (data) => log.push(data));
    next();
  };

  it('may decide by the first message, with a loop that it leaves: the others are delivered when it has accepted', async () => {
    const { world, client, log } = listen(async (spark, next, log) => {
      for await (const hello of spark) {
        log.push(`hello ${hello}`);
        await new Promise((resolve) => world.clock.schedule(() => resolve(undefined), 100));
        break;
      }
      log.push('accepted');
      next();
    }, keepFirst);
    for (const data of ['ada', 1, 2]) client.write(data);
    await world.pass(50);
    expect(log).toEqual(['hello ada']);
    client.write(3);
    await world.pass(100);
    expect(log).toEqual(['hello ada', 'accepted', 1, 2, 3]);
    await world.destroy();
  });

  it('gets what comes while its loop waits, and can refuse', async () => {
    const { world, client, log } = listen(async (spark, next, log) => {
      for await (const data of spark) {
        log.push(data);
        if (data === 3) break;
      }
      next(new Error('no'));
    }, keepFirst);
    await world.pass(10);
    for (const data of [1, 2, 3, 4]) {
      client.write(data);
      await world.pass(10);
    }
    expect([log, client.state]).toMatchObject([[1, 2, 3], { name: 'closed', by: 'server' }]);
    await world.destroy();
  });

  it('gets messages in its loop through slow message transformers, one at a time', async () => {
    const { world, client, log } = listen(async (spark, next, log) => {
      for await (const data of spark) {
        log.push(`hello ${data}`);
        break;
      }
      next();
    }, keepFirst);
    world.primus.transform('incoming', (_packet, next) => void world.clock.schedule(() => next(), 10));
    for (const data of [1, 2, 3]) client.write(data);
    await world.pass(100);
    expect(log).toEqual(['hello 1', 2, 3]);
    await world.destroy();
  });

  it('keeps messages from the loops of other listeners until it accepts', async () => {
    const begun = async (spark: Spark, _next: () => void, log: unknown[]) => {
      await new Promise((resolve) => world.clock.schedule(() => resolve(undefined), 20));
      for await (const data of spark) log.push(data);
    };
    const { world, client, log } = listen(
      Object.defineProperty(async (spark: Spark, next: () => void, log: unknown[]) => begun(spark, next, log), 'length', { value: 1 }),
      (_spark, next, log) => {
        world.clock.schedule(() => {
          log.push('accepted');
          next();
        }, 100);
      },
    );
    client.write(1);
    await world.pass(80);
    expect(log).toEqual([]);
    await world.pass(40);
    expect(log).toEqual(['accepted', 1]);
    await world.destroy();
  });
});
