import { once } from 'node:events';
import { createServer, type RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Primus } from '../../src/index.js';
import { exchanges } from '../../src/server/http/attach.js';
import { cleanup, event, until } from '../support/serve.js';
import { handshake, raw } from './raw.js';

/** An HTTP server that listens, with what it answers at a path. */
async function http(...given: (Server | RequestListener)[]) {
  const server = given.find((entry) => entry instanceof Server) ?? createServer();
  const listeners = given.filter((entry) => typeof entry === 'function');
  for (const listener of listeners) server.on('request', listener);
  const listen = async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup(
      () =>
        new Promise((resolve) => {
          server.close(resolve);
          server.closeAllConnections();
        }),
    );
    return (server.address() as AddressInfo).port;
  };
  const port = await listen();
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
    return { status: answer.status, text: await answer.text() };
  };
  return { server, port, get };
}

/** Takes a path of a server, and answers what arrives there with a word. */
function take(server: Server, pathname: string, word: string) {
  const seen: string[] = [];
  const subscription = exchanges(server, pathname).subscribe((exchange) => {
    seen.push(`${exchange.kind} ${exchange.request.url}`);
    if (exchange.kind === 'request') exchange.response.end(word);
    else exchange.socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${word}`);
  });
  return { seen, subscription };
}

/** A server with an HTTP server of its own, which listens. */
const created = (transformer = 'websockets') => Primus.createServer({ port: 0, transformer, iknowhttpsisbetter: true });

const app: RequestListener = (request, response) => response.end(`app ${request.url}`);

describe('exchanges', () => {
  it('emits requests on the path and below it, and no others', async () => {
    const { server, get } = await http(app);
    take(server, '/primus', 'ours');
    for (const path of ['/primus', '/primus/', '/primus?a=b', '/primus/x/y', '/primus/..%2f', '/primus/?']) {
      expect(await get(path), path).toEqual({ status: 200, text: 'ours' });
    }
    for (const path of ['/primusfoo', '/primus.js', '/Primus', '/%70rimus', '/primus%2fx', '/a/primus', '/', '/?/primus']) {
      expect((await get(path)).text, path).toBe(`app ${path}`);
    }
  });

  it('emits every request of a server at the path /', async () => {
    const { server, get } = await http(app);
    take(server, '/', 'ours');
    for (const path of ['/', '/?a=b', '/x', '/primus/x']) expect((await get(path)).text, path).toBe('ours');
  });

  it('leaves other requests to the listeners of the server, including those added later', async () => {
    const { server, get } = await http();
    take(server, '/primus', 'ours');
    expect((await get('/other')).status).toBe(404);
    server.on('request', app);
    expect((await get('/other')).text).toBe('app /other');
    expect((await get('/primus')).text).toBe('ours');
  });

  it('emits a request once, and to no other listener', async () => {
    const seen: string[] = [];
    const { server, get } = await http((request, response) => {
      seen.push(request.url ?? '');
      app(request, response);
    });
    take(server, '/primus', 'ours');
    await get('/primus');
    await get('/other');
    expect(seen).toEqual(['/other']);
  });

  it('lets two paths share one server, and releases one without the other', async () => {
    const { server, get } = await http(app);
    const first = take(server, '/a', 'first');
    const second = take(server, '/b', 'second');
    expect([(await get('/a')).text, (await get('/b')).text, (await get('/c')).text]).toEqual(['first', 'second', 'app /c']);
    first.subscription.unsubscribe();
    expect([(await get('/a')).text, (await get('/b')).text]).toEqual(['app /a', 'second']);
    second.subscription.unsubscribe();
    expect((await get('/b')).text).toBe('app /b');
  });

  it('restores the server when it is unsubscribed from', async () => {
    const { server } = await http(app);
    const { emit } = server;
    const own = Object.hasOwn(server, 'emit');
    const listeners = () => ['request', 'upgrade', 'close', 'listening'].map((name) => server.listeners(name));
    const before = listeners();
    const { subscription } = take(server, '/primus', 'ours');
    subscription.unsubscribe();
    expect(server.emit).toBe(emit);
    expect(Object.hasOwn(server, 'emit')).toBe(own);
    expect(listeners()).toEqual(before);
  });

  it('restores an `emit` that was replaced before, and keeps one that was replaced since', async () => {
    const { server, get } = await http(app);
    const { emit } = server;
    const before = function (this: Server, ...args: Parameters<Server['emit']>) {
      return emit.apply(this, args);
    } as Server['emit'];
    server.emit = before;
    const first = take(server, '/primus', 'ours');
    first.subscription.unsubscribe();
    expect(server.emit).toBe(before);
    const second = take(server, '/primus', 'ours');
    const ours = server.emit;
    const since = function (this: Server, ...args: Parameters<Server['emit']>) {
      return ours.apply(this, args);
    } as Server['emit'];
    server.emit = since;
    second.subscription.unsubscribe();
    expect(server.emit).toBe(since);
    expect((await get('/primus')).text).toBe('app /primus');
  });

  it('emits the upgrades on its path', async () => {
    const { server, port } = await http();
    const { seen } = take(server, '/primus', 'ours');
    const peer = (await raw(port)).send(handshake('/primus/?a=b'));
    expect(await peer.answer()).toContain('200 OK');
    expect(seen).toEqual(['upgrade /primus/?a=b']);
  });

  it.each([
    ['/other', 404],
    ['/primusfoo', 404],
    ['http://host/other', 404],
    ['http:/primus', 400],
    ['ftp://host/primus', 400],
    ['//host/primus', 400],
    ['*', 400],
    ['%', 400],
  ])('rejects an upgrade to %s without another listener with %i, and closes its connection', async (target, status) => {
    const { server, port } = await http(app);
    take(server, '/primus', 'ours');
    const peer = (await raw(port)).send(handshake(target));
    expect(await peer.answer()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*\\r\\n`));
    // The server does not wait for the client to close its socket.
    await peer.rest();
  });

  it.each(['http://host/primus/?a=b', 'HTTPS://host:81/primus/?a=b', 'http://user:%@host/primus/?a=b', 'http:///primus/?a=b'])(
    'emits the absolute-form target %s, reduced to its path',
    async (target) => {
      const { server, port } = await http();
      const { seen } = take(server, '/primus', 'ours');
      expect(await (await raw(port)).send(handshake(target)).answer()).toContain('200 OK');
      expect(seen).toEqual(['upgrade /primus/?a=b']);
    },
  );

  it('reduces an absolute-form target without a path to the path /', async () => {
    const { server, port } = await http();
    const { seen } = take(server, '/', 'ours');
    for (const target of ['http://host', 'http://host?a=b'])
      expect(await (await raw(port)).send(handshake(target)).answer()).toContain('200 OK');
    expect(seen).toEqual(['upgrade /', 'upgrade /?a=b']);
  });

  it('gives a request to the longest path that matches, and of equal paths to the newest', async () => {
    const { server, get } = await http(app);
    for (const [path, word] of [
      ['/a', 'oldest'],
      ['/a/b', 'long'],
      ['/', 'root'],
      ['/a', 'newest'],
    ] as const)
      take(server, path, word);
    const answers = await Promise.all(['/a', '/a/x', '/a/b', '/a/b/x', '/ab', '/'].map(async (path) => (await get(path)).text));
    expect(answers).toEqual(['newest', 'newest', 'long', 'long', 'root', 'root']);
  });

  it('passes events through the `emit` of a subclass with private members, with the server as `this`', async () => {
    class Monitored extends Server {
      #seen: string[] = [];
      override emit(event: string, ...args: never[]): boolean {
        this.#seen.push(event);
        return super.emit(event, ...args);
      }
      count(event: string) {
        return this.#seen.filter((seen) => seen === event).length;
      }
    }
    const { server, port, get } = await http(new Monitored(), app);
    take(server, '/primus', 'ours');
    expect([(await get('/primus')).text, (await get('/other')).text]).toEqual(['ours', 'app /other']);
    await (await raw(port)).send(handshake('/primus')).answer();
    expect(['request', 'upgrade'].map((event) => (server as Monitored).count(event))).toEqual([2, 1]);
  });

  it('passes events through an `emit` of the prototype that was wrapped later', async () => {
    const parent = Object.create(Server.prototype) as Server;
    const { server, get } = await http(Object.setPrototypeOf(createServer(), parent) as Server, app);
    take(server, '/primus', 'ours');
    const seen: unknown[] = [];
    parent.emit = function (this: Server, event: string, ...args: never[]) {
      seen.push(event);
      return Server.prototype.emit.apply(this, [event, ...args] as never);
    } as Server['emit'];
    expect((await get('/primus')).text).toBe('ours');
    expect(seen).toContain('request');
  });

  it('keeps the listeners that are added and removed while it handles a request', async () => {
    const { server, get } = await http(app);
    const late: RequestListener = (_request, response) => response.end('late');
    exchanges(server, '/primus').subscribe((exchange) => {
      server.removeListener('request', app);
      server.on('request', late);
      if (exchange.kind === 'request') exchange.response.end('ours');
    });
    expect((await get('/primus')).text).toBe('ours');
    expect((await get('/other')).text).toBe('late');
  });

  it('hides requests from other listeners again after an `emit` of the server has thrown', async () => {
    const { server, get } = await http(app);
    const failing = {
      emit() {
        throw new Error('a tool failed');
      },
    };
    const prototype = Object.getPrototypeOf(server);
    take(server, '/primus', 'ours');
    const listeners = server.listeners('request');
    Object.setPrototypeOf(server, Object.setPrototypeOf(failing, prototype));
    expect(() => server.emit('request', { url: '/primus' } as never, {} as never)).toThrow('a tool failed');
    Object.setPrototypeOf(server, prototype);
    expect(server.listeners('request')).toEqual(listeners);
    expect((await get('/other')).text).toBe('app /other');
  });

  it('leaves other upgrades to other listeners where there are any', async () => {
    const { server, port } = await http();
    take(server, '/primus', 'ours');
    server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
    const peer = (await raw(port)).send(handshake('/other'));
    expect(await peer.answer()).toBe('HTTP/1.1 200 OK');
  });
});

describe('two servers on one HTTP server', () => {
  it('with one path: the newer one takes over, and the older one logs it once', async () => {
    const { server, get } = await http(app);
    const log: unknown[] = [];
    const [older, newer] = ['a', 'b'].map((name) => {
      const primus = new Primus(server, { pathname: '/same' });
      primus.on('log', (...entry) => log.push([name, ...entry]));
      return primus;
    }) as [Primus, Primus];
    const other = new Primus(server, { pathname: '/same/but/longer' });
    expect(log).toEqual([['a', 'warning', expect.stringContaining('/same of the same HTTP server')]]);
    expect(JSON.parse((await get('/same/spec')).text)).toMatchObject({ pathname: '/same' });
    await newer.destroy({ close: false });
    expect(JSON.parse((await get('/same/spec')).text)).toMatchObject({ pathname: '/same' });
    await Promise.all([older, other].map((primus) => primus.destroy({ close: false })));
    expect((await get('/same/spec')).text).toBe('app /same/spec');
    expect(log).toHaveLength(1);
  });

  it.each([
    ['an HTTP server', 'websockets', () => createServer()],
    ['the HTTP server of createServer', 'websockets', () => created()],
    ['an HTTP server', 'uws', () => createServer()],
    ['the HTTP server of createServer', 'uws', () => created('uws')],
  ])('with one path of %s: the newer one gets the connections, by %s', async (_what, transformer, make) => {
    const made = make();
    const [server, older] = made instanceof Primus ? [made.server as Server, made] : [made, new Primus(made, { transformer })];
    const log: unknown[] = [];
    older.on('log', (...entry) => log.push(entry));
    const newer = new Primus(server, { transformer });
    for (const primus of [newer, older]) cleanup(() => primus.destroy({ close: primus === older }));
    expect(log).toEqual([['warning', expect.stringContaining('/primus of the same HTTP server')]]);
    if (server === made) server.listen(0);
    await until(() => server.address() !== null);
    const url = `http://localhost:${(server.address() as AddressInfo).port}`;
    const connect = async (from: Primus) => {
      const client = new from.Socket(url);
      cleanup(() => client.destroy());
      await event(client, 'open');
      return client;
    };
    await connect(older);
    expect([older.connected, newer.connected]).toEqual([0, 1]);
    await newer.destroy({ close: false });
    await connect(older);
    expect(older.connected).toBe(1);
    expect(log).toHaveLength(1);
  });

  it('each serve their own path, and destroying one keeps the other', async () => {
    const { server, port, get } = await http(app);
    const first = new Primus(server, { pathname: '/first' });
    const second = new Primus(server, { pathname: '/second/' });
    cleanup(() => new Promise<void>((resolve) => second.destroy({ close: false }, resolve)));
    const client = new second.Socket(`http://127.0.0.1:${port}`);
    cleanup(() => client.destroy());
    await event(client, 'open');
    expect([first.connected, second.connected]).toEqual([0, 1]);
    expect(JSON.parse((await get('/first/spec')).text)).toMatchObject({ pathname: '/first' });
    await new Promise<void>((resolve) => first.destroy({ close: false }, resolve));
    expect((await get('/first/spec')).text).toBe('app /first/spec');
    expect(JSON.parse((await get('/second/spec')).text)).toMatchObject({ pathname: '/second' });
    const echo = event(client, 'data');
    second.write('still here');
    expect((await echo)[0]).toBe('still here');
  });
});
