import { get } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { Primus as Client } from '../../src/client-node.js';
import { type Middleware, type Primus, Primus as PrimusServer, type ServerOptions, type Spark } from '../../src/index.js';
import { Clock } from '../support/clock.js';
import { cleanup, event, roundTrips, serve, until } from '../support/serve.js';
import { watchForCrashes } from './crashes.js';
import { handshake, raw } from './raw.js';

type Authorize = Exclude<ServerOptions['authorization'], null | undefined | false>;

watchForCrashes();

/** Returns the answers to a request and an upgrade; `challenge` is the `WWW-Authenticate` header. */
async function asked(authorization: Authorize, options: ServerOptions = {}) {
  const served = await serve({ authorization, ...options });
  const plain = await fetch(`${served.url}/primus/anything`);
  const peer = (await raw(served.port)).send(handshake());
  const head = await peer.answer();
  const upgrade = {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
    challenge: /^www-authenticate: (.*)$/im.exec(head)?.[1] ?? null,
    body: head.includes(' 101 ') ? '' : await peer.rest(),
  };
  const http = { status: plain.status, challenge: plain.headers.get('www-authenticate'), body: await plain.text() };
  return { ...served, head, upgrade, http, type: plain.headers.get('content-type') };
}

const circular: { message?: unknown } = {};
circular.message = circular;

const hostile = Object.defineProperty({}, 'statusCode', {
  get() {
    throw new Error('not yours');
  },
});

describe('authorization', () => {
  it.each<[string, Authorize]>([
    ['done()', (_request, done) => done()],
    ['done(null)', (_request, done) => done(null)],
    ['done(undefined)', (_request, done) => done(undefined)],
    ['done() later', (_request, done) => void setImmediate(done)],
    ['done() of a wrapper with rest parameters', (...values: Parameters<Authorize>) => values[1]()],
    [
      'done() of an async function',
      async (_request, done) => {
        await Promise.resolve();
        done();
      },
    ],
  ])('accepts a request by %s', async (_name, authorization) => {
    const { http, upgrade, primus } = await asked(authorization);
    // What the transformer says to a plain request.
    expect(http.status).toBe(426);
    expect(upgrade.status).toBe(101);
    await until(() => primus.connected === 1);
  });

  it.each<[string, unknown]>([
    ['an object', { name: 'ada' }],
    ['null', null],
    ['false', false],
    ['0', 0],
    ['an empty string', ''],
    ['a function', () => {}],
  ])('passes the second argument of done() on as spark.data: %s', async (_name, data) => {
    const { primus, connect } = await serve({ authorization: (_request, done) => done(null, data) });
    const connected = event(primus, 'connection');
    connect();
    const [spark] = (await connected) as [Spark];
    expect(spark.data).toBe(data);
    expect(new primus.Spark({}, {}, {}, 'x', spark.request).data).toBe(data);
  });

  it('has no spark.data without one, and takes only that of the first call', async () => {
    const calls: ((done: (...args: unknown[]) => void) => void)[] = [
      (done) => done(),
      (done) => {
        done(null, 1);
        done(null, 2);
      },
      (done) => {
        done(null);
        done(null, 2);
      },
    ];
    const { primus, connect } = await serve({ authorization: (_request, done) => calls.shift()?.(done) });
    const found: unknown[] = [];
    primus.on('connection', (spark) => found.push('data' in spark ? spark.data : 'none'));
    for (let count = 1; count <= 3; count++) {
      connect();
      await until(() => found.length === count);
    }
    expect(found).toEqual(['none', 1, 'none']);
  });

  it.each<[string, unknown, unknown]>([
    ['an object', { name: 'ada' }, { name: 'ada' }],
    ['a string', 'ada', 'ada'],
    ['true', true, undefined],
  ])('accepts a request with what an async function of one parameter returns: %s', async (_name, found, data) => {
    const { primus, connect } = await serve({ authorization: async (_request: unknown) => found });
    const connected = event(primus, 'connection');
    connect();
    const [spark] = (await connected) as [Spark];
    expect(spark.data).toEqual(data);
  });

  it.each<[string, () => unknown, number, unknown]>([
    ['null', () => null, 401, 'Unauthorized'],
    ['false', () => false, 401, 'Unauthorized'],
    ['an empty string', () => '', 401, 'Unauthorized'],
    ['0', () => 0, 401, 'Unauthorized'],
    ['an Error', () => new Error('no'), 401, 'no'],
    ['an Error with a status', () => Object.assign(new Error('no'), { statusCode: 403 }), 403, 'no'],
    ['nothing', () => undefined, 500, 'Internal Server Error'],
    [
      'an exception',
      () => {
        throw new Error('secret');
      },
      500,
      'Internal Server Error',
    ],
    [
      'an exception with a status',
      () => {
        throw Object.assign(new Error('no'), { statusCode: 403 });
      },
      403,
      'no',
    ],
  ])('rejects a request with what an async function of one parameter returns: %s', async (_name, answer, status, error) => {
    const { http, upgrade, primus } = await asked(async (_request) => answer());
    expect([http.status, JSON.parse(http.body), upgrade.status]).toEqual([status, { error }, status]);
    expect(primus.connected).toBe(0);
  });

  it('says in the log that a function has returned nothing', async () => {
    const { primus, url } = await serve({ authorization: async (_request: unknown) => {} });
    const log: string[] = [];
    primus.on('log', (...values: unknown[]) => log.push(values.join(' ')));
    await fetch(`${url}/primus/anything`);
    expect(log.filter((entry) => entry.includes('returned nothing'))).toHaveLength(1);
  });

  it.each<[string, unknown]>([
    ['a function of one parameter', (_request: unknown) => true],
    ['a function of one parameter that returns a promise', (_request: unknown) => Promise.resolve(true)],
    ['an async function without parameters', async () => true],
    ['an async generator', async function* (_request: unknown) {}],
  ])('refuses %s', async (_name, fn) => {
    const { primus } = await serve();
    expect(() => primus.authorize(fn as Authorize)).toThrow(/async function of \(request\)/);
  });

  it('does not accept a request because of what the promise of a function with `done` resolves to', async () => {
    const clock = new Clock();
    const { url } = await serve({ authorization: async (_request, _done) => ({ name: 'mallory' }), scheduler: clock });
    const answer = fetch(`${url}/primus/anything`);
    await roundTrips(url);
    clock.advance(10_000);
    expect((await answer).status).toBe(503);
  });

  it.each<[string, unknown, number, unknown, string | null]>([
    ['a string', 'go away', 401, 'go away', null],
    ['an object', { statusCode: 403, message: 'Go away!' }, 403, 'Go away!', null],
    [
      'a challenge',
      { message: 'Authentication required', authenticate: 'Basic realm="x"' },
      401,
      'Authentication required',
      'Basic realm="x"',
    ],
    ['a challenge with another status', { statusCode: 403, message: 'no', authenticate: 'Basic realm="x"' }, 403, 'no', null],
    ['an Error', new Error('boom'), 401, 'boom', null],
    ['an Error with a status', Object.assign(new Error('boom'), { statusCode: 500 }), 500, 'boom', null],
    ['a message that is data', { message: { code: 7, why: ['a'] } }, 401, { code: 7, why: ['a'] }, null],
    ['a status as a string', { statusCode: '403', message: 'no' }, 403, 'no', null],
    ['nothing in an object', {}, 401, 'Unauthorized', null],
    ['a number', 5, 401, 5, null],
    ['true', true, 401, 'Unauthorized', null],
    ['an empty text', '', 401, 'Unauthorized', null],
    ['false', false, 401, 'Unauthorized', null],
    ['0', 0, 401, 'Unauthorized', null],
    ['NaN', Number.NaN, 401, 'Unauthorized', null],
    ['0n', 0n, 401, 'Unauthorized', null],
    ['a BigInt', 5n, 401, 'Unauthorized', null],
    ['a symbol', Symbol('no'), 401, 'Unauthorized', null],
    ['a function', () => {}, 401, 'Unauthorized', null],
    ['a status beyond HTTP', { statusCode: 1000, message: 'no' }, 401, 'no', null],
    ['a status that says yes', { statusCode: 101, message: 'no' }, 401, 'no', null],
    ['a status that says OK', { statusCode: 200, message: 'no' }, 401, 'no', null],
    ['a status that is half', { statusCode: 401.5, message: 'no' }, 401, 'no', null],
    ['a status that is a word', { statusCode: 'abc', message: 'no' }, 401, 'no', null],
    ['a status that is an object', { statusCode: { valueOf: () => 403 }, message: 'no' }, 401, 'no', null],
    ['a circular message', circular, 401, 'Unauthorized', null],
    ['a message that is a BigInt', { statusCode: 403, message: 1n }, 403, 'Forbidden', null],
    ['a message with line breaks', { message: 'a\r\nX-Forged: 1' }, 401, 'a\r\nX-Forged: 1', null],
    ['a challenge with line breaks', { message: 'no', authenticate: 'Basic\r\nX-Forged: 1' }, 401, 'no', null],
    ['a challenge that is not a string', { message: 'no', authenticate: { realm: 'x' } }, 401, 'no', null],
    ['a property that throws', hostile, 401, 'Unauthorized', null],
  ])('rejects a request by %s', async (_name, error, status, message, challenge) => {
    const { http, upgrade, head, type, primus } = await asked((_request, done) => done(error));
    const answer = { status, challenge, body: JSON.stringify({ error: message }) };
    expect(http).toEqual(answer);
    expect(upgrade).toEqual(answer);
    expect(type).toBe('application/json');
    expect(head).not.toMatch(/^x-forged/im);
    expect(primus.connected).toBe(0);
  });

  it.each<[string, Authorize]>([
    [
      'throws',
      (_request, _done) => {
        throw new Error('oh no');
      },
    ],
    ['rejects', (_request, _done) => Promise.reject(new Error('oh no'))],
  ])('rejects a request when it %s, logs why, and does not tell the client', async (_name, authorization) => {
    const served = await serve({ authorization });
    const logged = vi.fn();
    served.primus.on('log', logged);
    const answer = await fetch(`${served.url}/primus/anything`);
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({ error: 'Internal Server Error' });
    expect(logged).toHaveBeenCalledExactlyOnceWith('error', expect.objectContaining({ message: 'oh no' }));
    const upgrade = await (await raw(served.port)).send(handshake()).answer();
    expect(upgrade).toContain(' 500 ');
    expect(upgrade).not.toContain('oh no');
  });

  it.each([
    ['throws', false],
    ['rejects with', true],
  ])('tells the client an error with a status that it %s: that was meant for it', async (_name, isAsync) => {
    const { http, upgrade } = await asked((_request, _done) => {
      const error = { statusCode: 403, message: 'Go away!' };
      if (isAsync) return Promise.reject(error);
      throw error;
    });
    const answer = { status: 403, challenge: null, body: JSON.stringify({ error: 'Go away!' }) };
    expect(http).toEqual(answer);
    expect(upgrade).toEqual(answer);
  });

  it.each<[string, Authorize]>([
    ['throws undefined', () => Promise.reject()],
    [
      'rejects with undefined',
      () => {
        throw undefined;
      },
    ],
  ])('never accepts a request when it %s', async (_name, fails) => {
    const { http, upgrade } = await asked((request, _done) => fails.call(undefined, request, () => {}));
    expect([http.status, upgrade.status]).toEqual([500, 500]);
  });

  it.each<[string, Authorize, number]>([
    [
      'yes, then no',
      (_request, done) => {
        done();
        done('no');
      },
      101,
    ],
    [
      'no, then yes',
      (_request, done) => {
        done('no');
        done();
      },
      401,
    ],
    [
      'no, then an exception',
      (_request, done) => {
        done('no');
        throw new Error('too late');
      },
      401,
    ],
    [
      'no and later yes',
      (_request, done) => {
        done('no');
        setImmediate(done);
      },
      401,
    ],
  ])('counts only the first answer of %s', async (_name, authorization, status) => {
    const { upgrade } = await asked(authorization);
    expect(upgrade.status).toBe(status);
  });

  it('is called for every request that reaches the transformer, with the server as `this`', async () => {
    const seen: unknown[] = [];
    const authorization: Authorize = function (request, done) {
      seen.push(this, `${request.method} ${request.url?.split('?')[0]} ${request.headers.upgrade ?? 'plain'}`);
      done();
    };
    const { primus, url } = await asked(authorization);
    expect(seen).toEqual([primus, 'GET /primus/anything plain', primus, 'GET /primus websocket']);
    for (const path of ['primus.js', 'spec']) await fetch(`${url}/primus/${path}`, { method: 'HEAD' }).catch(() => {});
    // These two are served before authorization.
    expect(seen).toHaveLength(4);
  });

  it('can be set later, and replaced; `auth` is the function', async () => {
    const { primus, url } = await serve();
    expect(primus.auth).toBeNull();
    expect((await fetch(`${url}/primus/x`)).status).toBe(426);
    const no: Authorize = (_request, done) => done({ statusCode: 403 });
    expect(primus.authorize(no)).toBe(primus);
    expect(primus.auth).toBe(no);
    expect((await fetch(`${url}/primus/x`)).status).toBe(403);
    primus.authorize((_request, done) => done());
    expect((await fetch(`${url}/primus/x`)).status).toBe(426);
  });

  it('is a layer: it is not called while disabled, and is when enabled again', async () => {
    const { primus, url } = await serve({ authorization: (_request, done) => done('no') });
    primus.disable('authorization');
    expect((await fetch(`${url}/primus/x`)).status).toBe(426);
    primus.enable('authorization');
    expect((await fetch(`${url}/primus/x`)).status).toBe(401);
  });

  it.each<[string, boolean, unknown]>([
    ['finds what a layer has added that is placed before it by its index', true, 'ada'],
    ['runs before a layer that `use` adds without an index, and finds nothing of it', false, undefined],
  ])('%s', async (_title, placed, expected) => {
    const found: unknown[] = [];
    const userOf = (request: object) => (request as { session?: { user: string } }).session?.user;
    const authorization: Authorize = (request, done) => {
      found.push(userOf(request));
      done();
    };
    const { primus, url, connect } = await serve({ authorization });
    const session: Middleware = (request, _response, next) => {
      setImmediate(() => {
        Object.assign(request, { session: { user: 'ada' } });
        next();
      });
    };
    if (placed) primus.use('session', session, primus.indexOfLayer('authorization'));
    else primus.use('session', session);
    expect((await fetch(`${url}/primus/x`)).status).toBe(426);
    const connected = event(primus, 'connection');
    connect();
    const [spark] = (await connected) as [Spark];
    expect(found).toEqual([expected, expected]);
    expect(userOf(spark.request)).toBe('ada');
  });

  it.each<[unknown]>([[undefined], [null], ['x'], [{}], [5]])('rejects %o', async (fn) => {
    const { primus } = await serve();
    expect(() => primus.authorize(fn as Authorize)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });

  it('rejects a function without a parameter for the callback', async () => {
    const { primus } = await serve();
    expect(() => primus.authorize((_request: unknown) => true)).toThrow(/done/);
    await expect(serve({ authorization: ((_request: unknown) => {}) as never })).rejects.toThrow(/done/);
  });
});

describe('authorization that answers late', () => {
  const never: Authorize = (_request, _done) => {};

  it('has a time-out, after which the request is rejected and its socket freed', async () => {
    const scheduler = new Clock();
    const { port, server, primus, url } = await serve({
      scheduler,
      authorization: never,
      authorizationTimeout: '3 s',
      pingInterval: false,
    });
    const sockets: Socket[] = [];
    server.on('connection', (socket: Socket) => sockets.push(socket));
    const peers = await Promise.all(Array.from({ length: 50 }, async () => (await raw(port)).send(handshake())));
    const plain = fetch(`${url}/primus/x`);
    await until(() => scheduler.pending === 51);
    scheduler.advance(2_999);
    expect(scheduler.pending).toBe(51);
    scheduler.advance(1);
    for (const peer of peers) {
      expect(await peer.answer()).toContain(' 503 ');
      expect(JSON.parse(await peer.rest())).toEqual({ error: expect.stringContaining('3000 ms') });
    }
    expect((await plain).status).toBe(503);
    // The one left may be used for another request.
    await until(() => sockets.filter(({ destroyed }) => !destroyed).length <= 1);
    expect(sockets).toHaveLength(51);
    expect(scheduler.pending).toBe(0);
    expect(primus.connected).toBe(0);
  });

  it('has a default time-out, well within the ten seconds of a client', async () => {
    const scheduler = new Clock();
    const { port } = await serve({ scheduler, authorization: never, pingInterval: false });
    const peer = (await raw(port)).send(handshake());
    await until(() => scheduler.pending === 1);
    scheduler.advance(8_000);
    expect(await peer.answer()).toContain(' 503 ');
  });

  it('has no time-out when the option is false', async () => {
    const scheduler = new Clock();
    let answer: (() => void) | undefined;
    const authorization: Authorize = (_request, done) => {
      answer = done;
    };
    const { port, primus } = await serve({ scheduler, authorization, authorizationTimeout: false, pingInterval: false });
    const peer = (await raw(port)).send(handshake());
    await until(() => answer !== undefined);
    expect(scheduler.pending).toBe(0);
    answer?.();
    expect(await peer.answer()).toContain(' 101 ');
    await until(() => primus.connected === 1);
  });

  it.each([
    ['yes', undefined],
    ['no', 'no'],
  ])('has no effect when it answers %s after the client has disconnected', async (_name, error) => {
    const scheduler = new Clock();
    const answers: (() => void)[] = [];
    const authorization: Authorize = (_request, done) => void answers.push(() => done(error));
    const { port, primus, connect, url } = await serve({ scheduler, authorization, pingInterval: false });
    const peer = (await raw(port)).send(handshake());
    const plain = get(`${url}/primus/x`, { agent: false }).on('error', () => {});
    await until(() => answers.length === 2);
    peer.socket.resetAndDestroy();
    plain.destroy();
    await until(() => scheduler.pending <= 1);
    for (const answer of answers) answer();
    primus.authorize((_request, done) => done());
    await event(connect(), 'open');
    expect(primus.connected).toBe(1);
  });
});

describe('the error of a client', () => {
  it('has status, message and challenge, and the client does not reconnect', async () => {
    const { connect } = await serve({
      authorization: (_request, done) => done({ message: 'who are you?', authenticate: 'Basic realm="x"' }),
    });
    const client = connect({ reconnect: { min: 1 } });
    const scheduled = vi.fn();
    client.on('reconnect scheduled', scheduled);
    const ended = event(client, 'end');
    const [error] = await event(client, 'error');
    expect(error).toMatchObject({
      code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE',
      status: 401,
      reason: 'who are you?',
      authenticate: 'Basic realm="x"',
    });
    await ended;
    expect(client.state).toMatchObject({ name: 'closed', by: 'failure', cause: { status: 401 } });
    expect(client.options.strategy).toBe('disconnect,online');
    expect(scheduled).not.toHaveBeenCalled();
  });

  it('has a message that is an object as JSON', async () => {
    const { connect } = await serve({ authorization: (_request, done) => done({ message: { code: 7 } }) });
    expect((await event(connect(), 'error'))[0]).toMatchObject({ status: 401, reason: '{"code":7}' });
  });

  it('does not change the strategy of a client that sets one, or of servers without authorization', async () => {
    const { primus, connect, url } = await serve();
    expect(new primus.Socket(url, { manual: true }).options.strategy).toBe('disconnect,online,timeout');
    primus.authorize((_request, done) => done({ statusCode: 402, message: 'no' }));
    expect(strategyOf(primus, url)).toBe('disconnect,online');
    expect(primus.library()).toContain('"strategy":"disconnect,online"');
    const client = connect({ strategy: 'timeout', reconnect: { min: 1 } });
    const [attempt] = (await event(client, 'reconnect scheduled')) as [{ attempt: number }];
    expect(attempt.attempt).toBe(1);
  });
});

describe('a client whose first connection is rejected', () => {
  type Options = { strategy?: string; reconnect: { min: number } };
  const reconnect = { min: 1 };
  const served = (primus: Primus, url: string, options: Options) => new primus.Socket(url, options);
  const imported = (_primus: Primus, url: string, options: Options) => new Client(url, options);

  it.each([
    ['served, with its default', served, undefined, [400, 401, 402, 403, 503]],
    ['served, with disconnect and online', served, 'disconnect, online', [400, 401, 402, 403, 503]],
    ['served, with timeout', served, 'disconnect, online, timeout', [401, 403]],
    ['imported, with its default', imported, undefined, [400, 401, 402, 403]],
    ['imported, with timeout', imported, 'disconnect, online, timeout', [401, 403]],
  ])('ends at some statuses, and tries again after the others: %s', async (_title, create, strategy, ends) => {
    const ended: number[] = [];
    for (const statusCode of [400, 401, 402, 403, 503]) {
      let attempts = 0;
      const { primus, url } = await serve({
        authorization: (_request, done) => done(attempts++ === 0 ? { statusCode, message: 'no' } : null),
      });
      const client = create(primus, url, { reconnect, ...(strategy !== undefined && { strategy }) });
      cleanup(() => client.destroy());
      client.on('error', () => {});
      const outcome = await Promise.race([event(client, 'end').then(() => 'end'), event(client, 'open').then(() => 'open')]);
      if (outcome === 'end') ended.push(statusCode);
    }
    expect(ended).toEqual(ends);
  });
});

describe('the default strategy of clients of createSocket', () => {
  it('has no timeout with the option authorization, and a client that is rejected makes one attempt', async () => {
    let asked = 0;
    const { url } = await serve({
      authorization: (_request, done) => {
        asked++;
        done('no');
      },
    });
    const Socket = PrimusServer.createSocket({ authorization: true });
    const client = new Socket(url, { reconnect: { min: 1, max: 2 } });
    cleanup(() => client.destroy());
    await event(client, 'end');
    await roundTrips(url);
    expect([client.options.strategy, asked]).toEqual(['disconnect,online', 1]);
    const usual = new (PrimusServer.createSocket())(url, { manual: true });
    expect(usual.options.strategy).toBe('disconnect,online,timeout');
  });
});

function strategyOf(primus: Primus, url: string): unknown {
  return new primus.Socket(url, { manual: true }).options.strategy;
}
