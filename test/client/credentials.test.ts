import { createServer } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { browser } from '../../client/platform/browser.js';
import { configure } from '../../client/primus.js';
import { type ClientOptions, Primus, type Spark } from '../../src/index.js';
import { watchForCrashes } from '../server/crashes.js';
import { cleanup, event, serve, until } from '../support/serve.js';
import { World } from '../support/world.js';

let world: World | undefined;

afterEach(async () => {
  await world?.destroy();
  world = undefined;
});

/** A client in virtual time, the queries of its sparks, and the errors it emitted. */
function start(options: ClientOptions) {
  world = new World();
  const queries: Spark['query'][] = [];
  world.primus.on('connection', ({ query }) => queries.push(query));
  const { client } = world.connect(options);
  const errors: unknown[] = [];
  client.on('error', (error) => errors.push(error));
  return { world, client, queries, errors };
}

const reconnect = { min: 100, max: 100 };

watchForCrashes();

describe('credentials', () => {
  it('are in the query of every attempt, asked for afresh each time', async () => {
    let asked = 0;
    const { world, queries } = start({ reconnect, credentials: () => ({ token: ++asked }) });
    await world.pass(10);
    world.network.cut();
    await world.pass(1_000);
    expect(queries).toMatchObject([{ token: '1' }, { token: '2' }]);
    expect(asked).toBe(2);
  });

  it.each([
    ['an object', { token: 'x' }],
    ['a promise', Promise.resolve({ token: 'x' })],
    ['a function', () => ({ token: 'x' })],
    ['an async function', async () => ({ token: 'x' })],
  ])('may be given as %s', async (_what, credentials) => {
    const { world, queries } = start({ credentials });
    await world.pass(10);
    expect(queries).toMatchObject([{ token: 'x', peer: '0' }]);
  });

  it('take the place of what the address has by their name, and leave the rest as it was', async () => {
    const { primus, connect } = await serve();
    const announced = event(primus, 'connection');
    connect({ credentials: { token: 'new & improved', none: undefined, nil: null, zero: 0, no: false } }, '/?token=old&list=1&list=2');
    const [{ query, request }] = (await announced) as [Spark];
    expect(query).toEqual({ token: 'new & improved', list: ['1', '2'], zero: '0', no: 'false' });
    expect(request.url).toMatch(/^\/primus\?token=/);
  });

  it('are seen, and may be changed, by a listener of `outgoing::url`', async () => {
    const { world, client, queries } = start({ credentials: { token: 'x' } });
    client.on('outgoing::url', (options) => {
      options.query = options.query.replace('token=x', 'token=y');
    });
    await world.pass(10);
    expect(queries).toMatchObject([{ token: 'y' }]);
  });

  it.each([
    ['throws', () => fails()],
    ['rejects', async () => fails()],
    ['returns a string', () => 'c2VjcmV0' as never],
    ['gives a number', async () => 42 as never],
  ])('fail the attempt when they cannot be resolved, and are resolved again for the next one: %s', async (_how, credentials) => {
    let broken = true;
    const { world, client, errors, queries } = start({ reconnect, credentials: () => (broken ? credentials() : { token: 'x' }) });
    await world.pass(10);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_CREDENTIALS', cause: expect.any(Error) }]);
    expect(client.state).toMatchObject({ name: 'waiting', cause: { code: 'ERR_PRIMUS_CREDENTIALS' } });
    expect(inspect(errors)).not.toContain('c2VjcmV0');
    expect(world.network.dials).toEqual([]);
    await world.pass(120);
    expect(client.state).toMatchObject({ name: 'waiting', attempt: { attempt: 2 }, cause: { code: 'ERR_PRIMUS_CREDENTIALS' } });
    broken = false;
    await world.pass(1_000);
    expect(queries).toMatchObject([{ token: 'x' }]);
  });

  it('are one error of the attempt when neither they nor the headers can be resolved', async () => {
    for (const headers of [fails, async () => fails()]) {
      const { world, errors } = start({ reconnect: { ...reconnect, retries: 0 }, credentials: async () => fails(), headers });
      await world.pass(10);
      expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_CREDENTIALS' }]);
    }
  });

  it('let the client give up when they can never be resolved', async () => {
    const { world, client } = start({ reconnect: { ...reconnect, retries: 2 }, credentials: fails });
    const failed = event(client, 'reconnect failed');
    await world.pass(1_000);
    expect((await failed)[0]).toMatchObject({ code: 'ERR_PRIMUS_GAVE_UP', cause: { code: 'ERR_PRIMUS_CREDENTIALS' } });
    expect(client.state).toMatchObject({ name: 'closed', by: 'failure' });
  });

  it('may take as long as the attempt may', async () => {
    const { world, client, queries } = start({
      timeout: 1_000,
      reconnect: { ...reconnect, retries: 1, 'reconnect timeout': 500 },
      credentials: () => new Promise(() => {}),
    });
    const emitted: string[] = [];
    for (const name of ['timeout', 'reconnect timeout', 'reconnect failed'] as const) client.on(name, () => emitted.push(name));
    await world.pass(999);
    expect(emitted).toEqual([]);
    await world.pass(1);
    expect(emitted).toEqual(['timeout']);
    await world.pass(2_000);
    expect(emitted).toEqual(['timeout', 'reconnect timeout', 'reconnect failed']);
    expect(world.network.dials).toEqual([]);
    expect(queries).toEqual([]);
  });

  it('are not used when they come too late', async () => {
    let late = (_: object) => {};
    const { world, client } = start({ credentials: () => new Promise((resolve) => (late = resolve as never)) });
    await world.pass(10);
    client.end();
    late({ token: 'x' });
    await world.pass(10);
    expect(world.network.dials).toEqual([]);
    expect(client.state).toMatchObject({ name: 'closed', by: 'client' });
  });

  it('work in the served library, which has an RxJS of its own', async () => {
    const { primus, url } = await serve();
    const module = { exports: {} as unknown as typeof Primus.prototype.Socket };
    const page = { module, WebSocket, addEventListener() {}, removeEventListener() {} };
    new Function(...Object.keys(page), primus.library())(...Object.values(page));
    let asked = 0;
    const tokens: unknown[] = [];
    primus.on('connection', (spark) => {
      tokens.push(spark.query.token);
      if (tokens.length === 1) spark.end(undefined, { reconnect: true });
    });
    const credentials = () => {
      if (++asked === 2) throw new Error('not now');
      return asked === 1 ? { token: 1 } : Promise.resolve({ token: asked });
    };
    const client = new module.exports(url, { reconnect: { min: 1, max: 5 }, credentials });
    cleanup(() => client.destroy());
    await until(() => tokens.length === 2);
    expect(tokens).toEqual(['1', '3']);
    expect(() => new module.exports(url, { headers: {} })).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });

  it('come with createSocket as well, for every client it makes', async () => {
    const { primus, url } = await serve();
    let asked = 0;
    const Socket = Primus.createSocket({ credentials: () => ({ asked: ++asked }) });
    const seen: unknown[] = [];
    primus.on('connection', ({ query }) => seen.push(query.asked));
    for (let client = 1; client <= 2; client++) {
      const socket = new Socket(url);
      cleanup(() => socket.destroy());
      await event(socket, 'open');
    }
    await until(() => seen.length === 2);
    expect(seen).toEqual(['1', '2']);
  });

  it.each([
    [true, false],
    ['any-origin', ['X-A']],
    [false, 'X-A'],
  ])('differ from the server’s options of these names when one object serves both ends: %j, %j', async (credentials, headers) => {
    const options = { credentials, headers } as never;
    const { url } = await serve(options);
    const client = new (Primus.createSocket(options))(url);
    cleanup(() => client.destroy());
    await event(client, 'open');
    expect(client.options).not.toHaveProperty('credentials');
    expect(client.options).not.toHaveProperty('headers');
  });

  it.each(['websockets', 'faye', 'engine.io', 'socket.io', 'sockjs'])('are in no error, log or state: %s', async (transformer) => {
    const secret = 'hush-hush';
    const said: unknown[] = [];
    const { primus, connect } = await serve({ transformer, authorization: (_request, done) => done('not you') });
    primus.on('log', (...entry) => said.push(entry));
    const hear = (warning: Error) => void said.push(warning);
    process.on('warning', hear);
    cleanup(() => process.removeListener('warning', hear));
    const free = createServer().listen(0, '127.0.0.1');
    await event(free, 'listening');
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    const refused = connect({ credentials: async () => ({ token: secret }) });
    const unserved = new primus.Socket(`http://127.0.0.1:${port}`, { credentials: async () => ({ token: secret }), strategy: false });
    cleanup(() => unserved.destroy());
    for (const client of [refused, unserved]) {
      client.state$.subscribe((state) => said.push(state));
      client.on('error', (error) => said.push(error, error.stack));
    }
    await Promise.all([event(refused, 'end'), event(unserved, 'end')]);
    expect(said.length).toBeGreaterThan(4);
    expect(inspect(said, { depth: 5 })).not.toContain(secret);
    expect(JSON.stringify(said)).not.toContain(secret);
  });
});

describe('headers', () => {
  it('go along with every attempt in Node, beside those of `transport`', async () => {
    const { primus, connect } = await serve();
    const seen: unknown[] = [];
    primus.on('connection', (spark) => {
      seen.push([spark.headers.authorization, spark.headers['x-app']]);
      if (seen.length < 3) spark.end(undefined, { reconnect: true });
    });
    let asked = 0;
    connect({
      reconnect: { min: 1, max: 5 },
      headers: async () => ({ authorization: `Bearer ${++asked}` }),
      transport: { headers: { 'X-App': 'mine', authorization: 'none' } },
    });
    await until(() => seen.length === 3);
    expect(seen).toEqual([1, 2, 3].map((number) => [`Bearer ${number}`, 'mine']));
  });

  it('are refused in a page, which cannot send any', () => {
    const Socket = configure({ ...Primus.createSocket().parts, platform: browser }, Primus.createSocket().configuration);
    expect(() => new Socket('http://localhost', { headers: { authorization: 'hush' } })).toThrow(
      expect.objectContaining({ code: 'ERR_PRIMUS_OPTION', message: expect.stringMatching(/headers.*credentials/) }),
    );
  });

  it('are refused by SockJS, which cannot send any', async () => {
    const { connect } = await serve({ transformer: 'sockjs' });
    const [error] = await event(connect({ headers: { authorization: 'hush' }, strategy: false }), 'error');
    expect(error).toMatchObject({ code: 'ERR_PRIMUS_OPTION', message: expect.stringMatching(/headers.*credentials/) });
  });
});

function fails(): never {
  throw new Error('the identity provider is away');
}
