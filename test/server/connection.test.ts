import { filter, map } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import type { ClientOptions, MessageTransformer, Primus, ServerOptions, Spark } from '../../src/index.js';
import { block } from '../support/block.js';
import { Clock, settle } from '../support/clock.js';
import { cleanup, event, serve, until } from '../support/serve.js';
import { World } from '../support/world.js';
import { watchForCrashes } from './crashes.js';

watchForCrashes();

const fails = (): never => {
  throw new Error('broken');
};

/** A server over memory whose `connection` listeners are given, with a log of its events. */
async function start(options: ServerOptions = {}) {
  const served = await serve({ transformer: 'memory', pingInterval: false, ...options });
  const log: string[] = [];
  served.primus.on('log', (level, ...values) => {
    const error = values.find((value) => value instanceof Error);
    log.push(`log ${level} ${error?.message ?? ''}`.trim());
  });
  served.primus.on('disconnection', () => log.push('disconnection'));
  const follow = (spark: Spark) => {
    log.push('connection');
    spark.on('data', (data) => log.push(`data ${data}`));
    spark.on('error', (error) => log.push(`error ${error.message}`));
    spark.on('readyStateChange', (state) => log.push(`state ${state}`));
    spark.on('end', () => log.push('end'));
  };
  /** Connects, and resolves with the spark once the listeners agreed. */
  const pair = async (clientOptions: ClientOptions = {}) => {
    const connected = new Promise<Spark>((resolve) => {
      const subscription = served.primus.connection$.subscribe((spark) => {
        subscription.unsubscribe();
        resolve(spark);
      });
    });
    const client = served.connect(clientOptions);
    const [spark] = await Promise.all([connected, event(client, 'open')]);
    return { client, spark };
  };
  /** Another client is served as if nothing had been. */
  const othersLive = async () => {
    const before = served.primus.connected;
    const client = served.connect();
    const received = event(client, 'data');
    await event(client, 'open');
    await until(() => served.primus.connected === before + 1);
    served.primus.forEach((spark) => void spark.write('alive'));
    expect((await received)[0]).toBe('alive');
  };
  return { ...served, log, follow, pair, othersLive };
}

/** Destroys a server in virtual time. */
async function destroy(primus: Primus, clock: Clock): Promise<void> {
  let isOver = false;
  primus.destroy({}, () => {
    isOver = true;
  });
  await until(() => {
    clock.advance(1_000);
    return isOver;
  });
}

/** Adds a listener behind `follow` that agrees on demand. `announced` is called with the sparks that all listeners have accepted. */
function agreesLater(primus: Primus, follow: (spark: Spark) => void) {
  let answer: () => void = () => {};
  primus.on('connection', follow);
  primus.on('connection', (_spark, next) => {
    answer = next;
  });
  const announced = vi.fn();
  primus.connection$.subscribe(announced);
  return { agree: () => answer(), announced };
}

describe('an asynchronous connection listener', () => {
  it('delays messages until it agrees: connection, data, disconnection', async () => {
    const { primus, connect, log, follow } = await start();
    const { agree, announced } = agreesLater(primus, follow);
    const client = connect();
    for (const number of [1, 2, 3]) client.write(number);
    await event(client, 'open');
    await settle();
    client.end();
    await settle();
    expect(log).toEqual(['connection']);
    expect(announced).not.toHaveBeenCalled();
    agree();
    await until(() => log.includes('disconnection'));
    expect(announced).toHaveBeenCalledTimes(1);
    expect(log).toEqual(['connection', 'data 1', 'data 2', 'data 3', 'state end', 'disconnection', 'end']);
    expect(primus.connected).toBe(0);
  });

  it('has a time-out, also for a client that has left', async () => {
    const scheduler = new Clock();
    const { primus, connect, log, follow } = await start({ scheduler, connectionTimeout: '2 s' });
    const { agree, announced } = agreesLater(primus, follow);
    const [staying, leaving] = [connect({ reconnect: { min: 1 } }), connect()];
    await Promise.all([event(staying, 'open'), event(leaving, 'open')]);
    await until(() => scheduler.pending === 2);
    leaving.end();
    await settle();
    scheduler.advance(1_999);
    expect(primus.connected).toBe(2);
    const ended = event(staying, 'reconnect scheduled');
    scheduler.advance(1);
    await ended;
    await until(() => log.filter((entry) => entry === 'disconnection').length === 2);
    const message = 'A connection listener has not answered within 2000 ms (`connectionTimeout`)';
    expect(log.filter((entry) => entry.includes('2000 ms'))).toEqual([`error ${message}`, `error ${message}`]);
    expect(announced).not.toHaveBeenCalled();
    // Too late.
    agree();
    await settle();
    expect(announced).not.toHaveBeenCalled();
    staying.destroy();
    await destroy(primus, scheduler);
  });

  it('has 30 s to answer by default, and all the time when the option is false', async () => {
    for (const [option, connected] of [
      [{}, 0],
      [{ connectionTimeout: false }, 1],
    ] as const) {
      const scheduler = new Clock();
      const { primus, connect } = await start({ scheduler, ...option });
      primus.on('connection', (_spark, _next) => {});
      const client = connect({ strategy: false });
      await event(client, 'open');
      await until(() => primus.connected === 1);
      await settle();
      scheduler.advance(29_999);
      expect(primus.connected).toBe(1);
      scheduler.advance(1);
      await settle();
      expect(primus.connected).toBe(connected);
      await destroy(primus, scheduler);
    }
  });

  it('pauses the link until it agrees', async () => {
    const { primus, connect } = await start();
    let agree: () => void = () => {};
    const sparks: Spark[] = [];
    primus.on('connection', (spark, next) => {
      sparks.push(spark);
      agree = next;
    });
    const client = connect();
    await event(client, 'open');
    for (let number = 0; number < 100; number++) client.write(number);
    await settle();
    const waiting = () => (sparks[0]?.socket as { peer: { bufferedAmount: number } } | undefined)?.peer.bufferedAmount;
    // All but the first few stay in the network, where they slow the client down and take no memory of the server.
    expect(waiting()).toBeGreaterThan(100);
    const data: unknown[] = [];
    sparks[0]?.on('data', (number) => data.push(number));
    agree();
    await until(() => data.length === 100);
    expect(waiting()).toBe(0);
  });

  it('may write before it agrees', async () => {
    const { primus, connect } = await start();
    primus.on('connection', (spark, next) => {
      expect(spark.write('welcome')).toBe(true);
      setImmediate(next);
    });
    expect((await event(connect(), 'data'))[0]).toBe('welcome');
  });

  it.each<[string, (spark: Spark, next: (error?: unknown) => void) => unknown]>([
    ['is called back with an error', (_spark, next) => next(new Error('broken'))],
    ['is called back with an error later', (_spark, next) => void setImmediate(next, new Error('broken'))],
    ['throws', (_spark, _next) => fails()],
    ['rejects', async (_spark, _next) => fails()],
  ])('that %s ends that connection for good, with the error, and affects no other', async (_name, listener) => {
    const { primus, connect, log, follow, othersLive } = await start();
    primus.on('connection', follow);
    primus.on('connection', listener);
    const announced = vi.fn();
    primus.connection$.subscribe(announced);
    const client = connect();
    await event(client, 'end');
    await until(() => log.includes('disconnection'));
    expect(log).toEqual(['connection', 'error broken', 'state end', 'disconnection', 'end']);
    expect(client.state).toMatchObject({ name: 'closed', by: 'server' });
    expect(announced).not.toHaveBeenCalled();
    expect(primus.connected).toBe(0);
    primus.removeListener('connection', listener);
    await othersLive();
  });
});

describe('a listener that throws or rejects', () => {
  it('of `connection`, when synchronous, ends that connection only', async () => {
    const { primus, connect, othersLive } = await start();
    primus.once('connection', fails);
    const client = connect();
    await event(client, 'end');
    expect(primus.connected).toBe(0);
    await othersLive();
  });

  it('of `connection`, when async, causes an error of that spark, which stays open', async () => {
    const { primus, follow, log, pair, othersLive } = await start();
    primus.on('connection', follow);
    primus.once('connection', async () => fails());
    const { spark } = await pair();
    await until(() => log.includes('error broken'));
    expect(spark.readyState).toBe(3);
    await othersLive();
  });

  const events = [
    'data',
    'incoming::data',
    'outgoing::data',
    'end',
    'readyStateChange',
    'heartbeat',
    'incoming::pong',
    'outgoing::ping',
  ] as const;

  it.each(events.flatMap((name) => [[name, 'throws', fails] as const, [name, 'rejects', async () => fails()] as const]))(
    'of a spark’s `%s` (%s) causes an error only',
    async (name, _how, listener) => {
      const { primus, log, pair, othersLive } = await start({ pingInterval: 20 });
      const { client, spark } = await pair();
      spark.on('error', (error) => log.push(`error ${error.message}`));
      spark.on(name, listener as never);
      client.write('up');
      spark.write('down');
      if (name === 'end' || name === 'readyStateChange') spark.end();
      await until(() => log.includes('error broken') || log.includes('log error broken'));
      if (name !== 'end' && name !== 'readyStateChange') expect(spark.readyState).toBe(3);
      spark.removeListener(name, listener as never);
      spark.end();
      await until(() => primus.connected === 0);
      await othersLive();
    },
  );

  it.each([
    ['throws', fails],
    ['rejects', async () => fails()],
  ])('of a spark’s `error` %s is logged once', async (_how, listener) => {
    const { log, pair, othersLive } = await start();
    const { spark } = await pair();
    spark.on('error', listener);
    spark.write('primus::x');
    await until(() => log.length > 0);
    await settle();
    await settle();
    expect(log).toEqual(['log error broken']);
    await othersLive();
  });

  it.each([
    ['throws', fails],
    ['rejects', async () => fails()],
  ])('of `disconnection` %s is logged', async (_how, listener) => {
    const { primus, log, pair, othersLive } = await start();
    primus.on('disconnection', listener);
    const { spark } = await pair();
    spark.end();
    await until(() => log.some((entry) => entry.startsWith('log')));
    expect(primus.connected).toBe(0);
    primus.removeListener('disconnection', listener);
    await othersLive();
  });

  it.each([
    ['throws', fails],
    ['rejects', async () => fails()],
  ])('of `log` %s is ignored, and causes no loop', async (_how, listener) => {
    const { primus, pair, othersLive } = await start();
    const calls = vi.fn(listener);
    primus.on('log', calls);
    const { spark } = await pair();
    primus.once('disconnection', fails);
    spark.end();
    await until(() => primus.connected === 0);
    for (let turn = 0; turn < 5; turn++) await settle();
    expect(calls).toHaveBeenCalledTimes(1);
    await othersLive();
  });

  it('of `data$` or `connection$`, or an operator of theirs, causes an error of that spark', async () => {
    const { primus, log, follow, pair, othersLive } = await start();
    primus.on('connection', follow);
    const subscription = primus.connection$.pipe(filter(() => true)).subscribe(fails);
    const { client, spark } = await pair();
    await until(() => log.includes('error broken'));
    expect(spark.readyState).toBe(3);
    subscription.unsubscribe();
    log.length = 0;
    spark.data$.pipe(map(fails)).subscribe();
    spark.data$.subscribe(fails);
    client.write(1);
    await until(() => log.includes('data 1'));
    expect(log.filter((entry) => entry === 'error broken')).toHaveLength(2);
    await othersLive();
  });

  it.each([
    ['throws', (() => fails()) as MessageTransformer],
    ['rejects', (async () => fails()) as MessageTransformer],
    ['rejects, though it has a callback', (async (_packet, _next) => fails()) as MessageTransformer],
  ])('as a message transformer (%s) causes an error of the message’s connection', async (_how, transformer) => {
    for (const direction of ['incoming', 'outgoing'] as const) {
      const { primus, log, follow, pair, othersLive } = await start();
      primus.on('connection', follow);
      primus.transform(direction, transformer);
      const { client, spark } = await pair();
      if (direction === 'incoming') client.write(1);
      else spark.write(1);
      await until(() => log.includes('error broken'));
      expect(spark.readyState).toBe(3);
      primus.transformers[direction].length = 0;
      await othersLive();
    }
  });

  it.each([
    ['a symbol', Symbol('id')],
    ['an object without a name', Object.create(null)],
  ])('as an idGenerator that makes %s ends that connection', async (_, id) => {
    let calls = 0;
    const { connect, log, othersLive } = await start({ idGenerator: () => (++calls === 1 ? id : `id-${calls}`) });
    await event(connect({ strategy: false }), 'end');
    expect(log).toEqual([expect.stringContaining('log error Cannot convert')]);
    await othersLive();
  });

  it('as an idGenerator ends that connection, and the server serves others', async () => {
    let calls = 0;
    const { primus, connect, log, othersLive } = await start({ idGenerator: () => (++calls === 1 ? fails() : `id-${calls}`) });
    const client = connect({ strategy: false });
    await event(client, 'end');
    expect(primus.connected).toBe(0);
    expect(log).toContain('log error broken');
    await othersLive();
  });
});

describe('end', () => {
  it('in a `connection` listener sends what was written, and closes for good', async () => {
    const { primus, connect, log, follow } = await start();
    primus.on('connection', follow);
    primus.on('connection', (spark) => void spark.end('bye'));
    const client = connect();
    const data = event(client, 'data');
    client.write('never read');
    await event(client, 'end');
    expect((await data)[0]).toBe('bye');
    await until(() => log.includes('disconnection'));
    expect(log).toEqual(['connection', 'state end', 'disconnection', 'end']);
    expect(primus.connected).toBe(0);
  });

  it('in a `data` listener is followed by no message', async () => {
    const { primus, log, follow, pair } = await start();
    primus.on('connection', follow);
    const { client, spark } = await pair();
    spark.on('data', (data) => {
      if (data === 2) spark.end('bye');
    });
    const last = event(client, 'data');
    for (const number of [1, 2, 3, 4]) client.write(number);
    expect((await last)[0]).toBe('bye');
    await until(() => log.includes('disconnection'));
    expect(log).toEqual(['connection', 'data 1', 'data 2', 'state end', 'disconnection', 'end']);
  });

  it('may be called twice, also in an `end` listener', async () => {
    const { primus, log, follow, pair } = await start();
    primus.on('connection', follow);
    const { client, spark } = await pair();
    spark.on('end', () => spark.end('again'));
    const data = vi.fn();
    client.on('data', data);
    expect(spark.end('bye')).toBe(spark);
    expect(spark.end('once more')).toBe(spark);
    await event(client, 'end');
    expect(data.mock.calls.map(([text]) => text)).toEqual(['bye']);
    expect(log.filter((entry) => entry === 'end')).toHaveLength(1);
    expect(log.filter((entry) => entry === 'disconnection')).toHaveLength(1);
  });

  it('emits its events in order: the spark is removed from the server before `disconnection`', async () => {
    const { primus, pair } = await start();
    const { spark } = await pair();
    const order: unknown[] = [];
    spark.on('end', () => order.push('end', primus.connected));
    primus.on('disconnection', (gone) => order.push('disconnection', gone === spark, primus.connected, primus.spark(spark.id)));
    spark.end();
    expect(order).toEqual(['disconnection', true, 0, undefined, 'end', 0]);
  });

  it('leaves a spark that sends nothing more and emits nothing more', async () => {
    const { pair } = await start();
    const { client, spark } = await pair();
    const emitted: string[] = [];
    spark.end();
    for (const name of ['data', 'error', 'end', 'heartbeat', 'readyStateChange', 'drain', 'incoming::data', 'outgoing::data'] as const)
      spark.on(name, () => emitted.push(name));
    expect(spark.readyState).toBe(2);
    expect(spark.write('late')).toBe(false);
    expect(spark._write('late')).toBe(false);
    spark.end('late');
    await event(client, 'end');
    await settle();
    expect(emitted).toEqual([]);
  });

  it('completes the streams of the spark', async () => {
    const { pair } = await start();
    const { spark } = await pair();
    const seen: string[] = [];
    for (const [name, stream] of Object.entries({ data: spark.data$, error: spark.error$, heartbeat: spark.heartbeat$ }))
      stream.subscribe({ complete: () => seen.push(name) });
    spark.state$.subscribe({ next: (state) => seen.push(state), complete: () => seen.push('state') });
    spark.end$.subscribe({ next: () => seen.push('end!'), complete: () => seen.push('end') });
    spark.end();
    expect(seen.sort()).toEqual(['closed', 'data', 'end', 'end!', 'error', 'heartbeat', 'open', 'state']);
    const late: string[] = [];
    spark.state$.subscribe({ next: (state) => late.push(state), complete: () => late.push('|') });
    spark.data$.subscribe({ complete: () => late.push('|') });
    expect(late).toEqual(['closed', '|', '|']);
  });

  it('waits for asynchronous outgoing transformers, and accepts no message meanwhile', async () => {
    const { primus, pair } = await start();
    let release: () => void = () => {};
    primus.transform('outgoing', (_packet, next) => {
      release = next;
    });
    const { client, spark } = await pair();
    const data: unknown[] = [];
    client.on('data', (value) => data.push(value));
    spark.end('last');
    expect(spark.write('late')).toBe(false);
    expect(spark.readyState).toBe(3);
    release();
    await event(client, 'end');
    expect(data).toEqual(['last']);
  });

  it('closes with an error, and for good, when an outgoing transformer never answers', async () => {
    const world = new World({ server: { pingInterval: false } });
    const { client } = world.connect();
    await world.pass(100);
    const [spark] = Object.values(world.primus.connections) as Spark[];
    const errors: unknown[] = [];
    spark?.on('error', (error) => errors.push(error));
    world.primus.transform('outgoing', (_packet, _never) => {});
    spark?.end('last');
    await world.pass(29_999);
    expect(spark?.readyState).toBe(3);
    await world.pass(1);
    expect([spark?.readyState, world.primus.connected]).toEqual([2, 0]);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_CLOSED' }]);
    await world.pass(5_000);
    expect(client.state).toMatchObject({ name: 'closed', by: 'server' });
    expect(world.clock.pending).toBe(0);
    await world.destroy();
  });

  it('of the client comes behind messages in asynchronous incoming transformers', async () => {
    const { primus, log, follow, pair } = await start();
    primus.on('connection', follow);
    const waiting: (() => void)[] = [];
    primus.transform('incoming', (_packet, next) => void waiting.push(next));
    const { client } = await pair();
    client.write(1);
    client.end(2);
    while (!log.includes('data 2')) {
      await until(() => waiting.length > 0);
      waiting.shift()?.();
      await settle();
    }
    await until(() => log.includes('disconnection'));
    expect(log).toEqual(['connection', 'data 1', 'data 2', 'state end', 'disconnection', 'end']);
  });

  it('is followed by no error of a transformer that was still running', async () => {
    const { primus, log, follow, pair } = await start();
    primus.on('connection', follow);
    let fail: () => void = () => {};
    primus.transform('incoming', (_packet, next) => {
      fail = () => next(new Error('late'));
    });
    const { client, spark } = await pair();
    client.write(1);
    await settle();
    await settle();
    spark.end();
    fail();
    await settle();
    expect(log.slice(log.indexOf('end'))).not.toContain('error late');
  });
});

describe('ids', () => {
  it('that are taken end the new connection, and keep the first', async () => {
    const { primus, connect, pair, log } = await start({ idGenerator: () => 'the same' });
    const { spark } = await pair();
    const second = connect({ strategy: false });
    await event(second, 'close');
    expect(log.filter((entry) => entry.startsWith('log'))).toHaveLength(1);
    expect(primus.spark('the same')).toBe(spark);
    expect(primus.connected).toBe(1);
    expect(spark.readyState).toBe(3);
  });

  it('may be names of Object.prototype', async () => {
    const names = ['__proto__', 'constructor', 'toString'];
    const { primus, connect } = await start({ idGenerator: () => names.shift() ?? 'none' });
    for (let count = 0; count < 3; count++) connect();
    await until(() => primus.connected === 3);
    expect(Object.keys(primus.connections)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(primus.spark('__proto__')?.id).toBe('__proto__');
    expect(primus.spark('hasOwnProperty')).toBeUndefined();
  });
});

describe('a spark made by hand', () => {
  it('has defaults for everything, and can be written to without a link', async () => {
    const { primus } = await start();
    const spark = new primus.Spark();
    expect(spark).toMatchObject({ headers: {}, address: {}, query: {}, request: {}, primus, readyState: 3 });
    expect(spark.id).toMatch(/^[\w-]{10,}$/);
    expect(() => spark.write('x')).not.toThrow();
    expect(() => spark.end('x')).not.toThrow();
    expect(primus.connected).toBe(0);
  });

  it('derives from this server’s class alone', async () => {
    const [first, second] = [(await start()).primus, (await start()).primus];
    Object.defineProperty(first.Spark.prototype, 'mine', { value: 1 });
    expect((new first.Spark() as unknown as { mine?: number }).mine).toBe(1);
    expect((new second.Spark() as unknown as { mine?: number }).mine).toBeUndefined();
  });
});

describe('initialised', () => {
  it('reaches listeners that are added in the turn in which the server was made', async () => {
    const { Primus } = await import('../../src/index.js');
    const { createServer } = await import('node:http');
    const primus = new Primus(createServer(), { transformer: 'memory' });
    cleanup(() => new Promise<void>((resolve) => primus.destroy(resolve)));
    const [transformer, parser, options] = await event(primus, 'initialised');
    expect([transformer, parser, options]).toEqual([primus.transformer, primus.parser, primus.options]);
  });
});

it('ends a connection whose messages wait for the next turn when they exceed maxMemory', async () => {
  const { pair, log, follow, othersLive } = await start({ maxMemory: 1_000_000 });
  const { spark } = await pair();
  follow(spark);
  spark.on('data', () => {
    // Longer than the messages of one turn may take.
    block(5);
  });
  // As a framework delivers them that cannot stop to read.
  for (let count = 0; count < 100; count++) spark.connection.next(JSON.stringify('x'.repeat(100_000)));
  await settle();
  expect(log.filter((entry) => entry.includes('maxMemory'))).toHaveLength(1);
  await othersLive();
});
