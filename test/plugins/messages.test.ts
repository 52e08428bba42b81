import { describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { cleanup, event, serve, until } from '../support/serve.js';
import { type Any, missing, plugin, suite } from './published.js';

/** A client, open, and its spark, on a server with these plugins. */
async function pair(names: Record<string, string>, options = {}, clientOptions = {}) {
  const served = await serve(options);
  for (const [name, module] of Object.entries(names)) served.primus.plugin(name, plugin(module));
  const connection = event(served.primus, 'connection');
  const client = served.connect(clientOptions) as Any;
  const opened = event(client, 'open');
  const [spark] = (await connection) as [Any];
  await opened;
  return { ...served, primus: served.primus as Any, client, spark };
}

describe.skipIf(missing)(suite('primus-emit'), () => {
  it('emits on the peer in both directions, with all arguments', async () => {
    const { client, spark } = await pair({ emit: 'primus-emit' });
    const there = event(spark, 'greeting');
    client.emit('greeting', 'hello', { from: 'client' });
    expect(await there).toEqual(['hello', { from: 'client' }]);
    const here = event(client, 'answer');
    spark.emit('answer', 1, [2]);
    expect(await here).toEqual([1, [2]]);
  });

  it('sends no internal events, and leaves plain messages alone', async () => {
    const { client, spark, primus } = await pair({ emit: 'primus-emit' });
    const frames: unknown[] = [];
    client.on('incoming::data', (frame: unknown) => frames.push(frame));
    spark.emit('data', 'local');
    const data = event(client, 'data');
    spark.write({ plain: true });
    expect((await data)[0]).toEqual({ plain: true });
    expect(frames).toHaveLength(1);
    client.write({ emit: ['end'] });
    client.write('last');
    expect((await event(spark, 'data'))[0]).toBe('last');
    expect(primus.connected).toBe(1);
  });

  it('works after a reconnection', async () => {
    const { client, spark, primus } = await pair({ emit: 'primus-emit' }, {}, { reconnect: { min: 10, max: 20 } });
    const back = event(primus, 'connection');
    const opened = event(client, 'open');
    spark.connection.link.destroy();
    const [again] = (await back) as [Any];
    await opened;
    const here = event(client, 'still');
    again.emit('still', 'there');
    expect(await here).toEqual(['there']);
  });
});

describe.skipIf(missing)(suite('primus-emitter'), () => {
  it('sends events both ways and acknowledges them', async () => {
    const { client, spark } = await pair({ emitter: 'primus-emitter' });
    spark.on('news', (data: string, done: (answer: string) => void) => done(`${data}!`));
    expect(await new Promise((resolve) => client.send('news', 'hi', resolve))).toBe('hi!');
    client.on('sum', (a: number, b: number, done: (sum: number) => void) => done(a + b));
    expect(await new Promise((resolve) => spark.send('sum', 1, 2, resolve))).toBe(3);
  });

  it('broadcasts with primus.send', async () => {
    const { primus, connect, client } = await pair({ emitter: 'primus-emitter' });
    const second = connect() as Any;
    await event(second, 'open');
    await until(() => primus.connected === 2);
    const both = Promise.all([event(client, 'all'), event(second, 'all')]);
    primus.send('all', { of: 'you' });
    expect(await both).toEqual([[{ of: 'you' }], [{ of: 'you' }]]);
  });

  it('does not emit reserved events', async () => {
    const { client, spark } = await pair({ emitter: 'primus-emitter' });
    const ended: unknown[] = [];
    spark.on('end', () => ended.push('end'));
    client.send('end');
    client.send('after');
    await event(spark, 'after');
    expect(ended).toEqual([]);
  });
});

describe.skipIf(missing)(suite('primus-responder'), () => {
  it('answers requests of the client and of the server', async () => {
    const { client, spark } = await pair({ responder: 'primus-responder' });
    spark.on('request', (data: unknown, done: (answer: unknown) => void) => done({ echo: data }));
    client.on('request', (data: unknown, done: (answer: unknown) => void) => done([data]));
    expect(await new Promise((resolve) => client.writeAndWait('question', resolve))).toEqual({ echo: 'question' });
    expect(await new Promise((resolve) => spark.writeAndWait('other way', resolve))).toEqual(['other way']);
  });

  it('passes all other messages', async () => {
    const { client, spark } = await pair({ responder: 'primus-responder' });
    const data = event(spark, 'data');
    client.write({ plain: 1 });
    expect((await data)[0]).toEqual({ plain: 1 });
  });
});

describe.skipIf(missing)(suite('substream'), () => {
  it('has several streams on one connection', async () => {
    const { client, spark } = await pair({ substream: 'substream' });
    const [foo, bar] = [client.substream('foo'), client.substream('bar')];
    const [foo2, bar2] = [spark.substream('foo'), spark.substream('bar')];
    const there = Promise.all([event(foo2, 'data'), event(bar2, 'data')]);
    foo.write('for foo');
    bar.write({ for: 'bar' });
    expect((await there).map(([data]) => data)).toEqual(['for foo', { for: 'bar' }]);
    const here = event(foo, 'data');
    foo2.write([1, 2]);
    expect((await here)[0]).toEqual([1, 2]);
  });

  it('passes its messages through the message transformers, and does not emit them as `data`', async () => {
    const { client, spark, primus } = await pair({ substream: 'substream' });
    primus.transform('outgoing', (packet: Any) => {
      packet.data = { wrapped: packet.data };
    });
    const plain: unknown[] = [];
    client.on('data', (data: unknown) => plain.push(data));
    const here = event(client.substream('s'), 'data');
    spark.substream('s').write('x');
    expect((await here)[0]).toEqual({ wrapped: 'x' });
    expect(plain).toEqual([]);
  });

  it('ends each stream alone, and all of them with the connection', async () => {
    const { client, spark } = await pair({ substream: 'substream' });
    const [one, two] = [client.substream('one'), client.substream('two')];
    const [one2, two2] = [spark.substream('one'), spark.substream('two')];
    const ended = event(one2, 'end');
    one.end();
    await ended;
    const alive = event(two2, 'data');
    two.write('still here');
    expect((await alive)[0]).toBe('still here');
    let gone = false;
    two2.on('end', () => {
      gone = true;
    });
    client.end();
    await until(() => gone);
    expect(spark.readyState).toBe(2);
  });
});

describe.skipIf(missing)(suite('primus-multiplex'), () => {
  it('has channels with connections of their own', async () => {
    const served = await serve();
    served.primus.plugin('multiplex', plugin('primus-multiplex'));
    const primus = served.primus as Any;
    const news = primus.channel('news');
    const sport = primus.channel('sport');
    const joined = Promise.all([event(news, 'connection'), event(sport, 'connection')]);
    const client = served.connect() as Any;
    const [a, b] = [client.channel('news'), client.channel('sport')];
    const [[newsSpark], [sportSpark]] = (await joined) as [Any, Any];
    const here = event(a, 'data');
    newsSpark.write('headline');
    expect((await here)[0]).toBe('headline');
    const there = event(sportSpark, 'data');
    b.write({ score: '1:0' });
    expect((await there)[0]).toEqual({ score: '1:0' });
    const all = event(b, 'data');
    sport.write('to all of sport');
    expect((await all)[0]).toBe('to all of sport');
  });

  it('reports when a channel is left, by `end` and with the connection', async () => {
    const served = await serve();
    served.primus.plugin('multiplex', plugin('primus-multiplex'));
    const channel = (served.primus as Any).channel('room');
    const events: string[] = [];
    for (const name of ['connection', 'disconnection']) channel.on(name, () => events.push(name));
    const client = served.connect() as Any;
    const stream = client.channel('room');
    await until(() => events.length === 1);
    stream.end();
    await until(() => events.length === 2);
    client.channel('room');
    await until(() => events.length === 3);
    client.end();
    await until(() => events.length === 4);
    expect(events).toEqual(['connection', 'disconnection', 'connection', 'disconnection']);
  });

  it('works with primus-emitter and primus-rooms', async () => {
    const served = await serve();
    for (const [name, module] of [
      ['emitter', 'primus-emitter'],
      ['multiplex', 'primus-multiplex'],
      ['rooms', 'primus-rooms'],
    ] as const) {
      served.primus.plugin(name, plugin(module));
    }
    const channel = (served.primus as Any).channel('chat');
    const joined = event(channel, 'connection');
    const client = served.connect() as Any;
    const stream = client.channel('chat');
    const [spark] = (await joined) as [Any];
    spark.on('echo', (data: unknown, done: (answer: unknown) => void) => done(data));
    expect(await new Promise((resolve) => stream.send('echo', 'x', resolve))).toBe('x');
    await new Promise((resolve) => spark.join('blue', resolve));
    const here = event(stream, 'data');
    channel.room('blue').write('to the blue');
    expect((await here)[0]).toBe('to the blue');
  });
});

describe.skipIf(missing)(suite('primus-rooms'), () => {
  async function three() {
    const served = await serve();
    served.primus.plugin('rooms', plugin('primus-rooms'));
    const primus = served.primus as Any;
    const clients: Any[] = [];
    const sparks: Any[] = [];
    for (let index = 0; index < 3; index++) {
      const connection = event(primus, 'connection');
      const client = served.connect() as Any;
      const opened = event(client, 'open');
      sparks.push((await connection)[0]);
      await opened;
      client.got = [];
      client.on('data', (data: unknown) => client.got.push(data));
      clients.push(client);
    }
    return { primus, clients, sparks };
  }

  const join = (spark: Any, room: string) => new Promise((resolve) => spark.join(room, resolve));

  it('joins a room, writes to it, excludes sparks, and leaves it', async () => {
    const { primus, clients, sparks } = await three();
    await Promise.all([join(sparks[0], 'a'), join(sparks[1], 'a b'), join(sparks[2], 'b')]);
    expect(primus.room('a').clients().sort()).toEqual([sparks[0].id, sparks[1].id].sort());
    expect(sparks[1].rooms()).toEqual(['a', 'b']);
    primus.room('a').write('to a');
    sparks[0].room('b').except(sparks[2].id).write('to b but the third');
    await until(() => clients[1].got.length === 2);
    expect(clients.map(({ got }) => got)).toEqual([['to a'], ['to a', 'to b but the third'], []]);
    await new Promise((resolve) => sparks[0].leave('a', resolve));
    expect(primus.room('a').clients()).toEqual([sparks[1].id]);
  });

  it('reports joining and leaving, and forgets disconnected sparks', async () => {
    const { primus, clients, sparks } = await three();
    const joined = event(primus, 'joinroom');
    await join(sparks[0], 'a');
    expect(await joined).toEqual(['a', sparks[0]]);
    const left = event(sparks[0], 'leaveallrooms');
    clients[0].end();
    await left;
    expect(primus.isRoomEmpty('a')).toBe(true);
  });

  it('joins by ids, and by wildcards', async () => {
    const { primus, clients, sparks } = await three();
    await new Promise((resolve) => primus.join([sparks[0].id, sparks[1]], 'user:*', resolve));
    primus.in('user:17').write('hello');
    await until(() => clients[0].got.length + clients[1].got.length === 2);
    expect(clients[2].got).toEqual([]);
  });
});

describe.skipIf(missing)(suite('mirage'), () => {
  const withEmit = { emit: 'primus-emit', mirage: 'mirage' };

  it('has a session id, which a reconnection keeps', async () => {
    const { client, spark, primus } = await pair(withEmit, {}, { reconnect: { min: 10, max: 20 } });
    await until(() => client.mirage !== '');
    expect(spark.mirage).toMatch(/^[0-9a-f]{16}$/);
    expect(client.mirage).toBe(spark.mirage);
    const back = event(primus, 'connection');
    spark.connection.link.destroy();
    const [again] = (await back) as [Spark & { mirage: string }];
    expect(again.query._mirage).toBe(client.mirage);
    expect(again.mirage).toBe(client.mirage);
    expect(again.id).not.toBe(spark.id);
  });

  it('sends nothing before the id is known, then everything in order', async () => {
    const served = await serve();
    for (const [name, module] of Object.entries(withEmit)) served.primus.plugin(name, plugin(module));
    const primus = served.primus as Any;
    const release: (() => void)[] = [];
    primus.id.generator((_spark: unknown, done: (error: undefined, id: string) => void) => release.push(() => done(undefined, 'given')));
    const got: unknown[] = [];
    primus.on('connection', (spark: Any) => spark.on('data', (data: unknown) => got.push(data)));
    const client = served.connect() as Any;
    for (const data of [1, 2, 3]) client.write(data);
    await event(client, 'open');
    const frames: unknown[] = [];
    client.on('outgoing::data', (frame: unknown) => frames.push(frame));
    client.write(4);
    await until(() => release.length === 1);
    expect(frames).toEqual([]);
    expect(client.buffer).toEqual([1, 2, 3, 4]);
    release[0]?.();
    await until(() => got.length === 4);
    client.write(5);
    await until(() => got.length === 5);
    expect(got).toEqual([1, 2, 3, 4, 5]);
    expect(client.mirage).toBe('given');
  });

  it('rejects an invalid id', async () => {
    const served = await serve();
    for (const [name, module] of Object.entries(withEmit)) served.primus.plugin(name, plugin(module));
    const primus = served.primus as Any;
    primus.id.validator((spark: Any, done: (error?: Error) => void) => done(spark.mirage === 'good' ? undefined : new Error('bad id')));
    const good = served.connect({ mirage: 'good' }) as Any;
    const [spark] = (await event(primus, 'connection')) as [Any];
    expect(spark.mirage).toBe('good');
    const bad = served.connect({ mirage: 'forged', strategy: false }) as Any;
    await event(bad, 'end');
    expect(good.readyState).toBe(3);
    cleanup(() => good.end());
  });
});

describe.skipIf(missing)(suite('fortress-maximus'), () => {
  it('passes only validated messages', async () => {
    const { primus, client, spark } = await pair({ fortress: 'fortress-maximus', emit: 'primus-emit' });
    const invalid: string[] = [];
    primus.on('invalid', (error: Error) => invalid.push(error.message));
    primus.validate('data', (message: unknown, next: (error?: Error) => void) => {
      next(typeof message === 'string' ? undefined : new Error('not a string'));
    });
    const got: unknown[] = [];
    spark.on('data', (data: unknown) => got.push(data));
    client.write(1);
    client.write('fine');
    await until(() => got.length === 1);
    expect(got).toEqual(['fine']);
    expect(invalid).toEqual(['not a string']);
  });

  it('denies events without a listener or a validator, reserved events, and a wrong number of arguments', async () => {
    const { primus, client, spark } = await pair({ fortress: 'fortress-maximus', emit: 'primus-emit' });
    const invalid: string[] = [];
    primus.on('invalid', (error: Error) => invalid.push(error.message));
    primus.validate('custom', (a: unknown, b: unknown, next: (verdict: boolean) => void) => next(a === b));
    const got: unknown[][] = [];
    spark.on('custom', (...args: unknown[]) => got.push(args));
    spark.on('unchecked', () => {});
    client.emit('unknown');
    client.emit('unchecked');
    client.emit('custom', 1);
    client.emit('custom', 1, 2);
    client.write({ emit: ['end'] });
    client.emit('custom', 3, 3);
    await until(() => got.length === 1);
    expect(got).toEqual([[3, 3]]);
    expect(invalid).toEqual([
      'Missing listener for unknown',
      'Missing validator for unchecked',
      'Missing arguments for custom',
      'custom did not validate',
      'end is a reserved event',
    ]);
  });
});

describe.skipIf(missing)(suite('primus-analytics'), () => {
  it('sends the events of the client to ga', async () => {
    const sent: Any[] = [];
    Object.assign(globalThis, { ga: (...args: unknown[]) => sent.push(args[1]) });
    cleanup(() => Reflect.deleteProperty(globalThis, 'ga'));
    const { client, spark } = await pair(
      { analytics: 'primus-analytics', emit: 'primus-emit' },
      {},
      { reconnect: { min: 10, max: 20 }, analytics: { category: 'test', events: { open: 'opened' } } },
    );
    client.emit('custom', 1);
    client.write('plain');
    const opened = event(client, 'open');
    spark.connection.link.destroy();
    await opened;
    const actions = sent.map(({ eventAction }) => eventAction);
    expect(sent[0]).toMatchObject({ eventCategory: 'test', hitType: 'event', nonInteraction: 1 });
    expect(actions.filter((action) => action !== 'write')).toEqual([
      'opened',
      'custom',
      'close',
      'reconnect-start',
      'reconnected',
      'opened',
    ]);
    expect(actions).toContain('write');
  });
});
