import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { PassThrough } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { Primus, type ServerOptions, type Spark } from '../../src/index.js';
import { Clock } from '../support/clock.js';
import { possible, serveHttp2 } from '../support/http2.js';
import { cleanup, event, type Served, serve, until } from '../support/serve.js';
import { watchForCrashes } from './crashes.js';
import { handshake, type Raw, raw, rawWebSocket } from './raw.js';

/** The handshake of each transformer. */
const opening: Record<string, string> = {
  websockets: handshake(),
  faye: handshake(),
  uws: handshake(),
  'engine.io': handshake('/primus/?EIO=4&transport=websocket'),
  'socket.io': handshake('/primus/?EIO=4&transport=websocket'),
  sockjs: handshake('/primus/1/a/websocket'),
  browserchannel: 'POST /primus/bind?VER=8&RID=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\ncount=0',
};

/** The clock of the server passes on demand, and until it is gone. */
async function start(options: ServerOptions = {}): Promise<Served & { clock: Clock; entries: unknown[][] }> {
  const clock = new Clock();
  const served = await serve({ scheduler: clock, pingInterval: false, ...options });
  cleanup(() => {
    const timer = setInterval(() => clock.advance(500), 1);
    served.server.once('close', () => clearInterval(timer));
  });
  const entries: unknown[][] = [];
  served.primus.on('log', (...entry) => entries.push(entry));
  return { ...served, clock, entries };
}

function connections(server: Served['server']): Promise<number> {
  return new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
}

async function many(count: number, port: number, bytes: string): Promise<Raw[]> {
  const peers: Raw[] = [];
  for (let index = 0; index < count; index++) peers.push((await raw(port)).send(bytes));
  return peers;
}

describe.each(Object.entries(opening))('a handshake with %s', (transformer, bytes) => {
  watchForCrashes();

  it('is rejected with 503 when middleware never answers, and its socket is free', async () => {
    const { primus, server, port, clock } = await start({ transformer });
    let asked = 0;
    primus.use('slow', (_request, _response, _next) => void asked++);
    const peers = await many(20, port, bytes);
    await until(() => asked === 20);
    clock.advance(7_999);
    expect(await connections(server)).toBe(20);
    clock.advance(1);
    for (const peer of peers) expect(await peer.answer()).toMatch(/^HTTP\/1.1 503 [\s\S]*Retry-After: 1/i);
    await until(async () => (await connections(server)) === 0);
    expect(clock.pending).toBe(0);
  });

  it('is not limited while it is being authorized, which has a limit of its own', async () => {
    const { primus, port, clock } = await start({ transformer, authorizationTimeout: 20_000, handshakeTimeout: 1_000 });
    const asked: (() => void)[] = [];
    primus.authorize((_request, done) => void asked.push(done));
    const [accepted, late] = (await many(2, port, bytes)) as [Raw, Raw];
    await until(() => asked.length === 2);
    clock.advance(19_000);
    asked[0]?.();
    expect(await accepted.answer()).toMatch(transformer === 'browserchannel' ? /^HTTP\/1.1 200/ : /^HTTP\/1.1 101/);
    clock.advance(1_000);
    expect(await late.answer()).toMatch(/^HTTP\/1.1 503/);
  });

  it('frees the sockets of 1,000 peers that are not authorized, and stay half-open', async () => {
    const { server, port, clock } = await start({ transformer, authorization: (_request, done) => setImmediate(done, 'no') });
    for (let round = 0; round < 10; round++) {
      const peers = Array.from({ length: 100 }, () => {
        const socket = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
        cleanup(() => socket.destroy());
        // Neither reads nor closes.
        return socket.on('error', () => {}).pause();
      });
      await Promise.all(peers.map((socket) => once(socket, 'connect')));
      // For requests, Node.js keeps a connection for the next one, unless the client does not want that.
      for (const socket of peers)
        socket.write(bytes.replace('Host: x', transformer === 'browserchannel' ? 'Host: x\r\nConnection: close' : 'Host: x'));
    }
    await until(async () => (await connections(server)) === 0);
    await until(() => clock.pending === 0);
    expect(clock.pending).toBe(0);
  });

  it('frees the sockets of 1,000 peers whose authorization is never answered', async () => {
    let asked = 0;
    const { server, port, clock } = await start({ transformer, authorization: (_request, _done) => void asked++ });
    await many(1_000, port, bytes.replace('Host: x', 'Host: x\r\nX: close'));
    await until(() => asked === 1_000);
    clock.advance(8_000);
    // Those of requests are kept for the next one for a while.
    await until(async () => (await connections(server)) === 0);
    expect(asked).toBe(1_000);
  });

  it('leaves no timer behind when the connection exists, and when it has ended', async () => {
    const { primus, port, clock } = await start({ transformer });
    const announced = event(primus, 'connection');
    const peer = (await raw(port)).send(bytes);
    // A client of Socket.IO joins the namespace.
    if (transformer === 'socket.io') {
      await peer.answer();
      peer.send(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]));
    }
    await announced;
    // That of uws watches the memory of the engine while there are connections.
    const timers = transformer === 'uws' ? 1 : 0;
    await until(() => clock.pending === timers);
    clock.advance(60_000);
    expect(primus.connected).toBe(1);
  });
});

describe('handshakes', () => {
  watchForCrashes();

  it.each(['websockets', 'uws'])('on paths of others end when they get no answer, by %s', async (transformer) => {
    const { server, port, clock } = await start({ transformer });
    let asked = 0;
    server.on('upgrade', () => asked++);
    const peers = await many(1_000, port, handshake('/elsewhere'));
    await until(() => asked === 1_000);
    clock.advance(8_000);
    await Promise.all(peers.map((peer) => peer.rest()));
    await until(async () => (await connections(server)) === 0);
    expect(clock.pending).toBe(0);
  });

  it('on paths of others stay when they are answered in time', async () => {
    const { server, port, clock } = await start();
    server.on('upgrade', ({ url }, socket) => {
      if (url === '/live')
        socket
          .resume()
          .on('end', () => socket.end())
          .write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    });
    // One that had an answer to a request before.
    const used = await raw(port);
    used.send('GET /primus/spec HTTP/1.1\r\nHost: x\r\n\r\n');
    await used.answer();
    used.send(handshake('/other'));
    const live = (await raw(port)).send(handshake('/live'));
    await live.answer();
    await until(() => clock.pending === 1);
    clock.advance(8_000);
    await used.rest();
    expect(await connections(server)).toBe(1);
    live.socket.destroy();
    await until(async () => (await connections(server)) === 0);
  });

  it('on paths of others stay when their stream does not count what is written', async () => {
    const { server, clock } = await start();
    server.on('upgrade', (_request, socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
    const stream = new PassThrough();
    server.emit('upgrade', { url: '/elsewhere', headers: {} }, stream, Buffer.alloc(0));
    expect(String(stream.read())).toContain('101');
    clock.advance(8_000);
    expect(stream.destroyed).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('end when a framework never finishes them', async () => {
    const transformer = Primus.Transformer.extend({
      server() {
        this.on('upgrade', () => {});
        this.on('request', () => {});
      },
      client() {},
    });
    const { port, clock, primus } = await start({ transformer: transformer as never });
    const peer = (await raw(port)).send(handshake());
    await until(() => clock.pending === 1);
    clock.advance(8_000);
    expect(await peer.answer()).toMatch(/^HTTP\/1.1 503/);
    await peer.rest();
    expect(primus.connected).toBe(0);
  });

  it('end with a body that never comes', async () => {
    const { port, clock } = await start({ transformer: 'browserchannel' });
    const peer = (await raw(port)).send('POST /primus/bind?VER=8&RID=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 70\r\n\r\ncount');
    await until(() => clock.pending === 1);
    clock.advance(8_000);
    expect(await peer.answer()).toMatch(/^HTTP\/1.1 503/);
    await peer.rest();
  });

  it('have no limit with handshakeTimeout: false', async () => {
    const { primus, port, clock } = await start({ handshakeTimeout: false });
    const asked: (() => void)[] = [];
    primus.use('slow', (_request, _response, next) => void asked.push(next));
    const peer = (await raw(port)).send(handshake());
    await until(() => asked.length === 1);
    expect(clock.pending).toBe(0);
    asked[0]?.();
    expect(await peer.answer()).toMatch(/^HTTP\/1.1 101/);
  });

  it('that are under way do not delay the shutdown', async () => {
    const transformer = Primus.Transformer.extend({
      server() {
        this.on('upgrade', () => {});
      },
      client() {},
    });
    const { primus, server, port } = await serve({ transformer: transformer as never });
    const seen: unknown[] = [];
    primus.use('seen', ({ url }, _response) => void seen.push(url));
    server.on('upgrade', ({ url }) => seen.push(url));
    const peer = (await raw(port)).send(handshake());
    const other = (await raw(port)).send(handshake('/elsewhere'));
    await until(() => seen.length === 2);
    await new Promise<void>((resolve) => primus.destroy(resolve));
    expect(await peer.answer()).toMatch(/^HTTP\/1.1 503/);
    expect(await other.rest()).toBe('');
  });

  it.each([null, 'soon', -1, Number.NaN])('cannot have the limit %s', async (handshakeTimeout) => {
    const outcome = serve({ handshakeTimeout: handshakeTimeout as never });
    if (handshakeTimeout === null) await expect(outcome).resolves.toBeDefined();
    else await expect(outcome).rejects.toMatchObject({ code: 'ERR_PRIMUS_OPTION' });
  });
});

describe('requests that are not answered', () => {
  watchForCrashes();

  it('end their connection when a client sends more than 16 behind one of them, and no other', async () => {
    const asked: (() => void)[] = [];
    const { primus, port } = await serve();
    primus.use('slow', (_request, response, _next) => void asked.push(() => response.writeHead(204).end()));
    const ask = (count: number) => 'GET /primus HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(count);
    const other = (await raw(port)).send(ask(16));
    await until(() => asked.length === 16);
    for (const answer of asked.splice(0)) answer();
    for (let count = 0; count < 16; count++) expect(await other.answer()).toMatch(/HTTP\/1.1 204/);
    other.send(ask(1));
    await until(() => asked.length === 1);
    const peer = (await raw(port)).send(ask(50_000));
    expect(await peer.rest()).toBe('');
    expect(asked).toHaveLength(18);
    asked[0]?.();
    expect(await other.answer()).toMatch(/HTTP\/1.1 204/);
  });

  it.skipIf(!possible)('are rejected over HTTP/2 when a client sends more than 100 of them', async () => {
    const { primus, session } = await serveHttp2({ settings: { maxConcurrentStreams: 1_000 } });
    let asked = 0;
    primus.use('slow', (_request, _response, _next) => void asked++);
    const streams = Array.from({ length: 120 }, () => session.request({ ':path': '/primus' }).on('error', () => {}));
    const answers = await Promise.all(streams.slice(100).map((stream) => once(stream, 'response')));
    expect(answers.map(([headers]) => headers[':status'])).toEqual(new Array(20).fill(503));
    expect(asked).toBe(100);
  });
});

describe('a server that createServer makes', () => {
  it('ends sockets that send no request, or half of one', async () => {
    const primus = Primus.createServer({ port: 0, host: '127.0.0.1', iknowhttpsisbetter: true, handshakeTimeout: '200 ms' });
    cleanup(() => new Promise<void>((resolve) => primus.destroy(resolve)));
    await once(primus.server as never, 'listening');
    const { port } = primus.server.address() as { port: number };
    const announced = event(primus, 'connection');
    const live = await rawWebSocket(port);
    const [spark] = (await announced) as [Spark];
    const silent = await raw(port);
    const half = (await raw(port)).send('GET /primus HTTP/1.1\r\nHost: x\r\n');
    await silent.rest();
    expect(await half.rest()).toMatch(/^HTTP\/1.1 408/);
    expect(spark.readyState).toBe(3);
    expect(live.socket.destroyed).toBe(false);
  });

  it('takes the options of Node.js before those', async () => {
    const given = { headersTimeout: 1_234, iknowhttpsisbetter: true };
    const servers = [Primus.createServer(given), Primus.createServer({ iknowhttpsisbetter: true, handshakeTimeout: false })];
    cleanup(() => Promise.all(servers.map((primus) => new Promise<void>((resolve) => primus.destroy(resolve)))));
    await Promise.all(servers.map((primus) => once(primus.server as never, 'listening')));
    expect(servers.map(({ server }) => (server as { headersTimeout?: number }).headersTimeout)).toEqual([1_234, 60_000]);
  });

  it.skipIf(!possible)('ends silent sockets and idle sessions over HTTP/2, and limits the streams of a session', async () => {
    const { primus, url, session } = await serveHttp2({ handshakeTimeout: 200 });
    const { port } = primus.server.address() as { port: number };
    const ends = ['h2', 'http/1.1', undefined].map((protocol) => {
      const socket = connectTls({ port, rejectUnauthorized: false, ...(protocol && { ALPNProtocols: [protocol] }) });
      cleanup(() => socket.destroy());
      return once(socket.on('error', () => {}).resume(), 'close');
    });
    const [settings] = (await once(session, 'remoteSettings')) as [{ maxConcurrentStreams: number }];
    expect(settings.maxConcurrentStreams).toBe(100);
    await Promise.all([once(session, 'close'), ...ends]);
    expect(url).toContain('https:');
  });
});
