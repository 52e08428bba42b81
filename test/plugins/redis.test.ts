import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cleanup, event, serve, until } from '../support/serve.js';
import { answer, withClients } from './clients.js';
import { type Any, missing, plugin, published, suite } from './published.js';
import { noRedis, type Redis, startRedis } from './redis.js';

/** Writes until the clients have got something: a server may still be subscribing to Redis. */
async function reach(write: () => unknown, clients: Any[]): Promise<void> {
  await until(() => {
    write();
    return clients.every(({ got }) => got.length > 0);
  });
}

describe.skipIf(missing ?? noRedis)(`${suite('with Redis')}${noRedis ? ' (skipped: no Redis server)' : ''}`, () => {
  let redis: Redis;
  const connections: Any[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    // One plugin creates connections of its own, and leaves them open.
    const client = published('redis');
    const { createClient } = client;
    client.createClient = (...args: unknown[]) => {
      const connection = createClient(...args);
      connections.push(connection);
      return connection;
    };
  });

  afterEach(() => {
    for (const connection of connections.splice(0)) connection.end(false);
  });

  afterAll(() => redis?.stop());

  function ioredis() {
    const client = new (published('ioredis'))({ port: redis.port, host: '127.0.0.1' });
    // Plugins send further commands when a command is answered, and do not expect a rejection.
    cleanup(async () => {
      for (let rounds = 0; rounds < 20; rounds++) await client.ping();
      client.disconnect();
    });
    return client;
  }

  /** A server with these plugins, which are added in this order. */
  async function serveWith(names: string[], options: object) {
    const served = await serve(options as Any);
    for (const name of names) served.primus.plugin(name, plugin(name));
    return { ...served, primus: served.primus as Any };
  }

  describe('primus-cluster', () => {
    const names = ['primus-rooms', 'primus-emitter', 'primus-cluster'];
    const options = (prefix: string) => ({
      cluster: { prefix, redis: () => published('redis').createClient({ port: redis.port, host: '127.0.0.1' }) },
    });

    it('writes and sends to the clients of all servers', async () => {
      const servers = [await serveWith(names, options('all:')), await serveWith(names, options('all:'))] as const;
      const clients = [...(await withClients(servers[0], 1)), ...(await withClients(servers[1], 1))];
      await reach(() => servers[0].primus.write('to all'), clients);
      expect(clients.map(({ got }) => got[0])).toEqual(['to all', 'to all']);
      const received = Promise.all(clients.map((client) => event(client, 'notice')));
      servers[1].primus.send('notice', 1, { two: 2 });
      expect(await received).toEqual([
        [1, { two: 2 }],
        [1, { two: 2 }],
      ]);
    });

    it('writes and sends to the members of a room on all servers', async () => {
      const servers = [await serveWith(names, options('rooms:')), await serveWith(names, options('rooms:'))] as const;
      const [near, outside] = await withClients(servers[0], 2);
      const [far] = await withClients(servers[1], 1);
      for (const { spark } of [near, far]) await answer((done) => spark.join('room', done));
      await reach(() => servers[0].primus.room('room').write('to the room'), [near, far]);
      const received = event(far, 'notice');
      servers[0].primus.room('room').send('notice', 5);
      expect(await received).toEqual([5]);
      expect([near.got[0], far.got[0], outside.got]).toEqual(['to the room', 'to the room', []]);
    });
  });

  // Not covered: adding primus-redis-rooms before primus-rooms, and the callback of its `join`. Both fail on 8.0.9 as well.
  it.each([[['primus-redis-rooms']], [['primus-rooms', 'primus-redis-rooms']]])('writes to a room on all servers: %j', async (names) => {
    const options = { redis: { host: '127.0.0.1', port: redis.port, channel: names.join() } };
    const [one, two] = [await serveWith(names, options), await serveWith(names, options)];
    const [outside] = await withClients(one, 1);
    const [member] = await withClients(two, 1);
    member.spark.join('our-room');
    await reach(() => one.primus.room('our-room').write('Hello world!'), [member]);
    expect([member.got[0], outside.got]).toEqual(['Hello world!', []]);
  });

  describe('primus-rooms-redis-adapter', () => {
    function adapter(namespace: string) {
      return new (published('primus-rooms-redis-adapter'))(ioredis(), { namespace });
    }

    it('keeps the members of rooms', async () => {
      const made = adapter('members');
      const { primus, connect } = await serve({ rooms: { adapter: made }, plugin: { rooms: plugin('primus-rooms') } });
      const server = primus as Any;
      expect(server.adapter).toBe(made);
      const [first, second] = await withClients({ primus, connect }, 2);
      await answer((done) => first.spark.join('news', done));
      server.room('news').write('to the room');
      await until(() => first.got.length === 1);
      expect(await answer((done) => server.room('news').clients(done))).toEqual([first.spark.id]);
      expect(await answer((done) => first.spark.rooms(done))).toEqual(['news']);
      await answer((done) => first.spark.leave('news', done));
      expect(await answer((done) => first.spark.rooms(done))).toEqual([]);
      expect(second.got).toEqual([]);
    });

    it('reaches rooms on all servers with metroplex and omega-supreme', async () => {
      const names = ['primus-rooms', 'omega-supreme', 'metroplex'];
      const registered = async () => {
        const served = await serve({ rooms: { adapter: adapter('cluster') }, redis: ioredis(), namespace: 'cluster' } as Any);
        const primus = served.primus as Any;
        const ready = event(primus, 'register');
        for (const name of names) primus.plugin(name, plugin(name));
        primus.adapter.config({ metroplexOmegaSupreme: true });
        await ready;
        return { ...served, primus };
      };
      const [one, two] = [await registered(), await registered()];
      const [near] = await withClients(one, 1);
      const [far] = await withClients(two, 1);
      for (const { spark } of [near, far]) await answer((done) => spark.join('news', done));
      await reach(() => one.primus.room('news').write('everywhere'), [near, far]);
      expect([near.got[0], far.got[0]]).toEqual(['everywhere', 'everywhere']);
    });
  });
});
