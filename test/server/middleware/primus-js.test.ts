import { type IncomingHttpHeaders, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../../src/index.js';
import { serve } from '../../support/serve.js';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** A server, and requests for its client library that no HTTP client adds headers to or decompresses. */
async function serveRoute(options: ServerOptions) {
  const served = await serve(options);
  const get = (headers: Record<string, string> = {}, method = 'GET', file = 'primus.js'): Promise<Answer> =>
    new Promise((resolve, reject) => {
      request(`${served.url}/primus/${file}`, { headers, method }, async (response) => {
        resolve({ status: response.statusCode as number, headers: response.headers, body: await buffer(response) });
      })
        .on('error', reject)
        .end();
    });
  return { ...served, get };
}

const decode: Record<string, (body: Buffer) => Buffer> = { gzip: gunzipSync, br: brotliDecompressSync };

describe.each(['websockets', 'uws'])('the route primus.js of a server with %s', (transformer) => {
  const start = (options: ServerOptions = {}) => serveRoute({ transformer, ...options });

  it('serves the library byte for byte to a client that accepts no compression', async () => {
    const { get, primus } = await start();
    const { headers, body } = await get();
    expect(body.toString()).toBe(primus.library());
    expect(headers['content-encoding']).toBeUndefined();
    expect(headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'content-length': String(Buffer.byteLength(primus.library())),
      'x-content-type-options': 'nosniff',
      'cache-control': 'public, max-age=0, must-revalidate',
      vary: 'Origin, Accept-Encoding',
      etag: expect.stringMatching(/^"[^"]+"$/),
    });
  });

  it.each(['gzip', 'br'])('compresses the library with %s', async (encoding) => {
    const { get, primus } = await start();
    const { headers, body } = await get({ 'accept-encoding': encoding });
    expect(headers).toMatchObject({ 'content-encoding': encoding, 'content-length': String(body.length), vary: 'Origin, Accept-Encoding' });
    expect(decode[encoding]?.(body).toString()).toBe(primus.library());
    expect(body.length).toBeLessThan(primus.library().length / 3);
  });

  it.each([
    ['gzip, deflate, br', 'br'],
    ['GZIP, deflate', 'gzip'],
    ['x-gzip', 'gzip'],
    ['br;q=0.5, gzip;q=0.8', 'gzip'],
    ['br ; q=0 , gzip', 'gzip'],
    ['gzip;q=0, br;q=0', undefined],
    ['gzip;q=0.000', undefined],
    ['gzip;q=0.5, identity', undefined],
    ['identity', undefined],
    ['deflate, zstd', undefined],
    ['', undefined],
    ['gzip;q=nonsense', undefined],
    ['*', 'br'],
    ['*, br;q=0', 'gzip'],
    ['*;q=0, gzip', 'gzip'],
    ['identity;q=0, gzip;q=0.001', 'gzip'],
  ])('answers Accept-Encoding: %s with the encoding %s', async (accepted, encoding) => {
    const { get } = await start();
    const { status, headers } = await get({ 'accept-encoding': accepted });
    expect([status, headers['content-encoding']]).toEqual([200, encoding]);
  });

  it.each(['identity;q=0', '*;q=0', 'identity;q=0, gzip;q=0, deflate'])(
    'rejects with 406 a client that accepts no encoding it has: %s',
    async (accepted) => {
      const { get } = await start();
      const { status, headers } = await get({ 'accept-encoding': accepted });
      expect(status).toBe(406);
      expect(headers.vary).toBe('Origin, Accept-Encoding');
    },
  );

  it('has an ETag for each encoding, which stays while the library does', async () => {
    const { get, primus } = await start();
    const tags = async () =>
      Promise.all(['identity', 'gzip', 'br'].map(async (accepted) => (await get({ 'accept-encoding': accepted })).headers.etag));
    const first = await tags();
    expect(new Set(first).size).toBe(3);
    expect(await tags()).toEqual(first);
    primus.plugin('one', { client() {} });
    const second = await tags();
    expect(new Set([...first, ...second]).size).toBe(6);
    primus.plugout('one');
    expect(await tags()).toEqual(first);
  });

  it('has the same ETag in every process that serves the same library', async () => {
    const [one, other] = [await start({ origins: 'http://a.example' }), await start()];
    expect((await one.get()).headers.etag).toBe((await other.get()).headers.etag);
  });

  it('answers 304 without a body when the client has the library already', async () => {
    const { get, primus } = await start();
    const accepted = { 'accept-encoding': 'gzip' };
    const { etag = '' } = (await get(accepted)).headers;
    for (const condition of [etag, `W/${etag}`, `"other", ${etag}`, `"a,b" , W/"c",${etag}`, '*']) {
      const { status, headers, body } = await get({ ...accepted, 'if-none-match': condition, origin: 'http://a.example' });
      expect([status, body.length], condition).toEqual([304, 0]);
      expect(headers).toMatchObject({
        etag,
        'cache-control': 'public, max-age=0, must-revalidate',
        vary: 'Origin, Accept-Encoding',
        'access-control-allow-origin': 'http://a.example',
      });
      for (const name of ['content-length', 'content-type', 'content-encoding']) expect(headers).not.toHaveProperty(name);
    }
    const without = { 'accept-encoding': 'identity', 'if-none-match': etag };
    expect((await get(without)).status).toBe(200);
    expect((await get({ ...accepted, 'if-none-match': etag.slice(1, -1) })).status).toBe(200);
    primus.plugin('one', { client() {} });
    expect((await get({ ...accepted, 'if-none-match': etag })).status).toBe(200);
  });

  it('answers HEAD with the headers of GET, and no body', async () => {
    const { get } = await start();
    for (const accepted of ['identity', 'gzip', 'br']) {
      const [head, full] = [await get({ 'accept-encoding': accepted }, 'HEAD'), await get({ 'accept-encoding': accepted })];
      const { date: _, ...headers } = full.headers;
      expect(head.headers).toMatchObject(headers);
      expect([head.status, head.body.length]).toEqual([200, 0]);
      expect((await get({ 'accept-encoding': accepted, 'if-none-match': headers.etag ?? '' }, 'HEAD')).status).toBe(304);
    }
  });

  it('ignores ranges', async () => {
    const { get, primus } = await start();
    const { status, body } = await get({ range: 'bytes=0-9' });
    expect([status, body.toString()]).toEqual([200, primus.library()]);
  });

  it('keeps the headers of cross-origin requests, and a `Vary` of middleware before it', async () => {
    const { get, primus } = await start();
    primus.use(
      'mine',
      (_request: unknown, response: { appendHeader(name: string, value: string): void }) => response.appendHeader('Vary', 'Cookie'),
      {},
      0,
    );
    const { headers } = await get({ origin: 'http://a.example', 'accept-encoding': 'gzip' });
    expect(headers.vary?.split(/, */).sort()).toEqual(['Accept-Encoding', 'Cookie', 'Origin']);
    expect(headers['access-control-allow-origin']).toBe('http://a.example');
  });

  it('leaves `Cache-Control` to middleware before it that sets it', async () => {
    const { get, primus } = await start();
    const layer = (_request: unknown, response: { setHeader(name: string, value: string): void }) =>
      response.setHeader('Cache-Control', 'public, max-age=600');
    primus.use('mine', layer, {}, 0);
    const { headers } = await get();
    expect(headers['cache-control']).toBe('public, max-age=600');
    expect((await get({ 'if-none-match': headers.etag ?? '' })).headers['cache-control']).toBe('public, max-age=600');
  });

  it('serves what `primus.library` gives when a plugin has replaced it', async () => {
    const { get, primus } = await start();
    const { library } = primus;
    primus.library = () => `/* mine */${library.call(primus)}`;
    expect((await get()).body.toString()).toBe(primus.library());
    primus.library = () => 'é';
    expect((await get()).headers['content-length']).toBe('2');
  });
});
