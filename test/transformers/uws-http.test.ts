import { createServer, request as httpRequest, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { Primus } from '../../src/index.js';
import { printAddress } from '../../transformers/uws/engine/address.js';
import { AnswerReader } from '../../transformers/uws/engine/answer.js';
import { watchForCrashes } from '../server/crashes.js';
import { raw } from '../server/raw.js';
import { settle } from '../support/clock.js';
import { cleanup, event, serve, until } from '../support/serve.js';

// Its types are not among ours.
const express = createRequire(import.meta.url)('express') as {
  (): RequestListener & Record<'use' | 'get' | 'post', (...args: unknown[]) => void>;
  json(options: object): unknown;
};

interface Reply extends ServerResponse {
  cookie(name: string, value: string): this;
  status(code: number): this;
  json(body: unknown): void;
  send(body: unknown): void;
  sendFile(path: string): void;
}

interface Asked {
  readonly ip: string;
  readonly query: Record<string, string>;
  readonly body: Record<string, number>;
}

/** A server of the engine with a listener for requests beside it. */
async function app(listener: RequestListener) {
  const served = await serve({ transformer: 'uws' });
  served.server.on('request', listener);
  return served;
}

/** A request by Node's own client, on one connection that is kept. */
function ask(port: number, options: object = {}, body?: string | Buffer): Promise<IncomingMessage & { text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', ...options }, async (response) => {
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of response) chunks.push(chunk);
        resolve(Object.assign(response, { text: Buffer.concat(chunks).toString() }));
      } catch (error) {
        reject(error);
      }
    });
    request.on('error', reject).end(body);
  });
}

describe('requests beside uws', () => {
  watchForCrashes();

  it('are emitted as by a server of Node.js', async () => {
    const seen: IncomingMessage[] = [];
    const { port } = await app((request, response) => {
      seen.push(request);
      response.end();
    });
    const headers = { Cookie: ['a=1', 'b=2'], 'X-List': ['1', '2'], 'User-Agent': 'me', Constructor: 'x', __proto__: null };
    await ask(port, { path: '/a/b?c=%20&d', method: 'DELETE', headers });
    const [request] = seen as [IncomingMessage];
    expect(request).toBeInstanceOf(Readable);
    expect(request).toMatchObject({ method: 'DELETE', url: '/a/b?c=%20&d', httpVersion: '1.1', complete: true });
    expect(request.headers).toMatchObject({ cookie: 'a=1; b=2', 'x-list': '1, 2', 'user-agent': 'me', constructor: 'x' });
    expect(request.rawHeaders).toEqual(expect.arrayContaining(['x-list', '1', 'x-list', '2']));
    expect(request.socket.remoteAddress).toBe('127.0.0.1');
  });

  it('are answered with status, headers and body', async () => {
    const { port } = await app((_request, response) => {
      response.writeHead(418, 'Short and stout', {
        'Set-Cookie': ['a=1', 'b=2'],
        'X-Latin': 'é',
        'Content-Type': 'text/plain; charset=utf-8',
      });
      response.end('tea ☕');
    });
    const answer = await ask(port);
    expect(answer).toMatchObject({ statusCode: 418, statusMessage: 'Short and stout', text: 'tea ☕' });
    expect(answer.headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'x-latin': 'é' });
    expect(answer.rawHeaders.filter((name) => name.toLowerCase() === 'date')).toHaveLength(1);
  });

  it('are answered without a body where the status has none', async () => {
    const { port } = await app((request, response) => {
      response.statusCode = Number(request.url?.slice(1));
      if (request.method === 'HEAD') response.setHeader('Content-Length', 12);
      response.end(request.method === 'HEAD' ? 'twelve bytes' : undefined);
    });
    const agentless = await raw(port);
    const requests = ['GET /204', 'GET /304', 'HEAD /200', 'GET /200', 'HEAD /200'].map((start) => `${start} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const heads: string[] = [];
    for (const request of requests) heads.push(await agentless.send(request).answer());
    expect(heads.map((head) => head.slice(9, 12))).toEqual(['204', '304', '200', '200', '200']);
    expect(heads[0]).not.toMatch(/content-length/i);
    expect(heads[2]).toMatch(/content-length: 12/i);
    expect(heads[3]).toMatch(/content-length: 0/i);
    expect(heads[4]).toMatch(/content-length: 12/i);
  });

  it('are answered in pieces, of known length or not', async () => {
    for (const known of [false, true]) {
      const { port } = await app(async (_request, response) => {
        if (known) response.setHeader('Content-Length', 9);
        for (const piece of ['one', 'two', 'six']) {
          response.write(piece);
          await delay(5);
        }
        response.end();
      });
      const answer = await ask(port);
      expect(answer.text).toBe('onetwosix');
      expect(answer.headers[known ? 'content-length' : 'transfer-encoding']).toBe(known ? '9' : 'chunked');
    }
  });

  it('are answered with back-pressure, of known length or not', async () => {
    const size = 30_000_000;
    for (const known of [false, true]) {
      let most = 0;
      const { port } = await app((_request, response) => {
        if (known) response.setHeader('Content-Length', size);
        let sent = 0;
        const more = () => {
          while (sent < size) {
            sent += 100_000;
            most = Math.max(most, response.writableLength);
            if (!response.write(Buffer.alloc(100_000, String(sent % 10)))) {
              response.once('drain', more);
              return;
            }
          }
          response.end();
        };
        more();
      });
      let received = 0;
      await new Promise<void>((resolve, reject) => {
        const request = httpRequest({ port, host: '127.0.0.1' }, async (response) => {
          response.pause();
          await delay(30);
          response.on('data', (chunk: Buffer) => {
            received += chunk.length;
          });
          response.on('end', resolve).on('error', reject).resume();
        });
        request.on('error', reject).end();
      });
      expect(received).toBe(size);
      expect(most).toBeLessThan(1_000_000);
    }
  });

  it('have bodies with back-pressure', async () => {
    let most = 0;
    const { port } = await app(async (request, response) => {
      let size = 0;
      await delay(30);
      for await (const chunk of request) {
        most = Math.max(most, request.readableLength);
        size += (chunk as Buffer).length;
      }
      response.end(`${request.method} ${size} ${request.complete}`);
    });
    expect((await ask(port, { method: 'POST' }, 'x'.repeat(10))).text).toBe('POST 10 true');
    expect((await ask(port, { method: 'PUT' }, Buffer.alloc(20_000_000))).text).toBe('PUT 20000000 true');
    const chunked = { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' } };
    expect((await ask(port, chunked, 'x'.repeat(100_000))).text).toBe('POST 100000 true');
    expect((await ask(port, { method: 'POST' })).text).toBe('POST 0 true');
    expect(most).toBeLessThan(2_000_000);
  });

  it('may be answered before their body has arrived', async () => {
    const { port } = await app((request, response) => {
      response.writeHead(request.method === 'POST' ? 413 : 204, { 'Content-Length': 0 }).end();
    });
    const client = await raw(port);
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n', Buffer.alloc(1_000_000));
    expect(await client.answer()).toMatch(/^HTTP\/1\.1 413 /);
    client.send(Buffer.alloc(2_000_000), 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await client.answer()).toMatch(/^HTTP\/1\.1 204 /);
  });

  it('emit close on request and response when the client leaves', async () => {
    const events: string[] = [];
    const { port } = await app((request, response) => {
      request.on('error', (error: NodeJS.ErrnoException) => events.push(`request ${error.code}`));
      request.on('close', () => events.push('request close'));
      response.on('close', () => events.push(`response close ${response.writableFinished}`));
      request.resume();
      request.on('data', (chunk) => events.push(`request data ${chunk}`));
      request.on('close', () => setTimeout(() => events.push(`response ends late ${response.end('too late').writableEnded}`), 10));
    });
    const client = await raw(port);
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf');
    await until(() => events.length === 1);
    client.socket.destroy();
    await until(() => events.length === 5);
    expect(events.sort()).toEqual([
      'request ECONNRESET',
      'request close',
      'request data half',
      'response close false',
      'response ends late true',
    ]);
  });

  it('finish and close once, whether their body was read or not', async () => {
    for (const read of [false, true]) {
      const events: string[] = [];
      const { port } = await app((request, response) => {
        request.on('close', () => events.push('request close'));
        request.on('aborted', () => events.push('aborted'));
        for (const name of ['finish', 'close']) response.on(name, () => events.push(name));
        if (read) request.on('end', () => response.end('x')).resume();
        else response.end('x');
      });
      for (const body of [undefined, 'some']) {
        events.length = 0;
        await ask(port, { method: 'POST' }, body);
        await until(() => events.length === 3);
        // Any other event follows within a turn.
        for (let turns = 0; turns < 10; turns++) await settle();
        expect([...events].sort()).toEqual(['close', 'finish', 'request close']);
      }
    }
  });

  it('emit close on an event stream whose reader has left', async () => {
    const events: string[] = [];
    const { port } = await app((request, response) => {
      request.on('close', () => events.push('request close'));
      response.on('close', () => events.push('response close'));
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
    });
    const client = await raw(port);
    client.send('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await client.answer()).toMatch(/text\/event-stream/);
    client.socket.destroy();
    await until(() => events.length === 2);
    expect(events.sort()).toEqual(['request close', 'response close']);
  });

  it('may be terminated in the middle of the answer', async () => {
    const { port } = await app((request, response) => {
      if (request.url === '/half') response.writeHead(200, { 'Content-Length': 10 }).write('half');
      setTimeout(() => response.destroy(), 5);
    });
    for (const path of ['/half', '/nothing']) await expect(ask(port, { path })).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('are answered with 404 without a listener, and by Primus on its path', async () => {
    const { port, primus } = await serve({ transformer: 'uws' });
    expect((await ask(port, { path: '/elsewhere' })).statusCode).toBe(404);
    expect((await ask(port, { path: '/primus' })).statusCode).toBe(426);
    expect((await ask(port, { path: '/primus/primus.js' })).text).toBe(primus.library());
    expect((await ask(port, { path: '/primus/spec', headers: { Origin: 'http://x' } })).headers).toMatchObject({
      'content-type': expect.stringContaining('json'),
      'access-control-allow-origin': 'http://x',
    });
    const greet = (_request: unknown, response: { setHeader?(name: string, value: string): void }) => {
      response.setHeader?.('X-Greeting', 'hello');
    };
    primus.use('greet', greet, 0);
    expect((await ask(port, { path: '/primus/spec' })).headers['x-greeting']).toBe('hello');
  });

  it('survive malformed answers', async () => {
    const { port } = await app((_request, response) => {
      response.writeProcessing();
      response.setHeader('Transfer-Encoding', 'chunked');
      response.setHeader('Connection', 'close');
      response.setHeader('Trailer', 'X-Sum');
      response.write('a'.repeat(20));
      response.addTrailers({ 'X-Sum': '1' });
      response.end('b');
    });
    expect((await ask(port)).text).toBe(`${'a'.repeat(20)}b`);
  });

  it('are never answered beyond Content-Length, nor with an invalid one', async () => {
    const { port } = await app((request, response) => {
      response.writeHead(200, { 'Content-Length': request.url === '/long' ? 5 : '5 apples' }).write('abc');
      if (request.headers['x-wait'] === undefined) response.end('defgh');
      else setTimeout(() => response.end('defgh'), 20);
    });
    for (const name of ['X-Wait', 'X-Now'])
      expect((await ask(port, { path: '/long', headers: { [name]: '1' }, agent: false })).text).toBe('abcde');
    expect((await ask(port, { agent: false })).text).toBe('abcdefgh');
  });

  it('are answered with the chosen reason phrase and headers, byte by byte', async () => {
    const { port } = await app((_request, response) => void response.writeHead(200, 'très bien').end());
    expect((await ask(port)).statusMessage).toBe('très bien');
  });

  it.each([
    ['two lengths', 'Content-Length: 0\r\nContent-Length: 4'],
    ['twice the same length', 'Content-Length: 0\r\nContent-Length: 0'],
    ['an empty length', 'Content-Length: '],
    ['a similar encoding', 'Transfer-Encoding: xchunked'],
    ['an encoding before the chunks', 'Transfer-Encoding: gzip, chunked'],
    ['an encoding after the chunks', 'Transfer-Encoding: chunked, identity'],
    ['two encodings', 'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked'],
  ])('are rejected with %s, which a proxy may read differently', async (_, headers) => {
    const asked: unknown[] = [];
    const { port } = await app((request, response) => {
      asked.push(request.url);
      response.end();
    });
    for (const upgrade of ['', 'Connection: Upgrade\r\nUpgrade: x\r\n']) {
      const client = await raw(port);
      client.send(`POST /first HTTP/1.1\r\nHost: x\r\n${upgrade}${headers}\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`);
      await until(() => client.socket.closed);
      expect(client.socket.bytesRead).toBe(0);
    }
    expect(asked).toEqual([]);
  });

  it('may be sent by the thousand on one connection', async () => {
    const { port } = await app((request, response) => void response.writeHead(204, { 'X-Url': request.url }).end());
    const client = await raw(port);
    for (let index = 0; index < 1_000; index++) {
      client.send(`GET /${index} HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect(await client.answer()).toMatch(new RegExp(`^HTTP/1\\.1 204 [\\s\\S]*X-Url: /${index}\\b`));
    }
  });

  it('reach an Express app', async () => {
    const web = express();
    web.use(express.json({ limit: '1kb' }));
    web.get(
      '/hello',
      (request: Asked, response: Reply) => void response.cookie('a', '1').json({ hello: request.query.name, ip: request.ip }),
    );
    web.post('/sum', ({ body }: Asked, response: Reply) => void response.status(201).send({ sum: (body.a ?? 0) + (body.b ?? 0) }));
    web.get('/fail', () => {
      throw new Error('on purpose');
    });
    web.get('/file', (_request: Asked, response: Reply) => response.sendFile(new URL('../../package.json', import.meta.url).pathname));
    web.use((error: { status?: number }, _request: unknown, response: Reply, _next: unknown) => {
      response.status(error.status ?? 500).end('failed');
    });
    const server = createServer(web);
    const primus = new Primus(server, { transformer: 'uws' });
    cleanup(() => new Promise<void>((resolve) => primus.destroy(resolve)));
    server.listen(0, '127.0.0.1');
    await event(server, 'listening');
    const { port } = server.address() as { port: number };
    const hello = await ask(port, { path: '/hello?name=ada' });
    expect(JSON.parse(hello.text)).toEqual({ hello: 'ada', ip: '127.0.0.1' });
    expect(hello.headers).toMatchObject({ 'set-cookie': ['a=1; Path=/'], 'x-powered-by': 'Express' });
    const json = { method: 'POST', path: '/sum', headers: { 'Content-Type': 'application/json' } };
    expect(await ask(port, json, '{"a":1,"b":2}')).toMatchObject({ statusCode: 201, text: '{"sum":3}' });
    expect((await ask(port, json, JSON.stringify({ a: 'x'.repeat(2_000) }))).statusCode).toBe(413);
    expect(await ask(port, { path: '/fail' })).toMatchObject({ statusCode: 500, text: 'failed' });
    expect(JSON.parse((await ask(port, { path: '/file' })).text)).toMatchObject({ name: 'primus-rx' });
    expect((await ask(port, { path: '/nowhere' })).statusCode).toBe(404);
    const client = new primus.Socket(`http://127.0.0.1:${port}`);
    cleanup(() => client.destroy());
    await event(client, 'open');
  });

  it('reach a Fastify app', async () => {
    let primus: Primus | undefined;
    const web = fastify({
      serverFactory(handler) {
        const server = createServer(handler);
        primus = new Primus(server, { transformer: 'uws' });
        return server;
      },
    });
    cleanup(() => web.close());
    web.post('/sum', async (request) => ({ sum: (request.body as { a: number }).a + 1 }));
    const address = await web.listen({ port: 0, host: '127.0.0.1' });
    const answer = await fetch(`${address}/sum`, { method: 'POST', body: '{"a":1}', headers: { 'Content-Type': 'application/json' } });
    expect(await answer.json()).toEqual({ sum: 2 });
    const client = new (primus as Primus).Socket(address);
    cleanup(() => client.destroy());
    await event(client, 'open');
    client.destroy();
  });
});

describe('AnswerReader', () => {
  const CHUNKED =
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: a: b\r\n\r\n3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT: 1\r\n\r\n';

  it('accepts bytes however they are split', () => {
    for (let size = 1; size <= CHUNKED.length; size++) {
      const reader = new AnswerReader();
      let body = '';
      for (let at = 0; at < CHUNKED.length; at += size) body += reader.read(Buffer.from(CHUNKED.slice(at, at + size)));
      expect(reader.head).toMatchObject({ status: 200, phrase: 'OK', length: undefined });
      expect(reader.head?.fields).toContainEqual(['X', 'a: b']);
      expect(body).toBe('abc0123456789abcdef');
    }
  });
});

describe('an address', () => {
  it.each([
    [[127, 0, 0, 1], '127.0.0.1'],
    [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], '::1'],
    [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 2, 3], '::ffff:10.1.2.3'],
    [[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xab, 0xcd], '2001:db8::abcd'],
  ])('prints %j as %s', (bytes, text) => {
    expect(printAddress(Uint8Array.from(bytes))).toBe(text);
  });
});
