import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Middleware, Primus, type ServerOptions, type Spark } from '../../src/index.js';
import { testFolder } from '../support/folder.js';
import { cleanup, event } from '../support/serve.js';

type Next = (error?: unknown) => void;
type Handler = (request: IncomingMessage & { body?: unknown; user?: string }, response: ServerResponse & Reply, next: Next) => unknown;

interface Reply {
  send(body: string): void;
  status(code: number): Reply;
}

/** The part of Express that is used here, as it has no types. */
interface App extends Handler {
  get(path: string, handler: Handler): App;
  use(handler: Handler): App;
  use(handler: (error: Error, request: unknown, response: Reply, next: Next) => void): App;
}

const express = createRequire(import.meta.url)('express') as {
  (): App;
  json(): Middleware;
  static(root: string): Middleware;
};

/** An Express app and a Primus on one server. */
async function serve(app: App, options: ServerOptions = {}) {
  const server = createServer(app as never);
  const primus = new Primus(server, options);
  cleanup(() => new Promise<void>((resolve) => primus.destroy(resolve)));
  server.listen(0, '127.0.0.1');
  await event(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const text = async (path: string, init?: RequestInit) => {
    const answer = await fetch(url + path, init);
    return { status: answer.status, text: await answer.text() };
  };
  const connect = (query = '', headers: { [name: string]: string } = {}) => {
    const client = new primus.Socket(url + query, { headers, strategy: false });
    cleanup(() => client.destroy());
    return client;
  };
  return { primus, server, text, connect };
}

/** A middleware like `cookie-parser`, which knows nothing of Primus. */
const cookies: Handler = (request, _response, next) => {
  const [, user] = /(?:^|; )user=([^;]*)/.exec(request.headers.cookie ?? '') ?? [];
  if (user !== undefined) request.user = user;
  next(user === 'mallory' ? new Error('we know mallory') : undefined);
};

describe('an Express app and Primus on one server', () => {
  it('work beside each other', async () => {
    const seen: string[] = [];
    const app = express();
    app.use((request, _response, next) => {
      seen.push(request.url ?? '');
      next();
    });
    app.get('/hello', (_request, response) => response.send('from Express'));
    const { primus, text, connect } = await serve(app);
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    expect(await text('/hello')).toEqual({ status: 200, text: 'from Express' });
    expect((await text('/primus/spec')).text).toContain('"pathname":"/primus"');
    expect((await text('/primus/primus.js')).status).toBe(200);
    expect((await text('/primusfoo')).status).toBe(404);
    const client = connect();
    client.write('over Primus');
    expect((await event(client, 'data'))[0]).toBe('over Primus');
    expect(seen).toEqual(['/hello', '/primusfoo']);
  });

  it('work beside each other with a polling transformer, whose bodies the app must not read', async () => {
    const app = express().use(express.json() as Handler);
    const { primus, connect } = await serve(app, { transformer: 'engine.io', transport: { transports: ['polling'] } });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const client = connect();
    client.write({ by: 'polling' });
    expect((await event(client, 'data'))[0]).toEqual({ by: 'polling' });
  });

  it('keep their errors separate', async () => {
    const app = express();
    app.get('/broken', () => {
      throw new Error('Express');
    });
    app.use((error: Error, _request: unknown, response: Reply, _next: Next) =>
      response.status(500).send(`caught by Express: ${error.message}`),
    );
    const { primus, text } = await serve(app);
    primus.use('broken', (_request, _response, next) => next(new Error('Primus')));
    expect(await text('/broken')).toEqual({ status: 500, text: 'caught by Express: Express' });
    expect(await text('/primus')).toEqual({ status: 500, text: '{"error":"Primus"}' });
  });

  it('serve the app after Primus was destroyed without closing the server', async () => {
    const app = express().get('/hello', (_request, response) => response.send('from Express'));
    const { primus, server, text } = await serve(app);
    cleanup(() => new Promise((resolve) => server.close(resolve)));
    await new Promise<void>((resolve) => primus.destroy({ close: false }, resolve));
    expect((await text('/hello')).text).toBe('from Express');
    expect((await text('/primus/spec')).status).toBe(404);
  });
});

describe('Express middleware as a layer of Primus', () => {
  it('runs for requests and upgrades, and can add properties for authorization and the spark', async () => {
    const asked: unknown[] = [];
    const { primus, connect, text } = await serve(express(), {
      authorization: (request, done) => {
        const { user } = request as { user?: string };
        asked.push(user);
        done(user === undefined ? 'who are you?' : undefined);
      },
    });
    primus.use('cookies', cookies as Middleware, undefined, 0);
    const announced = event(primus, 'connection');
    connect('', { cookie: 'a=b; user=alice' });
    const [spark] = (await announced) as [Spark];
    expect((spark.request as { user?: string }).user).toBe('alice');
    expect(spark.headers.cookie).toBe('a=b; user=alice');
    expect((await text('/primus')).status).toBe(401);
    expect(asked).toEqual(['alice', undefined]);
  });

  it('rejects a request with 500 when it passes an error', async () => {
    const { primus, connect, text } = await serve(express());
    primus.use('cookies', cookies as Middleware, undefined, 0);
    const mallory = { cookie: 'user=mallory' };
    expect(await text('/primus/spec', { headers: mallory })).toEqual({ status: 500, text: '{"error":"we know mallory"}' });
    const [error] = await event(connect('', mallory), 'error');
    expect(error).toMatchObject({ status: 500, reason: 'we know mallory' });
  });

  it('can read a body for the layers behind it', async () => {
    const { primus, text, connect } = await serve(express());
    primus.use('json', express.json());
    primus.use('say', (request, response) => {
      if (request.method !== 'POST') return false;
      response.end(JSON.stringify((request as { body?: unknown }).body));
      return true;
    });
    const post = (body: string) => text('/primus/say', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
    expect(await post('{"a":1}')).toEqual({ status: 200, text: '{"a":1}' });
    // Express gives its errors a status.
    expect((await post('{')).status).toBe(400);
    await event(connect(), 'open');
  });

  it('that answers runs for plain requests only', async () => {
    const root = testFolder('static');
    writeFileSync(join(root, 'primus'), 'a file');
    const { primus, text, connect } = await serve(express());
    primus.use('files', Object.assign(express.static(root), { upgrade: false }), undefined, 0);
    expect(await text('/primus')).toEqual({ status: 200, text: 'a file' });
    expect((await text('/primus/spec')).status).toBe(200);
    await event(connect(), 'open');
  });

  it('can serve files, also to an upgrade request', async () => {
    const root = testFolder('static');
    mkdirSync(join(root, 'primus'));
    writeFileSync(join(root, 'primus', 'a.txt'), 'a file');
    const { primus, text, connect } = await serve(express());
    primus.use('files', express.static(root), undefined, 0);
    expect(await text('/primus/a.txt')).toEqual({ status: 200, text: 'a file' });
    // It redirects an address without the last slash, and so this upgrade.
    const client = connect();
    const [error] = await event(client, 'error');
    expect(error).toMatchObject({ code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status: 301 });
    rmSync(join(root, 'primus'), { recursive: true });
    await event(connect(), 'open');
  });

  it('can be a whole app', async () => {
    const app = express().get('/primus/admin', (_request, response) => response.send('below the path of Primus'));
    const { primus, text, connect } = await serve(express());
    primus.use('admin', app as unknown as Middleware);
    expect((await text('/primus/admin')).text).toBe('below the path of Primus');
    expect((await text('/primus')).status).toBe(426);
    await event(connect(), 'open');
  });

  it('for errors (4 parameters) is rejected, as it is never called', async () => {
    const { primus } = await serve(express());
    const onError = (_error: unknown, _request: unknown, _response: unknown, _next: unknown) => {};
    expect(() => primus.use('errors', onError as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_MIDDLEWARE' }));
    expect(primus.indexOfLayer('errors')).toBe(-1);
  });
});
