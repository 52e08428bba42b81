import { describe, expect, it } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { watchForCrashes } from '../server/crashes.js';
import { handshake, raw } from '../server/raw.js';
import { event, LIMIT, requested, serve, until } from '../support/serve.js';
import { missing } from './missing.js';

missing('sockjs', 'sockjs');

const transformer = 'sockjs';

/** A server, and a function that requests something below its path. */
async function start(options: ServerOptions = {}) {
  const served = await serve({ transformer, pathname: '/echo', pingInterval: false, ...options });
  const ask = async (method: string, path: string, { body, ...headers }: Record<string, string> = {}) => {
    const init = { method, headers, signal: AbortSignal.timeout(LIMIT), ...(body !== undefined && { body }) };
    const response = await fetch(`${served.url}/echo${path}`, init);
    return { status: response.status, body: await response.text(), headers: Object.fromEntries(response.headers) };
  };
  return { ...served, ask };
}

const NOT_CACHED = 'no-store, no-cache, no-transform, must-revalidate, max-age=0';

// From sockjs-protocol, the tests that describe the protocol of SockJS 0.3.3 and later.
describe('the protocol of sockjs', () => {
  watchForCrashes();

  it.each(['', '/'])('greets at %j below its path', async (path) => {
    const { ask } = await start();
    const { status, body, headers } = await ask('GET', path);
    expect({ status, body }).toEqual({ status: 200, body: 'Welcome to SockJS!\n' });
    expect(headers['content-type']).toMatch(/^text\/plain; ?charset=UTF-8$/);
    expect(headers).not.toHaveProperty('set-cookie');
  });

  it('answers 404 to unknown paths and malformed session paths', async () => {
    const { ask } = await start();
    for (const path of [
      '/a',
      '/a.html',
      '//',
      '///',
      '/a/a',
      '/a/a/',
      '/iframe.htm',
      '/iframe',
      '/IFRAME.HTML',
      '/iframe.xml',
      '/iframe-/.html',
    ])
      expect([path, (await ask('GET', path)).status]).toEqual([path, 404]);
    for (const path of ['//', '/a./a', '/a/a.', '/', '///'])
      for (const method of ['GET', 'POST']) expect([path, (await ask(method, `${path}/xhr`)).status]).toEqual([path, 404]);
    for (const path of ['/a/a', '/_/_', '/1/1', '/abcdefgh_i-j%20/abcdefg_i-j%20'])
      expect(await ask('POST', `${path}/xhr`)).toMatchObject({ status: 200 });
  });

  it.each(['/iframe.html', '/iframe-a.html', '/iframe-.html', '/iframe-0.1.2.html', '/iframe-0.1.2abc-dirty.2144.html?t=qweqweq123'])(
    'serves the page %s, which may be cached',
    async (path) => {
      const { ask } = await start();
      const { status, body, headers } = await ask('GET', path);
      expect(status).toBe(200);
      expect(headers['content-type']).toMatch(/^text\/html; ?charset=UTF-8$/);
      expect(headers).toMatchObject({ 'cache-control': expect.stringMatching(/public.*max-age=\d{7}/), expires: expect.any(String) });
      expect(headers).not.toHaveProperty('last-modified');
      expect(headers).not.toHaveProperty('pragma');
      expect(body).toContain('<script src="/echo/sockjs.min.js"></script>');
      const again = await ask('GET', path, { 'if-none-match': headers.etag as string });
      expect(again).toMatchObject({ status: 304, body: '' });
      expect(again.headers).not.toHaveProperty('content-type');
    },
  );

  it.each(['test', 'http://a.example', undefined])('describes itself in /info, with entropy, to the origin %s', async (origin) => {
    const { ask } = await start();
    const answers = [await ask('GET', '/info', origin ? { origin } : {}), await ask('GET', '/info', origin ? { origin } : {})];
    const [first, second] = answers.map(({ body }) => JSON.parse(body) as { entropy: number });
    expect(first).toEqual({ websocket: true, origins: ['*:*'], cookie_needed: false, entropy: expect.any(Number) });
    expect(first?.entropy).not.toBe(second?.entropy);
    expect(answers[0]?.headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/json; ?charset=UTF-8$/),
      'cache-control': NOT_CACHED,
      'access-control-allow-origin': origin ?? '*',
    });
    expect(answers[0]?.headers['access-control-allow-credentials']).toBe(origin && 'true');
    const { ask: other } = await start({ transport: { websocket: false, jsessionid: true } });
    expect(JSON.parse((await other('GET', '/info')).body)).toMatchObject({ websocket: false, cookie_needed: true });
  });

  it('names the origins in /info that may use the server, and answers no others', async () => {
    const { ask } = await start({ origins: ['https://a.example', 'http://b.example:8080'] });
    const { body, headers } = await ask('GET', '/info', { origin: 'https://a.example' });
    expect(JSON.parse(body)).toMatchObject({ origins: ['a.example:443', 'b.example:8080'] });
    expect(headers).toMatchObject({ 'access-control-allow-origin': 'https://a.example', vary: expect.stringContaining('Origin') });
    const rejected = await ask('GET', '/info', { origin: 'https://c.example' });
    expect(rejected.status).toBe(403);
    expect(rejected.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it.each([
    ['/info', 'GET'],
    ['/abc/abc/xhr', 'POST'],
    ['/abc/abc/xhr_send', 'POST'],
    ['/abc/abc/xhr_streaming', 'POST'],
  ])('answers OPTIONS of %s so that it may be cached', async (path, method) => {
    const { ask, primus } = await start();
    const cached = {
      'cache-control': expect.stringMatching(/public.*max-age=[1-9]\d{6}/),
      expires: expect.any(String),
      'access-control-max-age': expect.stringMatching(/^\d{7,}$/),
      'access-control-allow-methods': expect.stringMatching(new RegExp(`(?=.*OPTIONS).*${method}`)),
    };
    for (const origin of ['test', 'http://a.example']) {
      for (const more of [{}, { 'access-control-request-method': method, 'access-control-request-headers': 'a, b, c' }]) {
        const { status, body, headers } = await ask('OPTIONS', path, { origin, ...more });
        expect([200, 204]).toContain(status);
        expect(body).toBe('');
        expect(headers).toMatchObject({
          ...cached,
          'access-control-allow-origin': origin,
          'access-control-allow-credentials': 'true',
          ...('access-control-request-method' in more && { 'access-control-allow-headers': 'a, b, c' }),
        });
      }
    }
    expect((await ask('OPTIONS', path)).headers).toMatchObject(cached);
    // Never with credentials: any sandboxed frame has this origin.
    const { headers } = await ask('OPTIONS', path, { origin: 'null', 'access-control-request-method': method });
    expect(headers).toMatchObject({ 'access-control-allow-origin': 'null' });
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    expect(primus.connected).toBe(0);
  });

  it('answers other methods with 405 and Allow, whatever the endpoint', async () => {
    const { ask, primus, port } = await start();
    const allowed: Record<string, string> = {
      '': 'GET',
      '/info': 'OPTIONS, GET',
      '/iframe.html': 'GET',
      '/websocket': 'GET',
      '/1/2/websocket': 'GET',
      '/1/2/xhr': 'POST, OPTIONS',
      '/1/2/xhr_send': 'POST, OPTIONS',
      '/1/2/xhr_streaming': 'POST, OPTIONS',
      '/1/2/jsonp': 'GET',
      '/1/2/jsonp_send': 'POST',
      '/1/2/eventsource': 'GET',
      '/1/2/htmlfile': 'GET',
    };
    for (const [path, methods] of Object.entries(allowed)) {
      for (const method of ['HEAD', 'GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        if (methods.split(', ').includes(method)) continue;
        const { status, body, headers } = await ask(method, path);
        const isSend = /_send$/.test(path) && method === 'POST';
        expect([path, method, status, body]).toEqual([path, method, isSend ? 404 : 405, '']);
        expect(headers.allow).toBe(methods);
        expect(headers).not.toHaveProperty('content-type');
      }
    }
    const upgrade = await (await raw(port)).send(handshake('/echo/0/0/websocket').replace('GET', 'POST')).answer();
    expect(upgrade).toMatch(/^HTTP\/1\.1 405 .*Allow: GET/s);
    expect(upgrade).not.toMatch(/content-type/i);
    for (const path of ['/websocket', '/0/0/websocket']) expect((await ask('GET', path)).status).toBe(400);
    expect(primus.connected).toBe(0);
  });

  it('sends the preludes of streaming, and ends a response at response_limit', async () => {
    const { url, ask, primus } = await start({ transport: { response_limit: 4_096 } });
    for (const [method, path, prelude, type] of [
      ['POST', '/1/a/xhr_streaming', `${'h'.repeat(2_048)}\no\n`, /^application\/javascript; ?charset=UTF-8$/],
      ['GET', '/1/b/eventsource', '\r\ndata: o\r\n\r\n', /^text\/event-stream$/],
      ['GET', '/1/c/htmlfile?c=%63allback', '', /^text\/html; ?charset=UTF-8$/],
    ] as const) {
      const response = await fetch(`${url}/echo${path}`, { method });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(type);
      expect(response.headers.get('cache-control')).toBe(NOT_CACHED);
      const text = response.text();
      const session = path.replace(/[^/]*$/, 'xhr_send');
      await until(async () => (await ask('POST', session, { body: '[]' })).status === 204);
      for (const spark of Object.values(primus.connections)) spark.write('x'.repeat(5_000));
      expect((await text).startsWith(prelude)).toBe(true);
      expect(await text).toContain('x'.repeat(5_000));
      if (path.includes('htmlfile')) {
        expect((await text).indexOf('<script>\np("o");\n</script>\r\n')).toBeGreaterThan(1_024);
        expect(await text).toContain('var c = parent.callback;');
      }
    }
  });

  it('rejects callbacks that are none, in jsonp and htmlfile', async () => {
    const { ask, primus } = await start();
    for (const verb of ['jsonp', 'htmlfile']) {
      expect(await ask('GET', `/a/a/${verb}`)).toMatchObject({ status: 500, body: '"callback" parameter required' });
      for (const callback of ['%20', '*', 'abc(', 'abc%28'])
        expect(await ask('GET', `/a/a/${verb}?c=${callback}`)).toMatchObject({ status: 500, body: 'invalid "callback" parameter' });
    }
    expect(primus.connected).toBe(0);
  });

  it.each([
    ['xhr', 'POST', '/xhr', (frame: string) => `${frame}\n`, 204],
    ['jsonp', 'GET', '/jsonp?c=x', (frame: string) => `/**/x(${JSON.stringify(frame)});\r\n`, 200],
  ])('accepts and rejects the bodies of %s_send as the protocol asks', async (name, method, poll, printed, accepted) => {
    const { ask, primus } = await start();
    primus.on('connection', (spark: Spark) => spark.on('data', (data) => spark.write(data)));
    const session = `/000/${name}`;
    const form = name === 'jsonp';
    const type = form ? 'application/x-www-form-urlencoded' : 'text/plain';
    const send = (body: string, contentType = type) =>
      ask('POST', `${session}/${name}_send`, {
        'content-type': contentType,
        body: contentType === type && form ? `d=${encodeURIComponent(body)}` : body,
      });
    expect(await ask(method, session + poll)).toMatchObject({ status: 200, body: printed('o') });
    expect(await send('["x')).toMatchObject({ status: 500, body: 'Broken JSON encoding.' });
    for (const body of form ? ['', 'd=', 'p=p'] : ['', '{}', '1', 'null', '"x"'])
      expect(await ask('POST', `${session}/${name}_send`, { 'content-type': type, body })).toMatchObject({
        status: 500,
        body: 'Payload expected.',
      });
    expect(await send('[]')).toMatchObject({ status: accepted });
    const types = form
      ? [type, 'text/plain']
      : ['text/plain', 'T', 'application/json', 'application/xml', 'application/json; charset=utf-8', 'text/xml'];
    for (const contentType of types) {
      const { status, body, headers } = await send('["1"]', contentType);
      expect([contentType, status, body]).toEqual([contentType, accepted, form ? 'ok' : '']);
      expect(headers).toMatchObject({
        'content-type': expect.stringMatching(/^text\/plain; ?charset=UTF-8$/),
        'cache-control': NOT_CACHED,
      });
    }
    // The server part of the path is ignored: the session's id is what counts.
    const answer = await ask(method, session.replace('000', '999') + poll);
    expect(answer.body).toBe(printed(`a[${types.map(() => '"1"').join(',')}]`));
    expect(answer.headers['cache-control']).toBe(NOT_CACHED);
    expect((await ask('POST', `/000/none/${name}_send`, { 'content-type': 'text/plain', body: '["1"]' })).status).toBe(404);
    expect(primus.connected).toBe(1);
  });

  it('sets the cookie JSESSIONID where it is asked to', async () => {
    const { ask } = await start({ transport: { jsessionid: true } });
    expect((await ask('POST', '/000/a/xhr')).headers['set-cookie']).toBe('JSESSIONID=dummy; path=/');
    expect((await ask('POST', '/000/b/xhr', { cookie: 'JSESSIONID=abcdef' })).headers['set-cookie']).toBe('JSESSIONID=abcdef; path=/');
    expect((await ask('GET', '/info')).headers).not.toHaveProperty('set-cookie');
  });

  it('repeats the close frame until the session is over, and then has a new one', async () => {
    const { ask, primus } = await start({ transport: { disconnect_delay: 300 } });
    primus.on('connection', (spark: Spark) => {
      spark.write('secret');
      (spark.socket as { close(code: number, reason: string): void }).close(3000, 'Go away!');
    });
    expect((await ask('POST', '/000/a/xhr')).body).toBe('o\n');
    const first = (await ask('POST', '/000/a/xhr')).body;
    expect(first).toContain('c[3000,"Go away!"]\n');
    expect((await ask('POST', '/000/a/xhr')).body).toBe('c[3000,"Go away!"]\n');
    // A stranger with the same id gets a session of its own: no message of the first, and nothing that is sent reaches it.
    await until(async () => (await ask('POST', '/000/a/xhr_send', { body: '["1"]' })).status === 404);
    expect((await ask('POST', '/000/a/xhr')).body).toBe('o\n');
  });

  it('has no message of a session for a later one with its id, and none of the later for it', async () => {
    // So long a busy machine may take between two requests of the second session, which ends as the first one does.
    const { ask, primus } = await start({ transport: { disconnect_delay: 3_000 } });
    const received: unknown[] = [];
    primus.on('connection', (spark: Spark) => spark.on('data', (data) => received.push([spark.id, data])));
    await ask('POST', '/1/shared/xhr');
    const [first] = Object.values(primus.connections) as [Spark];
    first.write('for the first');
    await event(first, 'end');
    expect((await ask('POST', '/2/shared/xhr')).body).toBe('o\n');
    await ask('POST', '/2/shared/xhr_send', { body: '["2"]' });
    const [second] = Object.values(primus.connections) as [Spark];
    expect(second.id).not.toBe(first.id);
    expect(received).toEqual([[second.id, 2]]);
    first.write('too late');
    second.write('for the second');
    expect((await ask('POST', '/2/shared/xhr')).body).toBe('a["\\"for the second\\""]\n');
    expect(JSON.stringify([first.id, second.id, first.query])).not.toContain('shared');
  });

  it('gives the second of two polls an error, and keeps the session of the first, until that is aborted', async () => {
    const { ask, primus, url, server } = await start();
    for (const verb of ['xhr', 'xhr_streaming']) {
      await ask('POST', '/000/two/xhr');
      const [spark] = Object.values(primus.connections) as [Spark];
      const aborting = new AbortController();
      const arrived = requested(server);
      const first = fetch(`${url}/echo/000/two/${verb}`, { method: 'POST', signal: aborting.signal }).then((response) => response.text());
      first.catch(() => {});
      await arrived;
      expect((await ask('POST', '/000/two/xhr')).body).toBe('c[2010,"Another connection still open"]\n');
      expect(spark.readyState).toBe(3);
      expect((await ask('POST', '/000/two/xhr_send', { body: '["1"]' })).status).toBe(204);
      const ended = event(spark, 'end');
      aborting.abort();
      await ended;
      expect(primus.connected).toBe(0);
    }
  });
});
