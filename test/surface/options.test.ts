import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Primus, type Spark } from '../../src/index.js';
import { cleanup, event, serve } from '../support/serve.js';

/** The built-in transformers that use the network. */
const TRANSFORMERS = ['websockets', 'uws', 'engine.io', 'socket.io', 'sockjs', 'faye', 'browserchannel'];

/** The spark of a client, by a transformer. */
async function connectedSpark(transformer: string): Promise<Spark> {
  const { primus, connect } = await serve({ transformer });
  const announced = event(primus, 'connection');
  connect();
  const [spark] = await announced;
  return spark as Spark;
}

// The options of the server, where every transformer has an answer of its own.

describe('the options of a server', () => {
  it('have the documented defaults', () => {
    const primus = new Primus(createServer());
    cleanup(() => primus.destroy());
    expect(primus.spec).toMatchObject({ pathname: '/primus', parser: 'json', transformer: 'websockets', pingInterval: 30_000 });
    expect([primus.auth, { ...primus.plugin() }]).toEqual([null, {}]);
    expect(primus.options).toMatchObject({ global: 'Primus', compression: false, maxLength: 10_485_760, transport: {} });
    expect(primus.options.idGenerator).toBeUndefined();
    // The documents name the defaults of CORS as an HTTP server sends them: see test/server/cors.test.ts.
    expect(primus.options).toMatchObject({ origins: '*', methods: 'GET,HEAD,PUT,POST,DELETE,OPTIONS', credentials: true });
    expect(primus.options).toMatchObject({ maxAge: '30 days', headers: false, exposed: false });
  });

  it.each([
    ['faye', ''],
    ['uws', ''],
    ['engine.io', '/?EIO=4&transport=websocket'],
    ['socket.io', '/?EIO=4&transport=websocket'],
    ['sockjs', '/0/session/websocket'],
  ])('compression: permessage-deflate is off by default, and on with true, by %s', async (transformer, path) => {
    for (const compression of [undefined, false, true]) {
      const { port } = await serve({ transformer, ...(compression !== undefined && { compression }) });
      const socket = new WebSocket(`ws://127.0.0.1:${port}/primus${path}`);
      cleanup(() => socket.terminate());
      await event(socket, 'open');
      expect([compression, socket.extensions.includes('permessage-deflate')]).toEqual([compression, compression === true]);
    }
  });

  it.each([
    ['engine.io', { transports: ['polling'], maxHttpBufferSize: 5, path: '/other' }, { websocket: false }],
    ['socket.io', { transports: ['polling'], maxHttpBufferSize: 5, path: '/other' }, { websocket: false }],
    ['sockjs', { websocket: false, prefix: '/other' }, { websocket: false }],
    ['browserchannel', { headers: { 'X-Own': '1' }, base: '/other' }, { own: '1' }],
    ['faye', { protocols: ['own'], maxLength: 5 }, { protocol: 'own' }],
    ['uws', { protocols: ['own'], maxPayloadLength: 5 }, { protocol: 'own' }],
  ])('transport: its options are passed to %s, except those that Primus sets', async (transformer, transport, expected) => {
    const { primus, port, url } = await serve({ transformer, transport });
    const observed: Record<string, unknown> = {};
    if ('protocol' in expected) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/primus`, ['other', 'own']);
      cleanup(() => socket.terminate());
      await event(socket, 'open');
      observed.protocol = socket.protocol;
    } else if ('own' in expected) {
      observed.own = (await fetch(`${url}/primus/test?VER=8&MODE=init`)).headers.get('x-own');
    } else {
      const path = transformer === 'sockjs' ? '/0/session/websocket' : '/?EIO=4&transport=websocket';
      const socket = new WebSocket(`ws://127.0.0.1:${port}/primus${path}`);
      observed.websocket = await Promise.race([event(socket, 'open').then(() => true), event(socket, 'error').then(() => false)]);
    }
    expect(observed).toEqual(expected);
    const client = new (Primus.createSocket({ transformer }))(url);
    cleanup(() => client.destroy());
    const [spark] = (await event(primus, 'connection')) as [Spark];
    client.write('longer than five');
    expect((await event(spark, 'data'))[0]).toBe('longer than five');
  });

  it.each(TRANSFORMERS)(
    'idGenerator: without it, %s has ids of its framework if they are no key of a session, else of nanoid',
    async (transformer) => {
      const spark = await connectedSpark(transformer);
      const { id, conn } = spark.socket as { id?: string; conn?: { id: string } };
      // The ids of sockets of socket.io are public; those of their sessions are not.
      const own = transformer === 'sockjs' || transformer === 'socket.io';
      expect(spark.id === id).toBe(own);
      if (!own) expect(spark.id).toMatch(/^[\w-]{21}$/);
      if (conn) expect(spark.id).not.toBe(conn.id);
    },
  );
});

describe('spark.socket', () => {
  it.each([
    ['websockets', { readyState: 1, extensions: '' }],
    ['uws', { getUserData: expect.any(Function) }],
    ['engine.io', { transport: { name: expect.any(String) } }],
    ['socket.io', { handshake: { query: expect.anything() } }],
    ['sockjs', { protocol: 'websocket', prefix: '/primus' }],
    ['faye', { readyState: 1, version: 'hybi-13' }],
    ['browserchannel', { appVersion: null }],
  ])('is the socket of the framework, by %s', async (transformer, members) => {
    const spark = await connectedSpark(transformer);
    expect(spark.socket).toMatchObject(members);
  });
});

describe('spark.request', () => {
  it.each(TRANSFORMERS)('is the request of the handshake, with what middleware added, by %s', async (transformer) => {
    const { primus, connect } = await serve({ transformer });
    primus.use('user', (request, _response) => {
      Object.assign(request, { user: 'alice' });
    });
    primus.use('later', (request, _response, next) => {
      setImmediate(() => {
        Object.assign(request, { later: 1 });
        next();
      });
    });
    const announced = event(primus, 'connection');
    connect({}, '/?a=b');
    const [spark] = (await announced) as [Spark];
    expect(spark.request).toMatchObject({ user: 'alice', later: 1 });
    expect(spark.request.url).toMatch(/^\/primus.*[?&]a=b/);
    expect(spark.headers).toBe(spark.request.headers);
  });
});
