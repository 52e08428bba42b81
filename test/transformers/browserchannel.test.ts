import { once } from 'node:events';
import { watchFile } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { createConnection } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { raw } from '../server/raw.js';
import { Clock, settle } from '../support/clock.js';
import { processorTime } from '../support/cpu.js';
import { cleanup, event, LIMIT, requested, roundTrips, serve, until } from '../support/serve.js';
import { contract } from './contract.js';
import { missing } from './missing.js';

const transformer = 'browserchannel';

missing(transformer, 'browserchannel', 'browserchannel');

contract({ transformer });

const require = createRequire(import.meta.url);

interface BCSocket {
  onopen(): void;
  onmessage(event: { data: unknown }): void;
  onclose(reason: string): void;
  send(message: unknown): void;
  close(): void;
}

interface Answer {
  status: number;
  type: string | null;
  body: string;
}

/** Requests an endpoint. */
async function ask(url: string, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(LIMIT), ...init });
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

/** Frames as they are. */
const RAW = {
  encoder: (data: unknown, done: (error: Error | null, frame?: string) => void) => done(null, String(data)),
  decoder: (frame: unknown, done: (error: Error | null, data?: unknown) => void) => done(null, frame),
};

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** A session by requests of our own: `sid`, and the one request after the other. */
async function open(options: ServerOptions = {}, query = '') {
  const served = await serve({ transformer, pingInterval: false, ...options });
  const { primus, url } = served;
  const announced = event(primus, 'connection');
  const { body } = await ask(url, `/primus/bind?VER=8&RID=100${query}`, { method: 'POST', headers: FORM, body: 'count=0' });
  const [spark] = (await announced) as [Spark];
  const sid = sidIn(body);
  let rid = 101;
  const post = (body: string, init: RequestInit = {}, turn = rid++) =>
    ask(url, `/primus/bind?VER=8&SID=${sid}&RID=${turn}`, { method: 'POST', headers: FORM, body, ...init });
  const poll = (aid = 0) => ask(url, `/primus/bind?VER=8&SID=${sid}&RID=rpc&TYPE=xmlhttp&CI=1&AID=${aid}`);
  const received: unknown[] = [];
  const errors: unknown[] = [];
  spark.on('data', (data) => received.push(data));
  spark.on('error', (error) => errors.push(error));
  return { ...served, spark, sid, post, poll, received, errors };
}

function sidIn(body: string): string {
  const [, sid] = /\["c","([^"]+)",null,8\]/.exec(body) ?? [];
  return sid as string;
}

describe(transformer, () => {
  it('serves polls that are pipelined on one connection', async () => {
    const { spark, sid, url, port } = await open();
    const poll = `GET /primus/bind?VER=8&SID=${sid}&RID=rpc&TYPE=xmlhttp&CI=1&AID=0 HTTP/1.1\r\nHost: x\r\n\r\n`;
    const client = (await raw(port)).send(poll, poll);
    // The second one replaces the first, which is answered.
    expect(await client.answer()).toContain(' 200 ');
    // The end of its body, in chunks.
    expect(await client.answer()).toMatch(/0$/);
    spark.write('hello');
    expect(await client.answer()).toContain(' 200 ');
    expect(await ask(url, '/primus/spec')).toMatchObject({ status: 200 });
  });

  it('serves an unmodified client of the framework', async () => {
    const { primus, url } = await serve({ transformer });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write([data, spark.query.token])));
    const { BCSocket } = require('browserchannel') as { BCSocket: new (url: string, options: object) => BCSocket };
    const received: unknown[] = [];
    const dial = () => {
      const socket = new BCSocket(`${url}/primus`, { extraParams: { token: '1' } });
      cleanup(() => socket.close());
      socket.onmessage = ({ data }) => received.push(data);
      return socket;
    };
    const first = dial();
    const closed = new Promise((resolve) => {
      first.onclose = resolve;
    });
    first.send('"text"');
    first.send({ a: ['é 漢 🎉 +%&='] });
    await until(() => received.length === 2);
    expect(received).toEqual(['["text","1"]', '[{"a":["é 漢 🎉 +%&="]},"1"]']);
    for (const spark of Object.values(primus.connections)) spark.end('farewell');
    expect(await closed).toBe('Stopped by server');
    expect(received.slice(2)).toEqual(['"farewell"', '"primus::server::close"']);

    const announced = event(primus, 'connection');
    const second = dial();
    const [spark] = (await announced) as [Spark];
    const errors: unknown[] = [];
    spark.on('error', (error) => errors.push(error));
    await new Promise<void>((resolve) => {
      second.onopen = resolve;
    });
    second.close();
    await event(spark, 'end');
    expect(errors).toEqual([]);
  });

  it('accepts messages as strings and as JSON, each once', async () => {
    const { post, received } = await open();
    const status = async (...rest: Parameters<typeof post>) => (await post(...rest)).status;
    expect(await status('count=3&ofs=0&req0__S=%22a+b%22&req1_JSON=%7B%22c%22%3A1%7D&req2_type=_badmap')).toBe(200);
    expect(await status('{"ofs":3,"data":["\\"d\\"",{"e":[null]},7]}', { headers: { 'content-type': 'application/json' } })).toBe(200);
    // Requests that are repeated, the last one with more in it.
    expect(await status('count=2&ofs=0&req0__S=1&req1__S=2', {}, 101)).toBe(200);
    expect(await status('count=2&ofs=5&req0__S=7&req1__S=8', {}, 102)).toBe(200);
    expect(await status('count=0')).toBe(200);
    expect(received).toEqual(['a b', { c: 1 }, 'd', { e: [null] }, 7, 8]);
  });

  it('accepts messages in the request that opens a session', async () => {
    const { primus, url } = await serve({ transformer });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write([data])));
    const query = `${url}/primus/bind?VER=8&RID=1`;
    const answer = await ask(query, '', { method: 'POST', headers: FORM, body: 'count=2&ofs=0&req0__S=1&req1__S=2' });
    const next = await ask(`${query.replace('RID=1', 'RID=2')}&SID=${sidIn(answer.body)}`, '', {
      method: 'POST',
      headers: FORM,
      body: 'count=1&ofs=2&req0__S=3',
    });
    expect(next.status).toBe(200);
    const { body } = await ask(url, `/primus/bind?VER=8&RID=rpc&TYPE=xmlhttp&CI=1&SID=${sidIn(answer.body)}`);
    expect(body).toMatch(/"\[1\]".*"\[2\]".*"\[3\]"/);
  });

  it('gives the spark the request unchanged, with all of its headers', async () => {
    const { primus, url } = await serve({ transformer });
    const announced = event(primus, 'connection');
    await ask(url, '/primus/bind?VER=8&RID=1&a=b&a=c', { method: 'POST', headers: { ...FORM, cookie: 'c=d' }, body: 'count=0' });
    const [spark] = (await announced) as [Spark];
    expect(spark.headers).toMatchObject({ cookie: 'c=d', host: url.slice(7), ...FORM });
    expect(spark.request.url).toBe('/primus/bind?VER=8&RID=1&a=b&a=c');
    expect(spark.query).toMatchObject({ a: ['b', 'c'] });
  });

  it.each(['/', '/a.b+(c)'])('serves the pathname %s', async (pathname) => {
    const { primus, connect } = await serve({ transformer, pathname });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write([data, spark.query.a])));
    const client = connect({}, '/?a=1%2B%25&VER=3&SID=x');
    client.write('hello');
    expect((await event(client, 'data'))[0]).toEqual(['hello', '1+%']);
  });

  it('listens on IPv6, and its client throws that it cannot connect to such an address', async () => {
    const { primus, url, connect } = await serve({ transformer }, { host: '::1' });
    const { body } = await ask(url, '/primus/bind?VER=8&RID=1', { method: 'POST', headers: FORM, body: 'count=0' });
    expect(sidIn(body)).toBeTruthy();
    expect(primus.connected).toBe(1);
    const [error] = await event(connect({ strategy: false }), 'error');
    expect(error).toMatchObject({ code: 'ERR_PRIMUS_URL', message: expect.stringContaining('[::1]') });
  });

  it('sends no request to any host but its server', async () => {
    const spy = vi.spyOn(http, 'request');
    cleanup(() => spy.mockRestore());
    const { primus, url, connect } = await serve({ transformer });
    primus.use('bouncer', (_request, response, _next) => void (response as http.ServerResponse).writeHead(403).end());
    await event(connect({ strategy: false }), 'error');
    await roundTrips(url);
    const hosts = spy.mock.calls.map(([options]) => (options as unknown as http.RequestOptions).host);
    expect(new Set(hosts)).toEqual(new Set(['127.0.0.1']));
  });

  it('replaces lone surrogates with U+FFFD', async () => {
    const text = {
      encoder: (data: unknown, done: (error: Error | null, frame?: string) => void) => done(null, String(data)),
      decoder: (frame: string | Uint8Array, done: (error: Error | null, data?: unknown) => void) => done(null, String(frame)),
    };
    const { primus, connect } = await serve({ transformer, parser: text, pingInterval: false });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const client = connect();
    client.write('\ud800 \0 x');
    expect((await event(client, 'data'))[0]).toBe('\ufffd \0 x');
  });
});

describe('the endpoints of browserchannel', () => {
  it.each([
    ['GET', '', 404],
    ['GET', '/', 404],
    ['GET', '/bind/', 404],
    ['GET', '/__proto__', 404],
    ['GET', '/test', 400],
    ['GET', '/test?VER=7&MODE=init', 400],
    ['POST', '/test?VER=8&MODE=init', 405],
    ['HEAD', '/test?VER=8', 405],
    ['POST', '/bcsocket.js', 405],
    ['PUT', '/bind?VER=8', 405],
    ['DELETE', '/bind?VER=8', 405],
    ['OPTIONS', '/bind?VER=8', 405],
    ['HEAD', '/bind?VER=8', 405],
    ['GET', '/bind', 400],
    ['GET', '/bind?VER=8', 400],
    ['GET', '/bind?VER=8&TYPE=xmlhttp&RID=rpc', 400],
    ['GET', '/bind?VER=8&TYPE=xmlhttp&RID=rpc&SID=', 400],
    ['GET', '/bind?VER=8&TYPE=xmlhttp&RID=rpc&SID=unknown', 400],
    ['GET', '/bind?VER=8&TYPE=xmlhttp&RID=rpc&SID=__proto__', 400],
    ['GET', '/bind?VER=8&TYPE=xmlhttp&RID=1&SID={sid}', 400],
    ['GET', '/bind?VER=8&TYPE=jsonp&RID=rpc&SID={sid}', 400],
    ['GET', '/bind?VER=8&RID=rpc&SID={sid}', 400],
    ['GET', '/bind?VER=8&TYPE=terminate&RID=1', 400],
    ['GET', '/bind?VER=8&TYPE=terminate&RID=x&SID={sid}', 400],
    ['GET', '/bind?VER=8&TYPE=html&RID=rpc&SID={sid}&DOMAIN=%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E', 400],
    ['GET', '/test?VER=8&TYPE=html&DOMAIN=%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E', 400],
    ['POST', '/bind?VER=8', 400],
    ['POST', '/bind?VER=8&RID=', 400],
    ['POST', '/bind?VER=8&RID=-1', 400],
    ['POST', '/bind?VER=8&RID=1e3', 400],
    ['POST', '/bind?VER=8&RID=99999999999999999999', 400],
    ['POST', '/bind?VER=8&RID=1&SID=constructor', 400],
    ['POST', '/bind?VER=8&RID=102&SID={sid}', 400],
  ])('answer %s %s with %i', async (method, path, status) => {
    const { url, primus, sid, post, received } = await open();
    const body = method === 'POST' ? { body: 'count=0', headers: FORM } : {};
    const answer = await ask(url, `/primus${path.replace('{sid}', sid)}`, { method, ...body });
    expect(answer).toMatchObject({ status, type: 'application/json' });
    expect(answer.body).not.toMatch(/script>/);
    await post('count=1&ofs=0&req0__S=1');
    expect(received).toEqual([1]);
    expect(primus.connected).toBe(1);
  });

  it.each([
    ['nothing', ''],
    ['no list', 'hello'],
    ['a negative count', 'count=-1&ofs=0'],
    ['a huge count', 'count=4294967295&ofs=5'],
    ['no number of the first message', 'count=1&req0__S=1'],
    ['an invalid number', 'count=1&ofs=x&req0__S=1'],
    ['a number ahead', 'count=1&ofs=1&req0__S=1'],
    ['too many messages', `count=1001&ofs=0&${Array.from({ length: 1_001 }, (_, at) => `req${at}__S=1`).join('&')}`],
    ['a count that is repeated', 'count=1&count=1&ofs=0&req0__S=1'],
    ['null', 'null', 'json'],
    ['broken JSON', '{"ofs":0,"data":["x', 'json'],
    ['an object instead of a list', '{"ofs":0,"data":{"length":1000000000}}', 'json'],
    ['a string for a list', '{"ofs":0,"data":"abc"}', 'json'],
    ['a list ahead', '{"ofs":1,"data":["1"]}', 'json'],
    ['a number that is an object', '{"ofs":{},"data":["1"]}', 'json'],
    ['ten million brackets', `{"ofs":0,"data":[${'['.repeat(5_000_000)}${']'.repeat(5_000_000)}]}`, 'json'],
    ['a million values', `{"ofs":0,"data":[${'1,'.repeat(1_000_000)}1]}`, 'json'],
    ['millions of keys', `${'&'.repeat(5_000_000)}count=1&ofs=0&req0__S=1`],
    ['a deep nest', `{"ofs":0,"data":[${'['.repeat(100_000)}${']'.repeat(100_000)}]}`, 'json'],
  ])('reject a body with %s', async (_what, body, kind = 'form') => {
    const { post, received, primus, errors } = await open();
    const headers = kind === 'json' ? { 'content-type': 'application/json' } : FORM;
    expect((await post(body, { headers }, 101)).status).toBe(400);
    expect((await post('count=1&ofs=0&req0__S=1', {}, 101)).status).toBe(200);
    expect(received).toEqual([1]);
    expect(errors).toEqual([]);
    expect(primus.connected).toBe(1);
  });

  it('treat the names of object properties as unknown sessions', async () => {
    const { post, received } = await open();
    await post('count=1&ofs=0&req0___proto__=1&req0_constructor=2&__proto__=3&req0__S=%7B%22__proto__%22%3A1%7D');
    expect(received).toEqual([JSON.parse('{"__proto__":1}')]);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it('do not accept the session ids of the framework, and end a session only by its own id', async () => {
    const { url, spark, sid, primus } = await open();
    const { id } = spark.socket as { id: string };
    expect(sid).toMatch(/^[\da-f-]{36}$/);
    expect((await ask(url, `/primus/bind?VER=8&TYPE=xmlhttp&RID=rpc&SID=${id}`)).status).toBe(400);
    const again = (old: string) =>
      ask(url, `/primus/bind?VER=8&RID=1&OSID=${old}&OAID=0`, { method: 'POST', headers: FORM, body: 'count=0' });
    for (const old of ['__proto__', 'constructor', id]) expect((await again(old)).status).toBe(200);
    expect(primus.connected).toBe(4);
    const gone = event(spark, 'end');
    expect((await again(sid)).status).toBe(200);
    await gone;
  });

  it('accept only the configured origins', async () => {
    const { url, sid, primus } = await open({ origins: 'http://good.example' });
    const evil = { origin: 'http://evil.example' };
    for (const path of ['/test?VER=8&MODE=init', `/bind?VER=8&TYPE=xmlhttp&RID=rpc&SID=${sid}`])
      expect((await ask(url, `/primus${path}`, { headers: evil })).status).toBe(403);
    expect((await ask(url, '/primus/bind?VER=8&RID=1', { method: 'POST', headers: { ...FORM, ...evil }, body: 'count=0' })).status).toBe(
      403,
    );
    expect(primus.connected).toBe(1);
  });

  it('reject an upgrade, and serve the source of the client', async () => {
    const { url, port } = await serve({ transformer });
    const socket = createConnection(port, '127.0.0.1', () =>
      socket.write('GET /primus/bind HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    );
    cleanup(() => socket.destroy());
    expect(String((await event(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 404 /);
    expect(await ask(url, '/primus/bcsocket.js')).toMatchObject({ status: 200, body: expect.stringContaining('BCSocket') });
  });

  it('answer 413 to a message that is too long, and drop the session', async () => {
    const { url, primus, post, poll, errors } = await open({ maxLength: 1_000 });
    const { body } = await ask(url, '/primus/bind?VER=8&RID=1', { method: 'POST', headers: FORM, body: 'count=0' });
    const one = JSON.stringify('x'.repeat(998));
    expect((await post(`count=2&ofs=0&req0__S=${one}&req1__S=${one}`)).status).toBe(200);
    expect((await post(`count=1&ofs=2&req0__S=${one}+`)).status).toBe(413);
    expect(errors).toMatchObject([{ closeCode: 1009 }]);
    // It learns that it is over.
    expect((await poll()).body).toContain('["stop"]');
    expect((await poll()).status).toBe(400);
    // An endless body, without Content-Length.
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
    const more = { method: 'POST', headers: FORM, body: endless, duplex: 'half' } as RequestInit;
    const answer = await ask(url, `/primus/bind?VER=8&RID=2&SID=${sidIn(body)}`, more).catch(() => ({ status: 413 }));
    expect(answer.status).toBe(413);
    await until(() => primus.connected === 0);
    const opening = { method: 'POST', headers: FORM, body: `count=1&ofs=0&req0__S=${one}+` };
    expect((await ask(url, '/primus/bind?VER=8&RID=1', opening)).status).toBe(413);
    expect(primus.connected).toBe(0);
  });

  it('do not read requests while the spark is paused', async () => {
    const { url, spark, post, received, server } = await open();
    spark.pause();
    const sent = post('count=1&ofs=0&req0__S=1');
    await requested(server);
    await roundTrips(url);
    expect(received).toEqual([]);
    spark.resume();
    expect((await sent).status).toBe(200);
    expect(received).toEqual([1]);
  });

  it('answer two polls separately, and keep nothing of an aborted one', async () => {
    const { url, sid, spark, poll, server } = await open();
    const first = poll();
    await requested(server);
    const second = poll();
    // The newer one takes the place of the older.
    expect((await first).body).toBe('');
    spark.write('for the second');
    expect((await second).body).toContain('for the second');
    const aborted = new AbortController();
    const third = fetch(`${url}/primus/bind?VER=8&SID=${sid}&RID=rpc&TYPE=xmlhttp&CI=1&AID=1`, { signal: aborted.signal }).catch(() => {});
    const { socket } = await requested(server);
    const gone = once(socket, 'close');
    aborted.abort();
    await Promise.all([third, gone]);
    spark.write('lost on the third');
    expect((await poll(1)).body).toContain('lost on the third');
  });

  it('keep one unread answer of a session', async () => {
    const { port, url, sid, spark } = await open();
    spark.write('x'.repeat(9_000_000));
    const begin = async () => {
      const socket = createConnection(port, '127.0.0.1', () =>
        socket.write(`GET /primus/bind?VER=8&SID=${sid}&RID=rpc&TYPE=xmlhttp&CI=0&AID=0 HTTP/1.1\r\nHost: x\r\n\r\n`),
      );
      cleanup(() => socket.destroy());
      socket.on('error', () => {}).pause();
      await once(socket, 'readable');
      await roundTrips(url);
      return socket;
    };
    const first = await begin();
    const closed = once(first, 'close');
    await begin();
    first.resume();
    await closed;
    expect(spark.connection.link?.bufferedAmount).toBeLessThan(20_000_000);
    expect(spark.readyState).toBe(3);
  });

  it.each(['999999999', '99999999999999999999', '-1', 'x', '1e3', ''])('survive the acknowledgement %j', async (aid) => {
    const { url, sid, spark, poll } = await open();
    spark.write('one');
    const path = `/primus/bind?VER=8&SID=${sid}&RID=rpc&TYPE=xmlhttp&CI=1&AID=${aid}`;
    const first = ask(url, path);
    spark.write('two');
    expect([200, 400]).toContain((await Promise.race([first, poll()])).status);
    spark.write('three');
    const last = poll();
    spark.write('four');
    expect((await last).status).toBe(200);
    expect(spark.readyState).toBe(3);
  });

  it('open no session for a client that has left meanwhile', async () => {
    const { primus, port } = await serve({ transformer });
    const left = new Promise<void>((resolve) => {
      primus.use('slow', (request, _response, next) => {
        socket.destroy();
        request.socket.once('close', () => {
          next?.();
          resolve();
        });
      });
    });
    const socket = createConnection(port, '127.0.0.1', () =>
      socket.write('POST /primus/bind?VER=8&RID=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\ncount=0'),
    );
    await left;
    await settle();
    expect(primus.connected).toBe(0);
  });

  it('drop a session whose client terminates it out of turn', async () => {
    const scheduler = new Clock();
    const { url, sid, spark } = await open({ scheduler });
    expect((await ask(url, `/primus/bind?VER=8&SID=${sid}&RID=105&TYPE=terminate`)).status).toBe(200);
    const errors: unknown[] = [];
    spark.on('error', (error) => errors.push(error));
    const ended = event(spark, 'end');
    scheduler.advance(1_999);
    expect(spark.readyState).toBe(3);
    scheduler.advance(1);
    await ended;
    expect(errors).toEqual([]);
  });
});

describe('the sessions of browserchannel', () => {
  it.each([
    ['does not read', ''],
    ['reads but acknowledges nothing', 'read'],
  ])('are terminated when the client %s', async (_what, reads) => {
    const { port, url, spark, sid, poll, primus } = await open({ maxBuffer: 3_000_000 });
    const socket = createConnection(port, '127.0.0.1', () => {
      if (!reads) socket.write(`GET /primus/bind?VER=8&SID=${sid}&RID=rpc&TYPE=xmlhttp&CI=0 HTTP/1.1\r\nHost: x\r\n\r\n`);
    });
    cleanup(() => socket.destroy());
    socket.pause().on('error', () => {});
    const failed = event(spark, 'error');
    await once(socket, 'connect');
    await roundTrips(url);
    for (let count = 0; count < 500 && spark.readyState === 3; count++) {
      spark.write('x'.repeat(100_000));
      if (reads && count % 5 === 0) await poll().catch(() => {});
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await failed).toMatchObject([{ code: 'ERR_PRIMUS_SLOW_PEER' }]);
    expect(primus.connected).toBe(0);
  });

  it('end when the client does not poll within sessionTimeoutInterval', async () => {
    const { spark, errors } = await open({ transport: { sessionTimeoutInterval: 100 } });
    await event(spark, 'end');
    expect(errors).toEqual([]);
  });

  it('stay reachable during shutdown, when new ones are rejected', async () => {
    const { url, primus, spark, poll, server } = await open();
    primus.destroy({ timeout: 60_000 });
    spark.write('last');
    expect((await poll()).body).toContain('last');
    expect((await ask(url, '/primus/bind?VER=8&RID=1', { method: 'POST', headers: FORM, body: 'count=0' })).status).toBe(503);
    const farewell = poll(1);
    await requested(server);
    spark.end();
    expect((await farewell).body).toMatch(/primus::server::close.*\["stop"\]/);
  });

  it('answer a request that crosses the close, so that the client reads of the end', async () => {
    const { url, sid, spark, post, poll, received, server } = await open();
    const farewell = poll();
    await requested(server);
    spark.end();
    expect((await farewell).body).toMatch(/primus::server::close.*\["stop"\]/);
    expect(await post('count=1&ofs=0&req0__S=1')).toMatchObject({ status: 200, body: '7\n[1,2,0]' });
    expect(await post('count=1&ofs=1&req0__S=1')).toMatchObject({ status: 200, body: '7\n[1,2,0]' });
    expect((await poll()).status).toBe(400);
    expect((await ask(url, `/primus/bind?VER=8&SID=${sid}&RID=104&TYPE=terminate`)).status).toBe(400);
    expect(received).toEqual([]);
  });

  it('leave no timers of the framework running after the server is destroyed', async () => {
    const { url, primus, spark } = await open();
    const probe = await fetch(`${url}/primus/test?VER=8&TYPE=xmlhttp`);
    const rest = probe.text();
    await primus[Symbol.asyncDispose]();
    expect(await rest).toBe('111112');
    const { _sessionTimeout, _heartbeat } = spark.socket as Record<string, { _destroyed: boolean }>;
    expect([_sessionTimeout?._destroyed, _heartbeat?._destroyed]).toEqual([true, true]);
    const watcher = watchFile(require.resolve('browserchannel/dist/bcsocket.js'), { persistent: false }, () => {});
    cleanup(() => watcher.removeAllListeners());
    expect(watcher.listenerCount('change')).toBe(1);
  });
});

describe('a request that takes long to parse', () => {
  it('decodes a form as URLSearchParams does', async () => {
    const { post, received } = await open({ parser: RAW });
    const values = ['', 'a b+c', 'é 漢 🎉 \0', '100%', '%zz%4', '+', '&=&', '"req1__S"', '\u2028'];
    const fields = values.map((value, index) => [`req${index}__S`, value]);
    const body = new URLSearchParams([['count', String(values.length)], ['ofs', '0'], ...fields] as string[][]);
    expect(await post(String(body))).toMatchObject({ status: 200 });
    await until(() => received.length === values.length);
    expect(received).toEqual(values);
  });

  it('leaves broken escapes and bytes as they are, and skips a message that occurs twice', async () => {
    const { post, received } = await open({ parser: RAW });
    expect(await post('count=4&ofs=0&req0__S=%zz%4&req1__S=%ff%E6%BC&req2__S=a&req2__S=b&req3__S=%')).toMatchObject({ status: 200 });
    await until(() => received.length === 3);
    expect(received).toEqual(['%zz%4', '\ufffd\ufffd', '%']);
  });

  it('takes no more time than its length needs', async () => {
    const { post, received } = await open({ parser: RAW, maxLength: 2_000_000 });
    const reference = await processorTime(() => decodeURIComponent('%41'.repeat(2_000_000)));
    let time = 0;
    for (const [index, part] of ['+', '%2b', '%zz', '%'].entries()) {
      const body = `count=1&ofs=${index}&req0__S=${part.repeat(600_000)}`;
      time = Math.max(time, await processorTime(() => post(body)));
    }
    expect(received).toHaveLength(4);
    expect(time).toBeLessThan(reference * 5 + 2_000);
  });

  it('is rejected when it is JSON with too many brackets or values', async () => {
    const { post, errors } = await open();
    const json = { headers: { 'content-type': 'application/json' } };
    for (const data of [`${'['.repeat(2_000)}${']'.repeat(2_000)}`, `[[${'1,'.repeat(200_000)}1]]`, '['.repeat(500_000)])
      expect(await post(`{"ofs":0,"data":${data}}`, json)).toMatchObject({ status: 400 });
    expect(errors).toEqual([]);
  });

  it('delivers many long messages in order, in several turns, and the end behind them', async () => {
    const { post, received, spark, url, sid } = await open({ maxLength: 5_000_000 });
    const long = JSON.stringify(Array.from({ length: 20_000 }, (_, index) => ({ [`key${index}`]: [] })));
    const count = 12;
    const fields = Array.from({ length: count }, (_, index) => `req${index}__S=${encodeURIComponent(long)}`).join('&');
    const ended = event(spark, 'end');
    await post(`count=${count}&ofs=0&${fields}`);
    await ask(url, `/primus/bind?VER=8&SID=${sid}&RID=102&TYPE=terminate`);
    await ended;
    expect(received).toHaveLength(count);
  });
});
