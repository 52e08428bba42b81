import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Primus } from '../../src/index.js';
import { cleanup, event, serve, until } from '../support/serve.js';
import { withClients } from './clients.js';
import { type Any, missing, plugin, published, suite } from './published.js';
import { noRedis, type Redis, startRedis } from './redis.js';

describe.skipIf(missing)(suite('omega-supreme'), () => {
  const body = (value: unknown, authorization = `Basic ${Buffer.from('omega:supreme').toString('base64')}`) => ({
    method: 'PUT',
    headers: { authorization },
    body: typeof value === 'string' ? value : JSON.stringify(value),
  });

  it('writes a PUT message to all sparks, to one, or to some', async () => {
    const served = await serve();
    served.primus.plugin('omega-supreme', plugin('omega-supreme'));
    const clients = await withClients(served, 3);
    const url = `${served.url}/primus/omega/supreme`;
    const put = async (value: unknown) => (await fetch(url, body(value))).json();
    expect(await put({ msg: 'all' })).toEqual({ ok: true, send: 3 });
    expect(await put({ msg: 'one', sparks: clients[0].spark.id })).toEqual({ ok: true, send: 1 });
    expect(await put({ msg: { two: 2 }, sparks: [clients[1].spark.id, clients[2].spark.id, 'unknown'] })).toEqual({ ok: true, send: 2 });
    await until(() => clients.every(({ got }) => got.length === 2));
    expect(clients.map(({ got }) => got)).toEqual([
      ['all', 'one'],
      ['all', { two: 2 }],
      ['all', { two: 2 }],
    ]);
  });

  it('rejects a wrong password and a malformed body', async () => {
    const served = await serve();
    served.primus.plugin('omega-supreme', plugin('omega-supreme'));
    const url = `${served.url}/primus/omega/supreme`;
    expect((await fetch(url, body({ msg: 1 }, 'Basic nope'))).status).toBe(401);
    const odd = await fetch(url, body('no json'));
    expect([odd.status, await odd.json()]).toEqual([500, { ok: false, reason: 'invalid data structure' }]);
  });

  it('forwards to other servers', async () => {
    const [here, there] = [await serve(), await serve()];
    for (const { primus } of [here, there]) primus.plugin('omega-supreme', plugin('omega-supreme'));
    const [near] = await withClients(here, 1);
    const [far] = await withClients(there, 1);
    const forward = (...args: unknown[]) =>
      new Promise((resolve, reject) =>
        (here.primus as Any).forward(...args, (error: unknown, data: unknown) => (error ? reject(error) : resolve(data))),
      );
    expect(await forward(there.url, 'everywhere')).toEqual({ ok: true, send: 2 });
    expect(await forward(there.url, 'far', far.spark.id)).toMatchObject({ ok: true, send: 1 });
    expect(await forward(there.url, 'near', near.spark.id)).toMatchObject({ ok: true, local: true });
    await until(() => near.got.length === 2 && far.got.length === 2);
    expect([near.got, far.got]).toEqual([
      ['everywhere', 'near'],
      ['everywhere', 'far'],
    ]);
  });
});

describe.skipIf(missing ?? noRedis)(`${suite('metroplex')}${noRedis ? ' (skipped: no Redis server)' : ''}`, () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  /** A registered server with its own connection to Redis. */
  async function registered(namespace: string) {
    const RedisClient = published('ioredis');
    const client = new RedisClient({ port: redis.port, host: '127.0.0.1' });
    const server = createServer();
    const primus = new Primus(server, { redis: client, namespace }) as Any;
    primus.plugin('omega-supreme', plugin('omega-supreme')).plugin('metroplex', plugin('metroplex'));
    const registered = event(primus, 'register');
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    cleanup(async () => {
      await new Promise<void>((resolve) => primus.destroy({}, resolve));
      client.disconnect();
    });
    expect(await registered).toEqual([url]);
    const connect = () => {
      const socket = new primus.Socket(url);
      cleanup(() => socket.destroy());
      return socket;
    };
    return { primus, url, connect, redis: client };
  }

  it('registers servers and their sparks, and removes them', async () => {
    const one = await registered('registry');
    const two = await registered('registry');
    const servers = (of: Any) =>
      new Promise((resolve, reject) =>
        of.primus.metroplex.servers((error: unknown, list: string[]) => (error ? reject(error) : resolve(list))),
      );
    expect(await servers(one)).toEqual([two.url]);
    const [client] = await withClients(two, 1);
    const find = (id: string) =>
      new Promise((resolve) => one.primus.metroplex.spark(id, (_error: unknown, address: string) => resolve(address)));
    let address: unknown;
    for (let tries = 0; tries < 50 && address !== two.url; tries++) address = await find(client.spark.id);
    expect(address).toBe(two.url);
    const unregistered = event(two.primus, 'unregister');
    await new Promise<void>((resolve) => two.primus.destroy({}, resolve));
    expect(await unregistered).toEqual([two.url]);
    expect(await servers(one)).toEqual([]);
  });

  it('reaches a spark on any server, or all sparks, with omega-supreme', async () => {
    const one = await registered('forwarding');
    const two = await registered('forwarding');
    const [near] = await withClients(one, 1);
    const [far] = await withClients(two, 1);
    const { forward, metroplex } = one.primus;
    const found = () => new Promise((resolve) => metroplex.spark(far.spark.id, (_error: unknown, address: string) => resolve(address)));
    while ((await found()) !== two.url);
    const call = (run: (done: (error: unknown, data: unknown) => void) => void) =>
      new Promise((resolve, reject) => run((error, data) => (error ? reject(error) : resolve(data))));
    expect(await call((done) => forward.spark(far.spark.id, 'to the far one', done))).toMatchObject({ ok: true, send: 1 });
    expect(await call((done) => forward.broadcast('to all', done))).toMatchObject({ ok: true, send: 2 });
    await until(() => far.got.length === 2 && near.got.length === 1);
    expect([far.got, near.got]).toEqual([['to the far one', 'to all'], ['to all']]);
  });
});

describe.skipIf(missing)(suite('@feathersjs/primus and @feathersjs/primus-client'), () => {
  async function feathersApplication() {
    const feathers = published('@feathersjs/feathers');
    const app = feathers();
    let primus: Any;
    app.configure(
      published('@feathersjs/primus')({ transformer: 'websockets' }, (made: Any) => {
        primus = made;
      }),
    );
    const messages: Any[] = [];
    app.use('/messages', {
      async find(params: Any) {
        return { messages, provider: params.provider };
      },
      async get(id: number) {
        if (messages[id] === undefined) throw new Error(`No message ${id}`);
        return messages[id];
      },
      async create(data: Any) {
        messages.push(data);
        return data;
      },
    });
    app.on('connection', (connection: Any) => app.channel('all').join(connection));
    app.publish(() => app.channel('all'));
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup(() => new Promise<void>((resolve) => primus.destroy({}, resolve)));
    const connect = () => {
      const socket = new primus.Socket(`http://127.0.0.1:${server.address().port}`);
      cleanup(() => socket.destroy());
      const client = feathers().configure(published('@feathersjs/primus-client')(socket));
      return { socket, service: client.service('messages') };
    };
    return { app, primus, connect };
  }

  it('runs on this package', async () => {
    const { primus } = await feathersApplication();
    expect(primus).toBeInstanceOf(Primus);
  });

  it('calls services, with their results and their errors', async () => {
    const { connect } = await feathersApplication();
    const { service } = connect();
    expect(await service.create({ text: 'hello' })).toEqual({ text: 'hello' });
    expect(await service.get(0)).toEqual({ text: 'hello' });
    expect(await service.find()).toEqual({ messages: [{ text: 'hello' }], provider: 'primus' });
    await expect(service.get(7)).rejects.toThrow('No message 7');
  });

  it('publishes events to the members of a channel', async () => {
    const { connect, app } = await feathersApplication();
    const [writer, reader] = [connect(), connect()];
    await Promise.all([event(writer.socket, 'open'), event(reader.socket, 'open')]);
    await until(() => app.channel('all').length === 2);
    const created = new Promise((resolve) => reader.service.once('created', resolve));
    await writer.service.create({ text: 'news' });
    expect(await created).toEqual({ text: 'news' });
  });
});
