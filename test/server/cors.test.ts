import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { seal } from '../../src/server/middleware/cors.js';
import { canonical, originSet } from '../../src/server/middleware/origins.js';
import { event, serve } from '../support/serve.js';
import { handshake, raw } from './raw.js';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A plain request that may say anything, unlike those of `fetch`. */
function ask(port: number, headers: OutgoingHttpHeaders = {}, method = 'GET', path = '/primus/spec'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', method, path, headers, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    request.on('error', reject);
    request.end();
  });
}

const fields = ({ headers }: Answer) => Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-')));

const upgrade = async (port: number, headers: string) =>
  Number(/ (\d+) /.exec(await (await raw(port)).send(handshake('/primus', headers)).answer())?.[1]);

const preflight = { origin: 'http://a.example', 'access-control-request-method': 'POST' };

describe('origins', () => {
  it.each([
    ['http://a.example', 'http://a.example:80'],
    ['HTTP://A.Example', 'http://a.example:80'],
    ['https://a.example', 'https://a.example:443'],
    ['https://a.example:443', 'https://a.example:443'],
    ['https://a.example:444', 'https://a.example:444'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
    ['capacitor://localhost', 'capacitor://localhost:0'],
    ['null', 'null'],
  ])('%s is %s', (text, spelling) => {
    expect(canonical(text)).toBe(spelling);
  });

  it.each([
    '',
    'a.example',
    'http://',
    'http://user@a.example',
    'http://good.example@evil.example',
    'http://a.example/',
    'http://a.example/path',
    'http://a.example?x',
    'http://a.example#x',
    'http://a.example:port',
    'http://a.example:123456',
    'http://a.example\\.evil.example',
    'http://a.example, http://b.example',
    'http://a example',
    'null ',
  ])('%j is not an origin', (text) => {
    expect(canonical(text)).toBeUndefined();
  });

  it('are named in a string or a list, with international names in ASCII', () => {
    expect(originSet('*')).toBeUndefined();
    expect([...(originSet('http://a.example, https://b.example:8443/') ?? [])]).toEqual(['http://a.example:80', 'https://b.example:8443']);
    expect([...(originSet(['http://a.example', 'http://bücher.example']) ?? [])]).toEqual([
      'http://a.example:80',
      'http://xn--bcher-kva.example:80',
    ]);
    expect([...(originSet('') ?? [])]).toEqual([]);
  });

  it.each([['a.example'], ['http://*.example'], [['*']], [['http://a.example', '*']], ['http://a.example/path']])(
    '%o is refused',
    async (origins) => {
      await expect(serve({ origins })).rejects.toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
    },
  );
});

describe('cross-origin requests', () => {
  it('are answered as documented by default: with the origin of the page, and credentials', async () => {
    const { port } = await serve();
    const answer = await ask(port, { origin: 'http://a.example' });
    expect(answer.status).toBe(200);
    expect(fields(answer)).toEqual({
      'access-control-allow-origin': 'http://a.example',
      'access-control-allow-credentials': 'true',
    });
    expect(answer.headers.vary).toBe('Origin');
  });

  it('without Origin get no CORS headers, and `Vary`', async () => {
    const { port } = await serve();
    const answer = await ask(port);
    expect(fields(answer)).toEqual({});
    expect(answer.headers.vary).toBe('Origin');
  });

  it.each([{}, { cookie: 'a=b' }, { authorization: 'Basic c2VjcmV0' }])(
    'of a sandbox or a file are allowed no credentials: %o',
    async (secrets) => {
      const { port } = await serve();
      expect(fields(await ask(port, { origin: 'null', ...secrets }))).toEqual({ 'access-control-allow-origin': 'null' });
    },
  );

  it('are allowed no credentials when the option is false', async () => {
    const { port } = await serve({ credentials: false });
    expect(fields(await ask(port, { origin: 'http://a.example' }))).toEqual({ 'access-control-allow-origin': '*' });
  });

  it('get an answer to their preflight', async () => {
    const { port } = await serve();
    const answer = await ask(port, { ...preflight, 'access-control-request-headers': 'x-a, X-B' }, 'OPTIONS', '/primus');
    expect(answer.status).toBe(200);
    expect(answer.body).toBe('');
    expect(fields(answer)).toEqual({
      'access-control-allow-origin': 'http://a.example',
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '2592000',
      'access-control-allow-methods': 'GET, HEAD, PUT, POST, DELETE, OPTIONS',
      'access-control-allow-headers': 'x-a, X-B',
    });
  });

  it('are allowed the methods and headers of the options', async () => {
    const { port } = await serve({ methods: 'get, post', headers: ['X-A', 'X-B'], exposed: 'X-C,X-D', maxAge: '1 hour' });
    const asked = await ask(port, { ...preflight, 'access-control-request-headers': 'x-z' }, 'OPTIONS');
    expect(fields(asked)).toMatchObject({
      'access-control-max-age': '3600',
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'X-A, X-B',
    });
    expect(fields(await ask(port, { origin: 'http://a.example' }))).toMatchObject({ 'access-control-expose-headers': 'X-C, X-D' });
    const refused = await ask(port, { origin: 'http://a.example' }, 'PUT');
    expect([refused.status, JSON.parse(refused.body)]).toEqual([403, { error: expect.stringContaining('PUT') }]);
    expect((await ask(port, {}, 'PUT', '/primus')).status).toBe(426);
  });

  it.each([
    [3600, '3600'],
    ['2 days', '172800'],
    [0, undefined],
    [false, undefined],
  ])('are cached for the time of %s', async (maxAge, seconds) => {
    const { port } = await serve({ maxAge: maxAge as never });
    expect((await ask(port, preflight, 'OPTIONS')).headers['access-control-max-age']).toBe(seconds);
  });

  it.each<[string, unknown]>([
    ['maxAge', 'soon'],
    ['maxAge', -1],
    ['maxAge', {}],
    ['credentials', 'yes'],
    ['methods', 5],
  ])('reject the option %s: %o', async (option, value) => {
    await expect(serve({ [option]: value })).rejects.toThrow(new RegExp(option));
  });

  it('get no CORS headers when the layer is removed', async () => {
    const { port, primus } = await serve({ origins: 'http://a.example' });
    primus.remove('cors');
    const answer = await ask(port, { origin: 'http://evil.example' });
    expect([answer.status, fields(answer)]).toEqual([200, {}]);
  });
});

describe('origins that are named', () => {
  const origins = 'http://good.example, https://secure.example, http://port.example:8080';

  it.each<[string | undefined, number]>([
    [undefined, 200],
    ['http://good.example', 200],
    ['http://GOOD.example', 200],
    ['http://good.example:80', 200],
    ['https://secure.example:443', 200],
    ['http://port.example:8080', 200],
    ['http://evil.example', 403],
    ['https://good.example', 403],
    ['http://good.example:81', 403],
    ['http://port.example', 403],
    ['http://good.evil.example', 403],
    ['http://good.example.evil.example', 403],
    ['http://sub.good.example', 403],
    ['http://user@good.example', 403],
    ['http://good.example@evil.example', 403],
    ['http://good.example/', 403],
    ['http://good.example.', 403],
    ['good.example', 403],
    ['null', 403],
    ['', 403],
    ['http://good.example, http://evil.example', 403],
  ])('are enforced on requests and upgrades, before authorization: %s', async (origin, status) => {
    const authorization = vi.fn((_request: unknown, done: () => void) => done());
    const { port } = await serve({ origins, authorization: (request, done) => authorization(request, done) });
    const headers = origin === undefined ? {} : { origin };
    expect((await ask(port, headers)).status).toBe(status);
    expect((await ask(port, headers, 'GET', '/primus/primus.js')).status).not.toBe(status === 403 ? 200 : 403);
    expect((await ask(port, headers, 'POST', '/primus/x')).status).toBe(status === 403 ? 403 : 426);
    if (origin !== undefined) {
      const asked = await ask(port, { ...headers, 'access-control-request-method': 'GET' }, 'OPTIONS');
      expect([asked.status, asked.headers['access-control-allow-origin']]).toEqual([status, status === 200 ? origin : undefined]);
    }
    expect(await upgrade(port, origin === undefined ? '' : `Origin: ${origin}\r\n`)).toBe(status === 403 ? 403 : 101);
    expect(authorization).toHaveBeenCalledTimes(status === 403 ? 0 : 2);
  });

  it('reject another origin with JSON, and without headers that would let its page read the answer', async () => {
    const { port } = await serve({ origins });
    const answer = await ask(port, { origin: 'http://evil.example' });
    expect(fields(answer)).toEqual({});
    expect(answer.headers.vary).toBe('Origin');
    expect(JSON.parse(answer.body)).toEqual({ error: expect.stringContaining('http://evil.example') });
  });

  it('do not include the server’s own origin, which is logged once', async () => {
    const { port, primus } = await serve({ origins });
    const logged = vi.fn();
    primus.on('log', logged);
    for (let times = 0; times < 3; times++) expect(await upgrade(port, 'Origin: http://x\r\n')).toBe(403);
    expect(await upgrade(port, 'Origin: http://evil.example\r\n')).toBe(403);
    expect(logged).toHaveBeenCalledExactlyOnceWith('warning', expect.stringContaining('http://x'));
  });

  it('may be an empty list, which rejects every page', async () => {
    const { port } = await serve({ origins: [] });
    expect(await upgrade(port, 'Origin: http://a.example\r\n')).toBe(403);
    expect(await upgrade(port, '')).toBe(101);
  });

  it('may be `null`, which gets no credentials', async () => {
    const { port } = await serve({ origins: ['null'] });
    expect(fields(await ask(port, { origin: 'null', cookie: 'a=b' }))).toEqual({ 'access-control-allow-origin': 'null' });
  });
});

describe('a request without Origin', () => {
  const named = { origins: 'http://good.example' };

  it.each<[string, ServerOptions, OutgoingHttpHeaders, number]>([
    ['of no page, or an old browser, passes', named, {}, 200],
    ['of the server’s own page passes', named, { 'sec-fetch-site': 'same-origin' }, 200],
    ['that the user typed passes', named, { 'sec-fetch-site': 'none' }, 200],
    ['of another site is rejected', named, { 'sec-fetch-site': 'cross-site' }, 403],
    ['of another origin of the site is rejected', named, { 'sec-fetch-site': 'same-site' }, 403],
    ['of a page that is named passes', named, { 'sec-fetch-site': 'cross-site', referer: 'http://good.example/page?a=b' }, 200],
    ['of a page that is not named is rejected', named, { 'sec-fetch-site': 'cross-site', referer: 'http://evil.example/' }, 403],
    ['is not fooled by a longer name', named, { 'sec-fetch-site': 'cross-site', referer: 'http://good.example.evil.example/' }, 403],
    ['is not fooled by a user name', named, { 'sec-fetch-site': 'cross-site', referer: 'http://good.example@evil.example/' }, 403],
    ['with an odd referrer is rejected', named, { 'sec-fetch-site': 'cross-site', referer: 'about:blank' }, 403],
    ['of another site passes when all origins may', {}, { 'sec-fetch-site': 'cross-site' }, 200],
    ['with an odd referrer passes when all origins may', {}, { 'sec-fetch-site': 'cross-site', referer: 'http://a@b.example/' }, 200],
  ])('%s', async (_name, options, headers, status) => {
    const { port } = await serve({ ...options, transformer: 'sockjs' });
    expect((await ask(port, headers, 'GET', '/primus/info')).status).toBe(status);
    // The library and the specification have no secrets.
    for (const file of ['primus.js', 'spec']) expect((await ask(port, headers, 'GET', `/primus/${file}`)).status).toBe(200);
  });

  it.each([
    ['http://good.example/', true],
    ['http://other.example/', false],
  ])('of %s has credentials if it is named: %s', async (referer, expected) => {
    const { port, primus } = await serve({ origins: ['http://good.example'], transformer: 'sockjs' });
    const seen: unknown[] = [];
    primus.use('see', (request: IncomingMessage, _response: ServerResponse) => void seen.push(request.headers.cookie), {}, 2);
    await ask(port, { 'sec-fetch-site': 'cross-site', referer, cookie: 'a=b' }, 'GET', '/primus/info');
    expect(seen).toEqual(expected ? ['a=b'] : []);
  });
});

describe('frames', () => {
  it.each<[string, ServerOptions, string | undefined]>([
    ['of the server’s own pages only, by default', {}, "frame-ancestors 'self'"],
    ['of any page, where its credentials are wanted', { credentials: 'any-origin' }, undefined],
    [
      'of the origins that are named',
      { origins: ['https://a.example', 'http://b.example:8080', 'app://c', 'null'] },
      'frame-ancestors https://a.example:443 http://b.example:8080 app://c',
    ],
    ['of no page, where none is named', { origins: [] }, "frame-ancestors 'none'"],
  ])('may show answers in pages %s', async (_name, options, policy) => {
    const { port } = await serve({ ...options, transformer: 'sockjs' });
    for (const path of ['/primus/iframe.html', '/primus/1/2/htmlfile?c=x', '/primus/spec'])
      expect((await ask(port, {}, 'HEAD', path)).headers['content-security-policy']).toBe(policy);
  });
});

describe('credentials', () => {
  const SECRETS = 'Cookie: session=secret\r\nAuthorization: Basic c2VjcmV0\r\n';

  /** Returns the credentials of an upgrade that authorization and the spark see. */
  async function seen(options: ServerOptions, headers: string) {
    const asked = vi.fn();
    const { primus, port } = await serve({
      ...options,
      authorization: (request, done) => {
        asked(request.headers.cookie, request.headers.authorization);
        done();
      },
    });
    const logged = vi.fn();
    primus.on('log', logged);
    const announced = event(primus, 'connection');
    await (await raw(port)).send(handshake('/primus', SECRETS + headers)).answer();
    const [spark] = (await announced) as [Spark];
    const { request } = spark;
    const everywhere = JSON.stringify([spark.headers, request.headers, request.rawHeaders, request.headersDistinct]);
    return { visible: everywhere.includes('secret'), asked: asked.mock.calls[0], logged, spark, port };
  }

  // The handshake is addressed to the host x.
  it.each<[string, ServerOptions, string, boolean]>([
    ['of a client that sends no Origin', {}, '', true],
    ['of our own page', {}, 'Origin: http://x\r\n', true],
    ['of our own page, behind a proxy that ends TLS', {}, 'Origin: https://x\r\n', true],
    ['of our own page, in other letters', {}, 'Origin: HTTP://X\r\n', true],
    ['of another page', {}, 'Origin: http://evil.example\r\n', false],
    ['of another port', {}, 'Origin: http://x:81\r\n', false],
    ['of a page whose name begins with ours', {}, 'Origin: http://x.evil.example\r\n', false],
    ['of a sandbox', {}, 'Origin: null\r\n', false],
    ['of what is no origin', {}, 'Origin: ://\r\n', false],
    ['of another site’s script element', {}, 'Sec-Fetch-Site: cross-site\r\n', false],
    ['of our own script element', {}, 'Sec-Fetch-Site: same-origin\r\n', true],
    ['of another page that is named', { origins: 'http://good.example' }, 'Origin: http://good.example\r\n', true],
    [
      'of a named page, where none are wanted',
      { origins: 'http://good.example', credentials: false },
      'Origin: http://good.example\r\n',
      false,
    ],
    ['of any page, with any-origin', { credentials: 'any-origin' }, 'Origin: http://evil.example\r\n', true],
    ['of a sandbox that is named', { origins: 'null' }, 'Origin: null\r\n', false],
  ])('%s', async (_name, options, headers, visible) => {
    const result = await seen(options, headers);
    expect(result.visible).toBe(visible);
    expect(result.asked).toEqual(visible ? ['session=secret', 'Basic c2VjcmV0'] : [undefined, undefined]);
  });

  it('that are ignored are logged once, with a hint', async () => {
    const { logged, port } = await seen({}, 'Origin: http://evil.example\r\n');
    await ask(port, { origin: 'http://other.example', cookie: 'a=b' });
    expect(logged).toHaveBeenCalledExactlyOnceWith('warning', expect.stringMatching(/http:\/\/evil\.example.*origins/));
    expect(String(logged.mock.calls)).not.toContain('secret');
  });

  it('are removed without a change to other headers', async () => {
    const { spark } = await seen({}, 'Origin: http://evil.example\r\nX-Mine: 1\r\n');
    expect(spark.headers).toMatchObject({ origin: 'http://evil.example', 'x-mine': '1', host: 'x' });
    expect(spark.request.rawHeaders).toContain('X-Mine');
    expect(spark.request.rawHeaders.length % 2).toBe(0);
  });
});

describe('the headers of a framework', () => {
  /** Returns the answer of a framework that sets CORS headers of its own. */
  async function framework(options: ServerOptions, headers: OutgoingHttpHeaders) {
    const { primus, port } = await serve(options);
    primus.use('framework', (_request, response) => {
      // The last layer, in the place of the transformer.
      seal(response);
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('X-Framework', '1');
      response.writeHead(200, { 'Access-Control-Allow-Credentials': 'true', 'X-Other': '2' });
      response.end('polled');
      return true;
    });
    return ask(port, headers, 'GET', '/primus/poll');
  }

  it('do not allow more than the options', async () => {
    const answer = await framework({ origins: 'http://a.example', credentials: false }, { origin: 'http://a.example' });
    expect(fields(answer)).toEqual({ 'access-control-allow-origin': 'http://a.example' });
    expect(answer.headers).toMatchObject({ 'x-framework': '1', 'x-other': '2' });
    expect(answer.body).toBe('polled');
  });

  it('are not changed for requests without another origin', async () => {
    expect(fields(await framework({}, {}))).toEqual({ 'access-control-allow-origin': '*', 'access-control-allow-credentials': 'true' });
  });
});
