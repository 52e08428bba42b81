import { firstValueFrom, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Backplane } from '../../src/cluster/bus.js';
import { clustered, memory } from '../../src/cluster.js';
import { event, serve, until } from '../support/serve.js';
import { startNodes } from './nodes.js';

describe('a cluster', () => {
  it('knows its nodes, and notices at once when one leaves', async () => {
    const [one, two] = await startNodes(2);
    expect(one.cluster.nodes).toEqual(['n1', 'n2']);
    const changes = firstValueFrom(one.cluster.nodes$.pipe(take(2), toArray()));
    two?.primus.destroy();
    expect(await changes).toEqual([['n1', 'n2'], ['n1']]);
  });

  it('delivers a broadcast to the connections of all nodes', async () => {
    const [one, two] = await startNodes(2);
    const here = await one.connect();
    const there = await two?.connect();
    one.cluster.write({ news: 1 });
    await until(() => here.received.length === 1 && there?.received.length === 1);
    expect([here.received, there?.received]).toEqual([[{ news: 1 }], [{ news: 1 }]]);
  });

  it('delivers to the members of a room wherever they are, and to no other connection', async () => {
    const [one, two] = await startNodes(2);
    const a = await one.connect();
    const b = await one.connect();
    const c = (await two?.connect()) as typeof a;
    await Promise.all([one.cluster.join(a.spark, 'lobby'), two?.cluster.join(c.spark, 'lobby')]);
    expect(one.cluster.to({ room: 'lobby' }).write('hello')).toBe(true);
    two?.cluster.to({ room: 'lobby', except: a.spark.id }).write('not to a');
    await until(() => c.received.length === 2);
    expect(a.received).toEqual(['hello']);
    expect(b.received).toEqual([]);
    expect([...c.received].sort()).toEqual(['hello', 'not to a']);
    expect(one.cluster.rooms(a.spark)).toEqual(['lobby']);
    expect(one.cluster.members('lobby')).toEqual([a.spark]);
  });

  it('delivers once to a connection that is in several of the rooms', async () => {
    const [one, two] = await startNodes(2);
    const a = (await two?.connect()) as Awaited<ReturnType<typeof one.connect>>;
    await two?.cluster.join(a.spark, 'x');
    await two?.cluster.join(a.spark, 'y');
    one.cluster.to({ room: ['x', 'y'] }).write('once');
    one.cluster.to({ room: [] }).write('to none');
    one.cluster.write('last');
    await until(() => a.received.includes('last'));
    expect(a.received).toEqual(['once', 'last']);
  });

  it('forgets the rooms of a connection that leaves or ends', async () => {
    const [one, two] = await startNodes(2);
    const a = await one.connect();
    await one.cluster.join(a.spark, 'lobby');
    one.cluster.leave(a.spark, 'lobby');
    two?.cluster.to({ room: 'lobby' }).write('missed');
    two?.cluster.write('last');
    await until(() => a.received.length > 0);
    expect(a.received).toEqual(['last']);
    await one.cluster.join(a.spark, 'lobby');
    a.client.end();
    await until(() => one.cluster.members('lobby').length === 0);
    expect(await one.cluster.join(a.spark, 'lobby')).toBe(false);
  });

  it('reaches one connection by its id, on whichever node it is', async () => {
    const [one, two] = await startNodes(2);
    const a = await one.connect();
    expect(a.spark.id).toMatch(/^n1\./);
    two?.cluster.to({ spark: a.spark.id }).write('for you');
    await until(() => a.received.length === 1);
    const losses: unknown[] = [];
    two?.cluster.lost$.subscribe((loss) => losses.push(loss));
    one.cluster.lost$.subscribe((loss) => losses.push(loss));
    two?.cluster.to({ spark: 'n9.unknown' }).write('for none');
    two?.cluster.to({ spark: 'n1.unknown' }).write('for none');
    await until(() => losses.length === 2);
    expect(losses).toEqual([
      { topic: 'node:n9', count: 1, reason: 'gone' },
      { topic: 'node:n1', count: 1, reason: 'gone' },
    ]);
  });

  it('reaches connections by ids that the application makes', async () => {
    let count = 0;
    const [one, two] = await startNodes(2, { server: { idGenerator: () => `user.${++count}` } });
    const a = await one.connect();
    two?.cluster.to({ spark: a.spark.id }).write('for you');
    await until(() => a.received.length === 1);
    expect(a.received).toEqual(['for you']);
  });

  it('transforms a message of another node on its way out', async () => {
    const [one, two] = await startNodes(2);
    two?.primus.transform('outgoing', (packet) => {
      packet.data = { wrapped: packet.data };
    });
    const a = (await two?.connect()) as Awaited<ReturnType<typeof one.connect>>;
    await two?.cluster.join(a.spark, 'lobby');
    one.cluster.to({ room: 'lobby' }).write('hello');
    await until(() => a.received.length === 1);
    expect(a.received).toEqual([{ wrapped: 'hello' }]);
  });

  it.each([[undefined], [''], [7], ['x'.repeat(513)], ['é'.repeat(257)], ['half a \ud83d']])(
    'refuses %j as the name of a room',
    async (name) => {
      const [{ cluster, connect }] = await startNodes(1);
      const { spark } = await connect();
      const refusal = expect.objectContaining({ code: 'ERR_PRIMUS_CHANNEL' });
      expect(() => cluster.join(spark, name as string)).toThrow(refusal);
      if (name !== undefined) expect(() => cluster.leave(spark, name as string)).toThrow(refusal);
      // What is meant for a room must not be sent to all.
      expect(() => cluster.to({ room: name as string })).toThrow(refusal);
      expect(() => cluster.to({ room: [name as string] })).toThrow(refusal);
      expect(() => cluster.publish(name as string, 1)).toThrow(refusal);
    },
  );

  it('refuses options that are out of range, and a second cluster for one server', async () => {
    const { primus } = await serve({ transformer: 'memory' });
    const refusal = expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' });
    const lengths = [{ lease: 'soon' }, { lease: 1 }, { lease: Infinity }, { lease: '25 days' }];
    for (const options of [{ node: '' }, { node: 'a.b' }, ...lengths, { outbox: 0 }, { maxChannels: -1 }, { maxChannels: 1.5 }])
      expect(() => clustered(primus, memory(), options)).toThrow(refusal);
    for (const server of [undefined, null, {}, { host: 'localhost' }]) expect(() => clustered(server as never)).toThrow(refusal);
    expect(() => clustered(primus, {} as Backplane)).toThrow(refusal);
    clustered(primus);
    expect(() => clustered(primus)).toThrow(refusal);
  });

  it('refuses addressees that are not given, or misspelled', async () => {
    const [{ cluster }] = await startNodes(1);
    const refusal = expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' });
    for (const addressees of [{ spark: undefined }, { spark: null }, { spark: [undefined] }, { except: 5 }, { rooms: 'lobby' }, null])
      expect(() => cluster.to(addressees as never)).toThrow(refusal);
    expect(cluster.to({ except: undefined as never }).write('all')).toBe(true);
  });

  it('refuses settings of channels that are out of range, or misspelled', async () => {
    const [{ cluster }] = await startNodes(1);
    const histories = [true, {}, { size: 0, ttl: 1 }, { size: 1.5, ttl: 1 }, { size: 1 }, { size: 1, ttl: 0 }, { size: 1, ttl: Infinity }];
    const settings = [
      {},
      { name: 'open' },
      { name: /x/g },
      { name: /x/, allow: true },
      { name: /x/, alow: () => true },
      { name: /x/, presence: 1 },
    ];
    for (const options of [null, ...settings, ...histories.map((history) => ({ name: /x/, history }))])
      expect(() => cluster.channels(options as never), JSON.stringify(options)).toThrow(
        expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }),
      );
  });

  it('reports a message that cannot be encoded, and goes on', async () => {
    const [{ cluster, primus }] = await startNodes(1);
    const logged = event(primus, 'log');
    expect(cluster.write(10n)).toBe(false);
    expect((await logged)[0]).toBe('error');
    expect(cluster.write('primus::pong::1')).toBe(false);
    expect(cluster.write('fine')).toBe(true);
  });
});

describe('ask', () => {
  it('completes with the answers of all nodes, and names those that are missing', async () => {
    const [one, two, three] = await startNodes(3);
    one.cluster.handle('connected', () => [1]);
    two?.cluster.handle('connected', async (question) => ({ question }));
    three?.cluster.handle('connected', () => {
      throw new Error('broken');
    });
    const answers = await firstValueFrom(one.cluster.ask('connected', { of: 'room' }).pipe(toArray()));
    expect(answers).toHaveLength(3);
    expect(answers).toEqual(
      expect.arrayContaining([{ node: 'n1', value: 1 }, { node: 'n2', value: { question: { of: 'room' } } }, { missing: ['n3'] }]),
    );
  });

  it('does not wait for a node that leaves meanwhile', async () => {
    const [one, two] = await startNodes(2);
    one.cluster.handle('slow', () => ['mine']);
    two?.cluster.handle('slow', () => new Promise(() => {}));
    const answers = firstValueFrom(one.cluster.ask('slow', null, { timeout: '1 hour' }).pipe(toArray()));
    two?.primus.destroy();
    expect(await answers).toEqual([{ node: 'n1', value: 'mine' }, { missing: ['n2'] }]);
  });
});

describe('presence and channels', () => {
  it('shows who is subscribed on all nodes', async () => {
    const [one, two] = await startNodes(2);
    for (const { cluster } of [one, two as typeof one]) cluster.channels({ name: /^news$/, presence: (spark) => spark.id.slice(0, 2) });
    const a = await one.connect();
    const b = (await two?.connect()) as typeof a;
    for (const { client } of [a, b]) client.write(['primus::subscribe', 'news', null, { presence: true }]);
    const seen: number[] = [];
    one.cluster.presence('news').subscribe((present) => seen.push(present.size));
    await until(() => seen.at(-1) === 2);
    b.client.end();
    await until(() => seen.at(-1) === 1);
    expect(a.received.slice(0, 2)).toEqual([['primus::channels'], ['primus::subscribed', 'news', 'live']]);
  });

  it('delivers what is published to the subscribers of all nodes', async () => {
    const [one, two] = await startNodes(2);
    for (const { cluster } of [one, two as typeof one]) cluster.channels({ name: /^news$/ });
    const a = await one.connect();
    const b = (await two?.connect()) as typeof a;
    for (const { client, received } of [a, b]) {
      client.write(['primus::subscribe', 'news', null]);
      await until(() => received.length === 2);
    }
    await one.cluster.publish('news', { title: 'x' });
    b.client.write(['primus::publish', 'news', 'from b']);
    await until(() => a.received.length === 4 && b.received.length === 4);
    expect(a.received.slice(2)).toEqual([
      ['primus::message', 'news', { title: 'x' }],
      ['primus::message', 'news', 'from b'],
    ]);
    expect(b.received.slice(2)).toEqual(a.received.slice(2));
  });

  it('refuses what is not allowed, and what does not exist', async () => {
    const [{ cluster, connect }] = await startNodes(1);
    cluster.channels({ name: /^open$/, allow: async (_spark, _channel, action) => action === 'subscribe' });
    const { client, received } = await connect();
    client.write(['primus::subscribe', 'secret', null]);
    client.write(['primus::publish', 'open', 1]);
    client.write(['primus::subscribe', 'open', null]);
    client.write(['primus::subscribe', 7, null]);
    client.write(['primus::nonsense']);
    await until(() => received.length === 4);
    expect(received).toEqual([
      ['primus::channels'],
      ['primus::refused', 'secret', 'subscribe', 'There is no such channel'],
      ['primus::refused', 'open', 'publish', 'Not allowed'],
      ['primus::subscribed', 'open', 'live'],
    ]);
  });

  it('does not send a word of the protocol for the application', async () => {
    const [{ cluster, connect, primus }] = await startNodes(1);
    cluster.channels({ name: /^open$/ });
    const { spark, received } = await connect();
    const failed = event(spark, 'error');
    expect(spark.write(['primus::message', 'open', 'forged'])).toBe(false);
    expect((await failed)[0]).toMatchObject({ code: 'ERR_PRIMUS_RESERVED' });
    primus.on('log', () => {});
    expect(cluster.write(['primus::message', 'open', 'forged'])).toBe(false);
    cluster.write('last');
    await until(() => received.length === 1);
    expect(received).toEqual(['last']);
  });
});
