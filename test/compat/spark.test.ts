import { describe, expect, it } from 'vitest';
import { Primus } from '../../src/index.js';
import type { Any } from '../interop/original.js';
import { event, serve, until } from '../support/serve.js';

async function server() {
  const served = await serve();
  return { ...served, primus: served.primus as Any };
}

describe('a spark created by hand', () => {
  it('takes its arguments, all of which are optional', async () => {
    const { primus } = await server();
    const request = { url: '/?x=1' };
    const spark = new primus.Spark({ h: '1' }, { ip: '1.2.3.4', port: 5 }, { q: '1' }, 'my-id', request, 'socket');
    expect(spark).toMatchObject({
      headers: { h: '1' },
      address: { ip: '1.2.3.4', port: 5 },
      query: { q: '1' },
      id: 'my-id',
      request,
      socket: 'socket',
    });
    const bare = new primus.Spark();
    expect(bare).toMatchObject({ headers: {}, readyState: 3, readable: true, writable: true, primus });
    expect(typeof bare.id).toBe('string');
    expect(bare).toBeInstanceOf(Primus.Spark);
  });

  it('can be logged as JSON, although its properties refer to each other', async () => {
    const { primus } = await server();
    const spark = new primus.Spark({}, {}, {}, 'my-id');
    expect(JSON.parse(JSON.stringify({ spark }))).toEqual({ spark: { id: 'my-id', readyState: 3 } });
  });

  it('is announced in the next turn, and can be found while it is open', async () => {
    const { primus } = await server();
    const announced: unknown[] = [];
    primus.on('connection', (spark: unknown) => announced.push(spark));
    const spark = new primus.Spark();
    expect(announced).toEqual([]);
    await until(() => announced.length === 1);
    expect(primus.spark(spark.id)).toBe(spark);
    expect([primus.connected, primus.connections[spark.id]]).toEqual([1, spark]);
    const gone = event(primus, 'disconnection');
    spark.end();
    expect(await gone).toEqual([spark]);
    expect(primus.spark(spark.id)).toBeUndefined();
    expect(primus.connected).toBe(0);
  });

  it('sends and receives through private events', async () => {
    const { primus } = await server();
    const spark = new primus.Spark();
    const frames: unknown[] = [];
    const emitted: unknown[] = [];
    const data: unknown[] = [];
    spark.on('outgoing::data', (frame: unknown) => frames.push(frame));
    spark.on('incoming::data', (frame: unknown) => emitted.push(frame));
    spark.on('data', (value: unknown) => data.push(value));
    await event(primus, 'connection');
    spark.write({ out: 1 });
    primus.write('all');
    spark.emit('incoming::data', '{"in":1}');
    spark.emits('incoming::data', (next: Any, frame: string) => next(undefined, frame))('2');
    expect([frames, emitted, data]).toEqual([
      ['{"out":1}', '"all"'],
      ['{"in":1}', '2'],
      [{ in: 1 }, 2],
    ]);
    const ended = event(spark, 'end');
    spark.emit('incoming::end');
    await ended;
    expect(spark.readyState).toBe(2);
  });

  it('buffers messages until it is announced', async () => {
    const { primus } = await server();
    const data: unknown[] = [];
    primus.on('connection', (spark: Any) => spark.on('data', (value: unknown) => data.push(value)));
    const spark = new primus.Spark();
    spark.emit('incoming::data', '1');
    spark.emit('incoming::data', '2');
    expect(data).toEqual([]);
    await until(() => data.length === 2);
    expect(data).toEqual([1, 2]);
  });

  it('emits `outgoing::end` to close, after the last message', async () => {
    const { primus } = await server();
    const spark = new primus.Spark();
    const out: unknown[] = [];
    spark.on('outgoing::data', (frame: unknown) => out.push(frame));
    spark.on('outgoing::end', () => out.push('end'));
    await event(primus, 'connection');
    spark.end('last');
    expect(out).toEqual(['"last"', '"primus::server::close"', 'end']);
  });
});

describe('private events that are emitted on a spark by hand', () => {
  it('`incoming::data` and `outgoing::data` are messages in and out', async () => {
    const { primus, connect } = await server();
    const connection = event(primus, 'connection');
    const client = connect();
    const [spark] = (await connection) as [Any];
    const data = event(spark, 'data');
    spark.emit('incoming::data', '{"injected":1}');
    expect(await data).toEqual([{ injected: 1 }, '{"injected":1}']);
    const here = event(client, 'data');
    spark.emit('outgoing::data', '"by hand"');
    expect((await here)[0]).toBe('by hand');
  });

  it.each<[string, (client: Any, spark: Any) => unknown, string[]]>([
    ['its client leaves', (client) => client.end(), ['incoming::end', 'readyStateChange', 'outgoing::end', 'end']],
    ['it is ended', (_client, spark) => spark.end(), ['readyStateChange', 'outgoing::end', 'end']],
  ])('are emitted once each when a spark ends: %s', async (_how, end, wanted) => {
    const { primus, connect } = await server();
    const connection = event(primus, 'connection');
    const client = connect({ strategy: false });
    const [spark] = (await connection) as [Any];
    await event(client, 'open');
    const emitted: string[] = [];
    for (const name of ['incoming::end', 'outgoing::end', 'readyStateChange', 'end']) spark.on(name, () => emitted.push(name));
    const gone = event(primus, 'disconnection');
    end(client, spark);
    await gone;
    expect(emitted).toEqual(wanted);
  });

  it('`incoming::end` ends the connection', async () => {
    const { primus, connect } = await server();
    const connection = event(primus, 'connection');
    const client = connect({ strategy: false });
    const [spark] = (await connection) as [Any];
    const gone = event(primus, 'disconnection');
    const closed = event(client, 'close');
    let emitted = 0;
    spark.on('incoming::end', () => emitted++);
    spark.emit('incoming::end');
    await gone;
    await closed;
    expect(emitted).toBe(1);
  });
});

describe('Spark', () => {
  it('has a prototype of its own for each server', async () => {
    const [one, two] = [await server(), await server()];
    one.primus.Spark.prototype.mine = 1;
    one.primus.Spark.readable('fixed', 2);
    one.primus.Spark.prototype.initialise = function () {
      this.hooked = true;
    };
    expect(new one.primus.Spark()).toMatchObject({ mine: 1, fixed: 2, hooked: true });
    const other = new two.primus.Spark();
    expect([other.mine, other.fixed, other.hooked]).toEqual([undefined, undefined, undefined]);
    expect((Primus.Spark.prototype as Any).mine).toBeUndefined();
  });

  it('readable and writable define properties that are not enumerable and can be redefined', async () => {
    const { primus } = await server();
    const { Spark } = primus;
    Spark.readable('fixed', 1);
    Spark.readable('fixed', 2);
    Spark.writable('free', 1);
    Spark.readable('computed', { get: () => 'made' }, true);
    const spark = new Spark();
    expect([spark.fixed, spark.free, spark.computed]).toEqual([2, 1, 'made']);
    expect(() => {
      spark.fixed = 3;
    }).toThrow(TypeError);
    spark.free = 3;
    expect(spark.free).toBe(3);
    const seen: string[] = [];
    for (const name in Object.getPrototypeOf(spark)) seen.push(name);
    expect(seen).not.toContain('fixed');
  });

  it('initialise adds hooks, which run in order with the fields set; it reads as the last one', async () => {
    const { primus } = await server();
    const { Spark } = primus;
    const order: unknown[] = [];
    const [first] = Spark.prototype.__initialise;
    expect(Spark.prototype.initialise).toBe(first);
    const one = function (this: Any) {
      order.push(['one', this.id, this.query, typeof this.write]);
    };
    Spark.prototype.initialise = one;
    const previous = Spark.prototype.initialise;
    Spark.prototype.initialise = function (this: Any) {
      previous.call(this);
      first.call(this);
      order.push('two');
    };
    Spark.prototype.initialise = 'no function';
    expect(Spark.prototype.__initialise).toHaveLength(3);
    new Spark({}, {}, { q: '1' }, 'id');
    expect(order).toEqual([['one', 'id', { q: '1' }, 'function'], ['one', 'id', { q: '1' }, 'function'], 'two']);
  });

  it('an assignment of readyState emits readyStateChange', async () => {
    const { primus } = await server();
    const spark = new primus.Spark();
    const emitted: unknown[] = [];
    spark.on('readyStateChange', (state: unknown) => emitted.push(state));
    spark.readyState = 1;
    spark.readyState = 1;
    spark.readyState = 3;
    expect(emitted).toEqual(['opening', 'open']);
  });
});
