import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import type { Middleware, Spark } from '../../../src/index.js';
import { Layers } from '../../../src/server/middleware/layers.js';
import { event, serve, until } from '../../support/serve.js';
import { watchForCrashes } from '../crashes.js';
import { handshake, raw } from '../raw.js';

watchForCrashes();

/** The documented layers, in the documented order. */
const DEFAULTS = ['forwarded', 'cors', 'primus.js', 'spec', 'x-xss', 'no-cache', 'authorization'];

/** A server that logs nothing. */
const quiet = { host: { log() {} } };

const pass: Middleware = (_request, _response) => {};
const names = (layers: Layers) => layers.list.map(({ name }) => name);
const middlewareError = (text: string) =>
  expect.objectContaining({ code: 'ERR_PRIMUS_MIDDLEWARE', message: expect.stringContaining(text) });

describe('the list of layers', () => {
  it('keeps the order in which layers were added, or their index', () => {
    const layers = new Layers(quiet);
    layers.use('a', pass);
    layers.use('b', pass);
    layers.use('c', pass, {}, 1);
    layers.use('d', pass, 0);
    layers.use('e', pass, {}, 99);
    expect(names(layers)).toEqual(['d', 'a', 'c', 'b', 'e']);
    expect(['d', 'a', 'c', 'b', 'e', 'f'].map((name) => layers.indexOf(name))).toEqual([0, 1, 2, 3, 4, -1]);
  });

  it('replaces a layer of the same name in its place, enabled', () => {
    const layers = new Layers(quiet);
    for (const name of ['a', 'b', 'c']) layers.use(name, pass);
    layers.toggle('b', false);
    const other: Middleware = (_request, _response, _next) => {};
    layers.use('b', other, {}, 0);
    expect(names(layers)).toEqual(['a', 'b', 'c']);
    expect(layers.list[1]).toEqual({ name: 'b', fn: other, length: 3, enabled: true });
  });

  it('removes, enables and disables by name, and ignores unknown names', () => {
    const layers = new Layers(quiet);
    for (const name of ['a', 'b']) layers.use(name, pass);
    layers.remove('a');
    layers.remove('x');
    layers.toggle('b', false);
    layers.toggle('x', true);
    expect(layers.list).toMatchObject([{ name: 'b', enabled: false }]);
    layers.toggle('b', true);
    expect(layers.list).toMatchObject([{ name: 'b', enabled: true }]);
  });

  it('calls a function of fewer than two parameters to create the middleware, with the server as `this` and the very options', () => {
    const owner = { host: quiet.host };
    const options = { some: 'thing' };
    const seen: unknown[] = [];
    const layers = new Layers(owner);
    const factory = function (this: unknown, given?: unknown) {
      seen.push(this, given);
      return pass;
    };
    layers.use('a', factory, options);
    layers.use('b', factory);
    layers.use('c', factory, 0);
    expect(seen[0]).toBe(owner);
    expect(seen[1]).toBe(options);
    expect(seen.slice(2)).toEqual([owner, {}, owner, {}]);
    expect(names(layers)).toEqual(['c', 'a', 'b']);
    expect(layers.list[0]?.fn).toBe(pass);
  });

  it.each([[''], [undefined], [null], [1]])('rejects the name %o', (name) => {
    expect(() => new Layers(quiet).use(name, pass)).toThrow(middlewareError('name'));
  });

  it('takes the name of the function where none is given', () => {
    const layers = new Layers(quiet);
    layers.use(pass);
    layers.use((_request: unknown, _response: unknown) => {}, {}, 0);
    expect(names(layers)).toEqual(['layer 1', 'pass']);
  });

  it.each([
    [0, ['new', 'a', 'b']],
    [null, ['new', 'a', 'b']],
    ['1', ['a', 'new', 'b']],
    [1.5, ['a', 'new', 'b']],
    [99, ['a', 'b', 'new']],
    [-1, ['a', 'b', 'new']],
    [Number.NaN, ['a', 'b', 'new']],
    [undefined, ['a', 'b', 'new']],
  ])('adds a layer at the index %s as Primus 8 does', (index, expected) => {
    const layers = new Layers(quiet);
    for (const name of ['a', 'b']) layers.use(name, pass);
    layers.use('new', pass, {}, index);
    expect(names(layers)).toEqual(expected);
  });

  it.each<[unknown]>([[undefined], ['fn'], [{}], [() => {}], [() => 'x'], [() => () => {}], [() => (_request: unknown) => {}]])(
    'rejects %o as middleware, naming the layer',
    (fn) => {
      expect(() => new Layers(quiet).use('mine', fn)).toThrow(middlewareError("'mine'"));
    },
  );
});

describe('middleware', () => {
  /** A server with a layer, and what it answers. */
  async function start(layer: (served: Awaited<ReturnType<typeof serve>>) => void) {
    const served = await serve();
    layer(served);
    const get = async (path = '/primus/spec') => {
      const answer = await fetch(`${served.url}${path}`);
      return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
    };
    const upgrade = async () => (await (await raw(served.port)).send(handshake()).answer()).split('\r\n')[0];
    return { ...served, get, upgrade };
  }

  it('is called for requests and upgrades, with the server as `this`, in order', async () => {
    const seen: string[] = [];
    const { primus, get, upgrade } = await start(({ primus }) => {
      const note = (name: string): Middleware =>
        function (this: unknown, request, _response) {
          expect(this).toBe(primus);
          seen.push(`${name} ${request.headers.upgrade ?? 'plain'}`);
        };
      primus.use('second', note('second')).use('first', note('first'), {}, 0);
    });
    expect((await get()).status).toBe(200);
    // `spec` has answered before the second.
    expect(seen).toEqual(['first plain']);
    expect(await upgrade()).toContain('101');
    expect(seen).toEqual(['first plain', 'first websocket', 'second websocket']);
    expect(primus.layers.map(({ name }) => name)).toEqual(['first', ...DEFAULTS, 'second']);
  });

  it('stops the request by returning true, synchronously', async () => {
    const later = vi.fn(pass);
    const { get } = await start(({ primus }) => {
      primus.use(
        'answer',
        (_request, response) => {
          response.end('mine');
          return true;
        },
        {},
        0,
      );
      primus.use('later', (request, response) => void later(request, response, () => {}), {}, 1);
    });
    expect((await get()).text).toBe('mine');
    expect(later).not.toHaveBeenCalled();
  });

  it.each<[string, Middleware]>([
    ['by its callback', (_request, _response, next) => void setImmediate(next)],
    ['by its callback at once', (_request, _response, next) => next()],
    ['by its promise', async (_request, _response) => {}],
  ])('passes the request on %s', async (_name, fn) => {
    const { get, upgrade } = await start(({ primus }) => primus.use('wait', fn, {}, 0));
    expect((await get()).status).toBe(200);
    expect(await upgrade()).toContain('101');
  });

  it('that answers the request itself never needs to call back', async () => {
    const { get } = await start(({ primus }) => primus.use('answer', (_request, response, _next) => response.end('mine'), {}, 0));
    expect((await get()).text).toBe('mine');
  });

  it.each<[string, Middleware]>([
    ['an error', (_request, _response, next) => next(new Error('no "luck"\r\nX: y'))],
    ['an error later', (_request, _response, next) => void setImmediate(next, new Error('no "luck"\r\nX: y'))],
  ])('that passes %s to its callback is answered 500 with its message, for requests and upgrades', async (_name, fn) => {
    const { port, get, primus } = await start(({ primus }) => primus.use('bad', fn, {}, 0));
    expect(await get()).toEqual({ status: 500, type: 'application/json', text: JSON.stringify({ error: 'no "luck"\r\nX: y' }) });
    const peer = (await raw(port)).send(handshake());
    const head = await peer.answer();
    expect(head).toMatch(/^HTTP\/1\.1 500 /);
    expect(head).not.toMatch(/^X: y/m);
    expect(await peer.rest()).toBe(JSON.stringify({ error: 'no "luck"\r\nX: y' }));
    expect(primus.connected).toBe(0);
  });

  const SECRET = 'connect to postgres://root:secret@db failed';
  const accidents = (error: unknown): [string, Middleware][] => [
    [
      'throws',
      (_request, _response) => {
        throw error;
      },
    ],
    [
      'throws before it calls back',
      (_request, _response, _next) => {
        throw error;
      },
    ],
    ['rejects', async (_request, _response) => Promise.reject(error)],
    ['rejects, though it has a callback', async (_request, _response, _next) => Promise.reject(error)],
  ];

  it.each(accidents(new Error(SECRET)))('that %s is answered 500: the log has the reason, not the answer', async (_name, fn) => {
    const logged = vi.fn();
    const { port, get, primus } = await start(({ primus }) => primus.use('bad', fn, {}, 0));
    primus.on('log', logged);
    expect(await get()).toEqual({ status: 500, type: 'application/json', text: '{"error":"Internal Server Error"}' });
    const peer = (await raw(port)).send(handshake());
    expect(await peer.answer()).toMatch(/^HTTP\/1\.1 500 /);
    expect(await peer.rest()).toBe('{"error":"Internal Server Error"}');
    expect(logged.mock.calls).toEqual(Array(2).fill(['error', expect.objectContaining({ message: SECRET })]));
    expect(primus.connected).toBe(0);
  });

  it.each(accidents({ statusCode: 418, message: 'teapot' }))('that %s an error with a status is answered with it', async (_name, fn) => {
    const { get } = await start(({ primus }) => primus.use('bad', fn, {}, 0));
    expect(await get()).toMatchObject({ status: 418, text: '{"error":"teapot"}' });
  });

  it('that fails after it has answered has no effect', async () => {
    const { get, primus } = await start(({ primus }) =>
      primus.use(
        'bad',
        (_request, response) => {
          response.end('answered');
          throw new Error('too late');
        },
        {},
        0,
      ),
    );
    expect((await get()).text).toBe('answered');
    primus.remove('bad');
    expect((await get()).status).toBe(200);
  });

  it('that fails in the middle of its answer cuts the answer short', async () => {
    const { url, primus } = await start(({ primus }) =>
      primus.use(
        'bad',
        (_request, response) => {
          response.write('half');
          throw new Error('too late');
        },
        {},
        0,
      ),
    );
    await expect(fetch(`${url}/primus/spec`).then((answer) => answer.text())).rejects.toThrow();
    expect(primus.connected).toBe(0);
  });

  it('with upgrade: false or http: false is not called for those', async () => {
    const seen: string[] = [];
    const note = (name: string) => (request: IncomingMessage, _response: ServerResponse) =>
      void seen.push(`${name} ${request.headers.upgrade ?? 'plain'}`);
    const { get, upgrade } = await start(({ primus }) => {
      primus.use('plain only', Object.assign(note('plain only'), { upgrade: false }), {}, 0);
      primus.use('upgrade only', Object.assign(note('upgrade only'), { http: false }), {}, 0);
      primus.use('made', () => Object.assign(note('made'), { upgrade: false }), {}, 0);
    });
    await get();
    await upgrade();
    expect(seen).toEqual(['made plain', 'plain only plain', 'upgrade only websocket']);
  });

  it('that is disabled or removed is not called; one that is enabled again is', async () => {
    const { get, primus } = await start(({ primus }) => primus.use('answer', (_request, response) => Boolean(response.end('mine')), {}, 0));
    expect((await get()).text).toBe('mine');
    primus.disable('answer');
    expect((await get()).status).toBe(200);
    expect((await get()).text).not.toBe('mine');
    primus.enable('answer');
    expect((await get()).text).toBe('mine');
    primus.remove('answer').remove('spec');
    expect((await get()).status).toBe(426);
    expect(primus.indexOfLayer('answer')).toBe(-1);
  });

  it('that rejects an upgrade itself prevents the connection', async () => {
    const { upgrade, primus } = await start(({ primus }) =>
      primus.use('refuse', (_request, socket) => {
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
        return true;
      }),
    );
    expect(await upgrade()).toBe('HTTP/1.1 403 Forbidden');
    expect(primus.connected).toBe(0);
  });

  it('answers an upgrade as it answers any other request', async () => {
    const { get, port, primus } = await start(({ primus }) =>
      primus.use(
        'deny',
        () => (_request: IncomingMessage, response: ServerResponse) => {
          response.statusCode = 403;
          response.setHeader('X-Who', 'layer');
          response.end('no');
        },
        0,
      ),
    );
    const peer = (await raw(port)).send(handshake());
    const head = await peer.answer();
    expect(head).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
    expect(head).toMatch(/\r\nX-Who: layer\r\n/i);
    expect(head).toMatch(/\r\nConnection: close/i);
    expect(await peer.rest()).toBe('no');
    expect((await get()).text).toBe('no');
    expect(primus.connected).toBe(0);
  });

  it('answers an upgrade with a large body, with back-pressure', async () => {
    const body = Buffer.alloc(4_000_000, 'x');
    const { port } = await start(({ primus }) =>
      primus.use(
        'file',
        (_request, response, _next) => void Readable.from([body.subarray(0, 3_000_000), body.subarray(3_000_000)]).pipe(response),
      ),
    );
    const peer = (await raw(port)).send(handshake());
    expect(await peer.answer()).toMatch(/^HTTP\/1.1 200 OK/);
    expect((await peer.rest()).match(/x/g)).toHaveLength(body.length);
  });

  it('that sets headers of an upgrade, or answers it too late, does not change the connection', async () => {
    let late: (() => void) | undefined;
    const { port, primus } = await start(({ primus }) =>
      primus.use('headers', (_request, response) => {
        response.setHeader('X-Who', 'layer');
        late = () => response.end('too late');
      }),
    );
    const connected = event(primus, 'connection');
    const peer = (await raw(port)).send(handshake());
    expect(await peer.answer()).toMatch(/^HTTP\/1.1 101 /);
    const [spark] = (await connected) as [Spark];
    late?.();
    spark.write('hello');
    expect(`${(await peer.frame()).payload}`).toBe('"hello"');
  });

  it('that fails in the middle of its answer to an upgrade cuts the answer short', async () => {
    const { port, primus } = await start(({ primus }) =>
      primus.use('bad', (_request, response) => {
        response.write('half');
        throw new Error('too late');
      }),
    );
    const peer = (await raw(port)).send(handshake());
    expect(await peer.rest()).not.toContain('too late');
    expect(primus.connected).toBe(0);
  });

  it('with raw: true gets the socket of an upgrade', async () => {
    const seen: unknown[] = [];
    const layer = (request: IncomingMessage, response: unknown) => void seen.push(response === request.socket);
    const { upgrade, get } = await start(({ primus }) => primus.use('raw', Object.assign(layer, { raw: true }), 0));
    await upgrade();
    await get();
    expect(seen).toEqual([true, false]);
  });

  it('that waits for a client which resets its connection has no effect', async () => {
    let waiting: (() => void) | undefined;
    const served = await start(({ primus }) =>
      primus.use('wait', (_request, _response, next) => {
        waiting = next;
      }),
    );
    const peer = (await raw(served.port)).send(handshake());
    await until(() => waiting !== undefined);
    peer.socket.resetAndDestroy();
    // By the time of a whole exchange the server has seen the reset.
    await served.get();
    waiting?.();
    served.primus.remove('wait');
    await event(served.connect(), 'open');
    expect(served.primus.connected).toBe(1);
  });
});
