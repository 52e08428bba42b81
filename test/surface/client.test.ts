import { createServer, type IncomingMessage } from 'node:http';
import { Readable, Stream, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { configure } from '../../client/primus.js';
import { dropped } from '../../src/core/errors.js';
import { Primus, type Spark } from '../../src/index.js';
import { event, roundTrips, serve, until } from '../support/serve.js';

// The client as the documents show it.

describe('connecting', () => {
  it('Primus.connect is the same as new', async () => {
    const { primus, url } = await serve();
    const { Socket } = primus;
    const client = Socket.connect(url, { manual: true });
    expect(client).toBeInstanceOf(Socket);
    const opened = event(client, 'open');
    client.open();
    await opened;
    client.destroy();
  });

  it('pathname: defaults to that of the class', () => {
    const Client = Primus.createSocket();
    const path = (options: object) => {
      const client = new Client('http://localhost', { manual: true, ...options });
      client.destroy();
      return client.pathname;
    };
    expect([path({}), path({ pathname: '/live' }), path({ pathname: 'a/b/' })]).toEqual(['/primus', '/live', '/a/b']);
    expect(() => path({ pathname: '/live?x' })).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });

  it('connects to the origin of the page when no address is given', () => {
    const { parts, configuration } = Primus.createSocket();
    const Client = configure({ ...parts, platform: { ...parts.platform, origin: 'https://page.example:8443' } }, configuration);
    for (const client of [new Client({ manual: true }), new Client(null, { manual: true }), new Client('', { manual: true })]) {
      expect(client.url.origin).toBe('https://page.example:8443');
      client.destroy();
    }
  });

  it('createSocket creates a client class that fits a remote server, plugins included', async () => {
    const { primus, url } = await serve({ transformer: 'engine.io', pathname: '/live' });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const spec = (await (await fetch(`${url}/live/spec`)).json()) as { transformer: string; parser: string; pathname: string };
    const plugin = {
      shout: {
        client(client: { transform(direction: string, fn: (packet: { data: unknown }) => void): void }) {
          client.transform('outgoing', (packet) => {
            packet.data = String(packet.data).toUpperCase();
          });
        },
      },
    };
    const Socket = Primus.createSocket({ ...spec, plugin: plugin as never });
    const client = new Socket(url);
    client.write('hello');
    expect((await event(client, 'data'))[0]).toBe('HELLO');
    client.destroy();
  });
});

describe('primus.Socket', () => {
  it('has the pathname, the transformer and the parser of its server', async () => {
    const { primus, connect } = await serve({ transformer: 'engine.io', parser: 'ejson', pathname: '/live' });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write([data, spark.request.url?.split('?')[0]])));
    const client = connect();
    const received = event(client, 'data');
    client.write(new Date(0));
    expect((await received)[0]).toEqual([new Date(0), '/live/']);
    expect((client.socket as { transport: { name: string } }).transport.name).toMatch(/polling|websocket/);
  });
});

describe('transport', () => {
  it.each(['websockets', 'uws', 'faye'])('has the options of ws in Node.js, by %s', async (transformer) => {
    const { primus, connect } = await serve({ transformer });
    const announced = event(primus, 'connection');
    connect({ transport: { headers: { 'X-Own': '1' } } });
    expect(((await announced) as [Spark])[0].headers).toMatchObject({ 'x-own': '1' });
  });

  it.each([
    ['engine.io', { transports: ['polling'], upgrade: false, path: '/other', extraHeaders: { 'X-Own': '1' } }],
    ['socket.io', { transports: ['polling'], upgrade: false, path: '/other', extraHeaders: { 'X-Own': '1' } }],
    ['sockjs', { transports: ['xhr-polling'] }],
    ['browserchannel', { extraHeaders: { 'X-Own': '1' } }],
  ])('is passed to the client of %s, which keeps the path of its server', async (transformer, transport) => {
    const { primus, connect, url, server } = await serve({ transformer });
    const asked: string[] = [];
    const emit = server.emit as (name: string, ...args: unknown[]) => boolean;
    server.emit = function (this: typeof server, name: string, ...args: never[]) {
      const { url, headers } = (args[0] ?? {}) as IncomingMessage;
      if (name === 'request') asked.push(`request ${url?.split('?')[0]} ${headers['x-own'] ?? ''}`.trim());
      if (name === 'upgrade') asked.push('upgrade');
      return emit.call(this, name, ...args);
    } as never;
    const announced = event(primus, 'connection');
    const client = connect({ transport });
    const [spark] = (await announced) as [Spark];
    const received = event(spark, 'data');
    client.write('hello');
    expect((await received)[0]).toBe('hello');
    await roundTrips(url);
    expect(asked).not.toContain('upgrade');
    expect(asked.every((one) => one.startsWith('request /primus'))).toBe(true);
    if ('extraHeaders' in transport) expect(asked[0]).toMatch(/ 1$/);
  });
});

describe('options that are `undefined` or `null`', () => {
  it.each([undefined, null])('%s is what the server has', (nothing) => {
    const primus = new Primus(createServer(), { pingInterval: '60 s', authorization: (_request, next) => next() });
    const of = (Socket: typeof primus.Socket, options: object) => {
      const client = new Socket('http://localhost', { manual: true, ...options });
      client.destroy();
      return [client.options.pingTimeout, client.options.strategy];
    };
    const none = { pingTimeout: nothing, strategy: nothing };
    expect(of(primus.Socket, none)).toEqual([90_000, 'disconnect,online']);
    expect(of(primus.Socket, { strategy: [] })).toEqual([90_000, 'disconnect,online']);
    expect(of(primus.Socket, { pingTimeout: 5, strategy: '' })).toEqual([5, '']);
    expect(of(Primus.createSocket(none as never), {})).toEqual([false, 'disconnect,online,timeout']);
    primus.destroy();
  });
});

describe('a client in Node', () => {
  it('is a stream that can be piped from and into', async () => {
    const { primus, connect } = await serve();
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(`echo ${data}`)));
    const client = connect();
    expect(client).toBeInstanceOf(Stream);
    const got: unknown[] = [];
    const sink = new Writable({
      objectMode: true,
      write(data, _encoding, done) {
        got.push(data);
        done();
      },
    });
    (client as unknown as Stream).pipe(sink);
    Readable.from(['a', 'b', 'c']).pipe(client as never, { end: false });
    await until(() => got.length === 3);
    expect(got).toEqual(['echo a', 'echo b', 'echo c']);
  });

  it('ends its connection with the readable that is piped into it, and the writable with its connection', async () => {
    const { primus, connect } = await serve();
    const heard: unknown[] = [];
    primus.on('connection', (spark) => spark.on('data', (data) => heard.push(data)));
    const client = connect();
    const sink = new Writable({ objectMode: true, write: (_data, _encoding, done) => done() });
    const closed = event(sink, 'close');
    (client as unknown as Stream).pipe(sink);
    await event(client, 'open');
    Readable.from(['a', 'b']).pipe(client as never);
    await closed;
    await until(() => primus.connected === 0);
    expect(heard).toEqual(['a', 'b']);
    expect(sink.destroyed).toBe(true);
  });
});

describe('end', () => {
  it('makes no further attempt, and another client of the same class connects', async () => {
    const { primus, connect } = await serve();
    const client = connect({ reconnect: { min: 1 } });
    await event(client, 'open');
    const seen: string[] = [];
    for (const name of ['close', 'end', 'reconnect scheduled']) client.on(name as 'end', () => seen.push(name));
    client.end();
    await until(() => primus.connected === 0);
    const another = connect();
    await event(another, 'open');
    expect(seen).toEqual(['close', 'end']);
    expect([client.readyState, another.readyState, primus.connected]).toEqual([2, 3, 1]);
    client.open();
    await until(() => primus.connected === 2 && client.readyState === 3);
  });

  it('stops the attempts of a client that waits to reconnect', async () => {
    const { primus, connect } = await serve();
    const client = connect({ reconnect: { min: 60_000 } });
    await event(client, 'open');
    const scheduled = event(client, 'reconnect scheduled');
    primus.forEach((spark) => void spark.connection.terminate(dropped()));
    await scheduled;
    const ended = event(client, 'end');
    client.end();
    await ended;
    expect([client.state.name, primus.connected]).toEqual(['closed', 0]);
  });
});

describe('reserved', () => {
  it('prevents that data of a peer is emitted as an internal event, on every object', async () => {
    const { primus, connect } = await serve();
    const announced = event(primus, 'connection');
    const client = connect();
    const [spark] = (await announced) as [Spark];
    const emitted: unknown[] = [];
    for (const emitter of [spark, client] as unknown as Spark[]) {
      emitter.on('data', ({ args }: { args: [string, ...unknown[]] }) => {
        if (emitter.reserved(args[0])) return;
        (emitter as { emit(...args: unknown[]): boolean }).emit(...args);
      });
      emitter.on('chat' as 'data', (text: unknown) => emitted.push(text));
      emitter.on('end', () => emitted.push('end'));
    }
    for (const event of ['end', 'incoming::end', 'chat']) {
      client.write({ args: [event, 'to the spark'] });
      spark.write({ args: [event, 'to the client'] });
    }
    await until(() => emitted.length === 2);
    expect(emitted.sort()).toEqual(['to the client', 'to the spark']);
    expect([primus, spark, client].map((emitter) => emitter.reserved('incoming::data'))).toEqual([true, true, true]);
    expect(primus.reserved('connection')).toBe(true);
  });
});
