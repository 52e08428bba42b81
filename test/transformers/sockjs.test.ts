import { createRequire } from 'node:module';
import { createConnection } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Spark } from '../../src/index.js';
import { watchForCrashes } from '../server/crashes.js';
import { CLOSE, frame, handshake, rawWebSocket, TEXT } from '../server/raw.js';
import { startLaboratory } from '../support/laboratory.js';
import { cleanup, event, LIMIT, requested, roundTrips, serve, until } from '../support/serve.js';
import { contract } from './contract.js';
import { missing } from './missing.js';
import { refusesEndlessMessages } from './websocket-guards.js';

missing('sockjs', 'sockjs', 'sockjs-client');

describe.each(['websocket', 'xhr-streaming', 'xhr-polling'])('sockjs over %s', (transports) => {
  // A transport that is slow to open is aborted and tried again, which the server learns later: these tests wait longer.
  contract({
    transformer: 'sockjs',
    options: () => ({ transport: { transports, timeout: 10_000 } }),
  });
});

interface SockJS {
  readonly transport: string;
  onopen: () => void;
  onmessage: (event: { data: string }) => void;
  onclose: (event: { code: number; reason: string }) => void;
  send(data: string): void;
  close(): void;
}

const SockJS = createRequire(import.meta.url)('sockjs-client') as new (url: string, protocols: null, options: object) => SockJS;

const transformer = 'sockjs';

/** Requests an endpoint of the framework, by POST by default. */
async function ask(url: string, path: string, init: RequestInit = {}) {
  const response = await fetch(`${url}/primus${path}`, { method: 'POST', signal: AbortSignal.timeout(LIMIT), ...init });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

describe('sockjs', () => {
  watchForCrashes();

  it('reconnects with its first attempt in Node.js when its connections are half-open, idle ones too', async () => {
    const { primus, port } = await serve({ transformer, pingInterval: 100 });
    const lab = await startLaboratory(port);
    const client = new primus.Socket(lab.url, { pingTimeout: 300, reconnect: { min: 10, max: 50 } });
    cleanup(() => client.destroy());
    await event(client, 'open');
    const reconnected = event(client, 'reconnected');
    lab.halfOpen();
    expect(await reconnected).toMatchObject([{ attempt: 1 }]);
  });

  it.each(['[1,2]', '["end","more"]'])('drops the messages of a frame behind one that ends the connection: %s', async (text) => {
    const { primus, port, connect } = await serve({ transformer });
    const received: unknown[] = [];
    primus.on('connection', (spark) => {
      spark.on('error', () => {});
      spark.on('data', (data: unknown) => {
        received.push(data);
        if (data === 'end') spark.end();
      });
    });
    const client = await rawWebSocket(port, '/primus/000/some-session/websocket');
    const ended = event(primus, 'disconnection');
    client.send(
      frame(
        TEXT,
        text.replaceAll(/"(\w+)"/g, (string) => JSON.stringify(string)),
      ),
    );
    await ended;
    expect(received).toEqual(text.includes('end') ? ['end'] : []);
    await event(connect(), 'open');
  });

  it.each(['websocket', 'xhr-streaming', 'xhr-polling'])('serves an unmodified sockjs-client over %s', async (transports) => {
    const { primus, url } = await serve({ transformer });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write([data, spark.query.a])));
    const client = new SockJS(`${url}/primus?a=1`, null, { transports });
    cleanup(() => client.close());
    const received: string[] = [];
    client.onopen = () => client.send('"hello"');
    client.onmessage = ({ data }) => received.push(data);
    await until(() => received.length > 0);
    expect(client.transport).toBe(transports);
    expect(received).toEqual(['["hello","1"]']);
    const closed = new Promise((resolve) => {
      client.onclose = resolve;
    });
    for (const spark of Object.values(primus.connections)) spark.end();
    expect(await closed).toMatchObject({ code: 1000 });
    expect(received.at(-1)).toBe('"primus::server::close"');
  });

  it.each([
    ['eventsource', 'text/event-stream', /^data: (.*)$/gm, (frame: string) => frame],
    // A frame is a string of JavaScript there, within a page.
    ['htmlfile?c=callback', 'text/html', /^p\((".*")\);$/gm, (frame: string) => JSON.parse(frame) as string],
  ])('opens, accepts and sends messages over %s', async (endpoint, type, pattern, frameOf) => {
    const { primus, url } = await serve({ transformer, pingInterval: false });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write([data])));
    const response = await fetch(`${url}/primus/1/a/${endpoint}`);
    expect(response.headers.get('content-type')).toContain(type);
    let body = '';
    const over = (async () => {
      for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) body += Buffer.from(part).toString();
    })();
    const frames = () => [...body.matchAll(pattern)].map(([, frame]) => frameOf(frame as string));
    const messages = () =>
      frames()
        .filter((frame) => frame.startsWith('a'))
        .flatMap((frame) => JSON.parse(frame.slice(1)) as string[]);
    await until(() => frames()[0] === 'o');
    const values = ['é 漢 🎉 </script> \u2028', 2];
    for (const value of values)
      expect((await ask(url, '/1/a/xhr_send', { body: JSON.stringify([JSON.stringify(value)]) })).status).toBe(204);
    await until(() => messages().length === 2);
    for (const spark of Object.values(primus.connections)) spark.end('farewell');
    await over;
    expect(messages().map((message) => JSON.parse(message))).toEqual([
      ...values.map((value) => [value]),
      'farewell',
      'primus::server::close',
    ]);
    // No message ends the script it is in.
    if (type === 'text/html') expect(body).not.toContain('</script> \\');
    expect(primus.connected).toBe(0);
  });

  it('opens, accepts and sends messages over jsonp-polling', async () => {
    const { primus, url, server } = await serve({ transformer });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write([data])));
    const poll = async () => {
      const { status, headers, body } = await ask(url, '/1/a/jsonp?c=callback', { method: 'GET' });
      expect(status).toBe(200);
      expect(headers.get('content-type')).toContain('application/javascript');
      const [, frame] = /^\/\*\*\/callback\((".*")\);\r\n$/.exec(body) ?? [];
      return JSON.parse(frame as string) as string;
    };
    const messagesOf = (frame: string) => (JSON.parse(frame.slice(1)) as string[]).map((message) => JSON.parse(message));
    expect(await poll()).toBe('o');
    const value = 'é 漢 🎉 </script> \u2028 +%&=';
    const list = JSON.stringify([JSON.stringify(value), '2']);
    const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `d=${encodeURIComponent(list)}` };
    expect(await ask(url, '/1/a/jsonp_send', form)).toMatchObject({ status: 200, body: 'ok' });
    expect(messagesOf(await poll())).toEqual([[value], [2]]);
    const waiting = poll();
    expect(await ask(url, '/1/a/jsonp_send', { headers: { 'content-type': 'text/plain' }, body: '["3"]' })).toMatchObject({ body: 'ok' });
    expect(messagesOf(await waiting)).toEqual([[3]]);
    const farewell = poll();
    await requested(server);
    for (const spark of Object.values(primus.connections)) spark.end('farewell');
    expect(messagesOf(await farewell)).toEqual(['farewell', 'primus::server::close']);
  });

  it('carries messages over a raw WebSocket without SockJS framing', async () => {
    const { primus, url } = await serve({ transformer });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write([data])));
    const socket = new WebSocket(`${url.replace('http', 'ws')}/primus/websocket`);
    cleanup(() => socket.close());
    await event(socket, 'open');
    socket.send('"hello"');
    expect(String((await event(socket, 'message'))[0])).toBe('["hello"]');
  });

  it('compresses its WebSockets, and never inflates beyond its limit', async () => {
    const { primus, url } = await serve({ transformer, compression: true, maxLength: 100_000 });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    const socket = new WebSocket(`${url.replace('http', 'ws')}/primus/1/a/websocket`, { perMessageDeflate: { threshold: 0 } });
    cleanup(() => socket.terminate());
    expect(String((await event(socket, 'message'))[0])).toBe('o');
    expect(socket.extensions).toContain('permessage-deflate');
    const text = JSON.stringify('x'.repeat(90_000));
    socket.send(JSON.stringify([text]));
    expect(String((await event(socket, 'message'))[0])).toBe(`a${JSON.stringify([text])}`);
    socket.send(`["${'x'.repeat(50_000_000)}"]`);
    await until(() => primus.connected === 0);
  });

  it.each(['/primus/1/a/websocket', '/primus/websocket'])('rejects malformed handshakes at %s', async (path) => {
    const { port, primus } = await serve({ transformer });
    const good = handshake(path);
    for (const [text, status] of [
      [good.replace('GET', 'POST'), 405],
      [good.replace('Version: 13', 'Version: 8'), 426],
      [good.replace(/Sec-WebSocket-Key: \S+\r\n/, ''), 400],
      [good.replace('websocket HTTP', 'xhr HTTP'), 404],
      [`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nOrigin: x\r\n\r\n`, 400],
    ] as const) {
      const socket = createConnection(port, '127.0.0.1', () => socket.write(text));
      cleanup(() => socket.destroy());
      expect(String((await event(socket, 'data'))[0])).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
    expect(primus.connected).toBe(0);
  });

  it('delivers frames sent along with the handshake in order', async () => {
    const { port, primus } = await serve({ transformer });
    const seen: string[] = [];
    primus.on('connection', (spark) => {
      seen.push('connection');
      spark.on('data', (data) => seen.push(`data ${data}`));
    });
    primus.on('disconnection', () => seen.push('disconnection'));
    const frames = [frame(TEXT, '["1","2"]'), frame(TEXT, '"3"'), frame(CLOSE, Buffer.from([3, 232]))];
    const bytes = Buffer.concat([Buffer.from(handshake('/primus/1/a/websocket')), ...frames]);
    const socket = createConnection(port, '127.0.0.1', () => socket.write(bytes));
    cleanup(() => socket.destroy());
    await until(() => seen.includes('disconnection'));
    expect(seen).toEqual(['connection', 'data 1', 'data 2', 'data 3', 'disconnection']);
  });

  it.each(['/primus/1/a/websocket', '/primus/1/a/xhr_streaming', '/primus/1/a/xhr'])('terminates a slow consumer at %s', async (path) => {
    const { port, primus } = await serve({ transformer, maxBuffer: 3_000_000 });
    const request = path.endsWith('websocket') ? handshake(path) : `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`;
    const socket = createConnection(port, '127.0.0.1', () => socket.write(request));
    cleanup(() => socket.destroy());
    socket.pause();
    const [spark] = (await event(primus, 'connection')) as [Spark];
    const failed = event(spark, 'error');
    for (let count = 0; count < 500 && spark.readyState === 3; count++) {
      spark.write('x'.repeat(100_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await failed).toMatchObject([{ code: 'ERR_PRIMUS_SLOW_PEER' }]);
    expect(primus.connected).toBe(0);
  });

  refusesEndlessMessages(transformer, '/primus/1/a/websocket');

  it.each(['/', '/a.b+(c)'])('serves the pathname %s', async (pathname) => {
    const { primus, connect } = await serve({ transformer, pathname });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write([data])));
    for (const transports of ['websocket', 'xhr-polling']) {
      const client = connect({ transport: { transports } }, '/?a=1');
      client.write('hello');
      expect((await event(client, 'data'))[0]).toEqual(['hello']);
    }
  });

  it('uses no WebSocket with websockets: false', async () => {
    const { primus, connect } = await serve({ transformer });
    const client = connect({ websockets: false });
    await event(client, 'open');
    expect((client.socket as SockJS).transport).toBe('xhr-streaming');
    expect(primus.connected).toBe(1);
  });

  it('gives the spark the request unchanged, with all of its headers', async () => {
    const { primus, url } = await serve({ transformer });
    const announced = event(primus, 'connection');
    expect(await ask(url, '/1/session/xhr?a=b', { headers: { cookie: 'c=d', 'x-token': 't' } })).toMatchObject({
      status: 200,
      body: 'o\n',
    });
    const [spark] = (await announced) as [Spark];
    expect(spark.headers).toMatchObject({ cookie: 'c=d', 'x-token': 't' });
    expect(spark.request.url).toBe('/primus/1/session/xhr?a=b');
    expect(spark.query).toEqual({ a: 'b' });
    expect(Object.keys(spark.request)).not.toContain('session');
  });

  it('treats any session id as an opaque id of this server', async () => {
    const first = await serve({ transformer });
    const second = await serve({ transformer });
    for (const id of ['__proto__', 'constructor', 'hasOwnProperty', 'toString']) {
      expect(await ask(first.url, `/1/${id}/xhr_send`, { body: '["1"]' })).toMatchObject({ status: 404 });
      expect(await ask(first.url, `/1/${id}/xhr`)).toMatchObject({ status: 200, body: 'o\n' });
      expect(await ask(first.url, `/1/${id}/xhr_send`, { body: '["1"]' })).toMatchObject({ status: 204 });
      // Another server of the process has sessions of its own.
      expect(await ask(second.url, `/1/${id}/xhr_send`, { body: '["1"]' })).toMatchObject({ status: 404 });
    }
    expect(await ask(first.url, `/1/${'x'.repeat(5_000)}/xhr`)).toMatchObject({ status: 400 });
  });

  it('rejects malformed callback names and never echoes them', async () => {
    const { url, primus } = await serve({ transformer });
    for (const endpoint of ['jsonp', 'htmlfile']) {
      for (const callback of ['<script>alert(1)</script>', 'a"b', "a'b", '\u2028', 'a'.repeat(5_000)]) {
        const { status, body } = await ask(url, `/1/2/${endpoint}?c=${encodeURIComponent(callback)}`, { method: 'GET' });
        expect(status).toBe(400);
        expect(body).not.toContain(callback);
      }
      // As the protocol of the framework wants it.
      for (const query of ['', '?c=a(b', '?c=a&c=b'])
        expect((await ask(url, `/1/2/${endpoint}${query}`, { method: 'GET' })).status).toBe(500);
    }
    expect(await ask(url, '/1/2/jsonp?c=callback', { method: 'GET' })).toMatchObject({ status: 200, body: '/**/callback("o");\r\n' });
    expect(primus.connected).toBe(1);
  });

  it('answers requests in an unexpected order', async () => {
    const { url, primus, server } = await serve({ transformer });
    primus.on('connection', (spark) => spark.on('error', () => {}));
    for (const endpoint of ['xhr_send', 'jsonp_send'])
      expect(await ask(url, `/1/none/${endpoint}`, { body: '["1"]' })).toMatchObject({ status: 404 });
    for (const method of ['HEAD', 'PUT', 'DELETE']) {
      for (const endpoint of ['/info', '/1/2/xhr', '/1/2/xhr_send', '/1/2/xhr_streaming', '/1/2/jsonp', '/1/2/eventsource', '/websocket']) {
        expect((await ask(url, endpoint, { method })).status).toBe(405);
      }
    }
    for (const endpoint of ['/zzz', '/1/2/zzz', '//', '/1/2/3/4', '/iframe<b>.html']) expect((await ask(url, endpoint)).status).toBe(404);
    expect((await ask(url, '/websocket', { method: 'GET' })).status).toBe(400);
    expect((await ask(url, '/1/2/xhr', { method: 'OPTIONS' })).status).toBe(204);
    expect(primus.connected).toBe(0);

    // Two polls at once: the second gets an error, the first continues.
    expect(await ask(url, '/1/a/xhr')).toMatchObject({ body: 'o\n' });
    const [spark] = Object.values(primus.connections) as [Spark];
    const first = ask(url, '/1/a/xhr');
    await requested(server);
    expect((await ask(url, '/1/a/xhr')).body).toBe('c[2010,"Another connection still open"]\n');
    spark.write('still here');
    expect((await first).body).toBe('a["\\"still here\\""]\n');

    for (const body of ['', '["x', '{}', '1', 'null']) expect((await ask(url, '/1/a/xhr_send', { body })).status).toBe(500);
    expect(primus.connected).toBe(1);
    // A poll that is aborted ends the session.
    const aborted = new AbortController();
    const poll = fetch(`${url}/primus/1/a/xhr`, { method: 'POST', signal: aborted.signal }).catch(() => {});
    await requested(server);
    aborted.abort();
    await Promise.all([poll, event(spark, 'end')]);
  });

  it.each([
    ['of a number', '[1]'],
    ['of an object', '[{"a":1}]'],
    ['of nested lists', `[${'['.repeat(100_000)}${']'.repeat(100_000)}]`],
  ])('drops a session that sends a message %s', async (_what, body) => {
    const { url, primus } = await serve({ transformer });
    await ask(url, '/1/a/xhr');
    const [spark] = Object.values(primus.connections) as [Spark];
    const failed = event(spark, 'error');
    await ask(url, '/1/a/xhr_send', { body });
    expect(await failed).toMatchObject([{ closeCode: 1003 }]);
    expect((await ask(url, '/1/a/xhr')).body).toBe('c[1003,"Only strings are accepted"]\n');
  });

  it('answers 413 to an endless body and drops the session', async () => {
    const { url, primus } = await serve({ transformer, maxLength: 1_000 });
    await ask(url, '/1/a/xhr');
    const [spark] = Object.values(primus.connections) as [Spark];
    const failed = event(spark, 'error');
    expect((await ask(url, '/1/a/xhr_send', { body: 'x'.repeat(2_000_000) })).status).toBe(413);
    expect(await failed).toMatchObject([{ closeCode: 1009 }]);
    // One without Content-Length.
    await ask(url, '/1/b/xhr');
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
    const answer = await ask(url, '/1/b/xhr_send', { body: endless, duplex: 'half' } as RequestInit).catch(() => ({ status: 413 }));
    expect(answer.status).toBe(413);
    await until(() => primus.connected === 0);
    // As much in messages that are not too long is no matter.
    await ask(url, '/1/c/xhr');
    const [talkative] = Object.values(primus.connections) as [Spark];
    let count = 0;
    talkative.on('data', () => count++);
    expect(
      (await ask(url, '/1/c/xhr_send', { body: JSON.stringify(Array.from({ length: 1_000 }, () => JSON.stringify('x'.repeat(900)))) }))
        .status,
    ).toBe(204);
    expect(count).toBe(1_000);
  });

  it('does not read requests while it is paused', async () => {
    const { url, primus, server } = await serve({ transformer });
    await ask(url, '/1/a/xhr');
    const [spark] = Object.values(primus.connections) as [Spark];
    const received: unknown[] = [];
    spark.on('data', (data) => received.push(data));
    spark.pause();
    const sent = ask(url, '/1/a/xhr_send', { body: '["1"]' });
    await requested(server);
    await roundTrips(url);
    expect(received).toEqual([]);
    spark.resume();
    expect((await sent).status).toBe(204);
    expect(received).toEqual([1]);
  });

  it('answers the polls of open sessions during shutdown', async () => {
    const { url, primus, server } = await serve({ transformer });
    await ask(url, '/1/a/xhr');
    primus.destroy({ timeout: 60_000 });
    for (const spark of Object.values(primus.connections)) spark.write('last');
    expect((await ask(url, '/1/a/xhr')).body).toBe('a["\\"last\\""]\n');
    expect((await ask(url, '/1/b/xhr')).status).toBe(503);
    const [spark] = Object.values(primus.connections) as [Spark];
    const farewell = ask(url, '/1/a/xhr');
    await requested(server);
    spark.end();
    expect((await farewell).body).toBe('a["\\"primus::server::close\\""]\n');
  });
});
