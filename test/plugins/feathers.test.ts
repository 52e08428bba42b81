import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Primus } from '../../src/index.js';
import { cleanup, event } from '../support/serve.js';
import { type Any, missing, published, suite } from './published.js';

/** The users of an application, in memory: the service that local authentication looks them up in. */
function users() {
  const all: Any[] = [];
  return {
    id: 'id',
    async find({ query }: Any) {
      return all.filter(({ email }) => email === query.email);
    },
    async get(id: number) {
      return all[id];
    },
    async create(data: Any) {
      return all[all.push({ id: all.length, ...data }) - 1];
    },
  };
}

/** A Feathers application on Express with authentication, as its documentation sets it up. */
async function application(configure: (primus: Any) => void = () => {}) {
  const feathers = published('@feathersjs/feathers');
  const express = published('@feathersjs/express');
  const { AuthenticationService, JWTStrategy, authenticate } = published('@feathersjs/authentication');
  const { LocalStrategy, hooks } = published('@feathersjs/authentication-local');
  let primus: Any;
  const app = express(feathers());
  app.use(express.json()).configure(express.rest());
  app.configure(
    published('@feathersjs/primus')({ transformer: 'websockets' }, (made: Any) => {
      primus = made;
      configure(primus);
    }),
  );
  app.set('authentication', {
    secret: 'a secret of this test',
    entity: 'user',
    service: 'users',
    authStrategies: ['jwt', 'local'],
    local: { usernameField: 'email', passwordField: 'password' },
  });
  const authentication = new AuthenticationService(app);
  authentication.register('jwt', new JWTStrategy());
  authentication.register('local', new LocalStrategy());
  app.use('/authentication', authentication);
  app.use('/users', users());
  app.service('users').hooks({ before: { create: [hooks.hashPassword('password')] } });
  app.use('/messages', {
    async find({ user, provider, referrer }: Any) {
      return { email: user?.email, provider, referrer };
    },
    async create(data: Any, { user }: Any) {
      return { ...data, email: user.email };
    },
  });
  app.service('messages').hooks({ before: { create: [authenticate('jwt')], find: [] } });
  app.on('connection', (connection: Any) => app.channel('anonymous').join(connection));
  app.on('login', (_result: unknown, { connection }: Any) => {
    if (connection === undefined) return;
    app.channel('anonymous').leave(connection);
    app.channel('authenticated').join(connection);
  });
  app.publish(() => app.channel('authenticated'));
  await app.service('users').create({ email: 'ada@example.com', password: 'secret' });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup(() => new Promise<void>((resolve) => primus.destroy({}, resolve)));
  const url = `http://127.0.0.1:${server.address().port}`;
  const connect = (query = '') => {
    const socket = new primus.Socket(`${url}${query}`);
    cleanup(() => socket.destroy());
    const client = feathers().configure(published('@feathersjs/primus-client')(socket));
    client.configure(published('@feathersjs/authentication-client').default());
    return { socket, client };
  };
  return { app, primus, url, connect };
}

const login = { strategy: 'local', email: 'ada@example.com', password: 'secret' };

describe.skipIf(missing)(suite('a Feathers application with authentication'), () => {
  it('runs on this package, beside REST on the same HTTP server', async () => {
    const { primus, url, connect } = await application();
    expect(primus).toBeInstanceOf(Primus);
    expect(await connect().client.service('messages').find()).toEqual({ provider: 'primus' });
    expect(await (await fetch(`${url}/messages`)).json()).toEqual({ provider: 'rest' });
  });

  it('authenticates a client by password, and again by its token', async () => {
    const { connect } = await application();
    const { client } = connect();
    await expect(client.service('messages').create({ text: 'hello' })).rejects.toMatchObject({ code: 401 });
    await expect(client.authenticate({ ...login, password: 'wrong' })).rejects.toMatchObject({ code: 401 });
    const { accessToken, user } = await client.authenticate(login);
    expect(user.email).toBe('ada@example.com');
    expect(await client.service('messages').create({ text: 'hello' })).toEqual({ text: 'hello', email: 'ada@example.com' });
    const other = connect().client;
    await other.authenticate({ strategy: 'jwt', accessToken });
    expect(await other.service('messages').create({ text: 'hi' })).toEqual({ text: 'hi', email: 'ada@example.com' });
  });

  it('publishes events to authenticated clients only', async () => {
    const { connect, app } = await application();
    const [reader, stranger] = [connect(), connect()];
    await Promise.all([reader.client.authenticate(login), event(stranger.socket, 'open')]);
    expect(app.channel('authenticated').length).toBe(1);
    const got: string[] = [];
    stranger.client.service('messages').on('created', () => got.push('stranger'));
    const created = new Promise((resolve) => reader.client.service('messages').once('created', resolve));
    await reader.client.service('messages').create({ text: 'news' });
    expect(await created).toMatchObject({ text: 'news' });
    // Its answer follows an event that was sent before it.
    await stranger.client.service('messages').find();
    expect(got).toEqual([]);
  });

  it('passes what middleware sets on `request.feathers` to services', async () => {
    const { connect } = await application((primus) => {
      primus.use('referrer', (request: Any, _response: unknown) => {
        request.feathers.referrer = request.query.referrer;
      });
    });
    expect(await connect('?referrer=a').client.service('messages').find()).toEqual({ provider: 'primus', referrer: 'a' });
  });

  it('lets authorize reject a client by a token of its query', async () => {
    const { connect } = await application((primus) =>
      primus.authorize(({ query }: Any, done: (error?: Error) => void) => (query.token === 'abc' ? done() : done(new Error('no token')))),
    );
    expect(await connect('?token=abc').client.service('messages').find()).toEqual({ provider: 'primus' });
    const { socket } = connect('?token=other');
    const [error] = await event(socket, 'error');
    expect(error).toMatchObject({ status: 401 });
  });
});
