import { once } from 'node:events';
import { get } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { missingProxy } from '../../scripts/proxies.mjs';
import { type ClientOptions, Primus } from '../../src/index.js';
import { event, LIMIT, until } from '../support/serve.js';
import { type Backend, startBackend } from './backend.js';
import { example, type ProxyName, type RunningProxy, startProxy } from './proxy.js';

// The certificate is the test's own. This tells sockjs-client, which has no option for that; the others have.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

/** What the example's server says first. */
interface Hello {
  server: number;
  ip: string;
  port: number;
  secure: boolean;
}

const clients: InstanceType<ReturnType<typeof Primus.createSocket>>[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});

/** A client that comes by a proxy, and what it was told at first. */
async function visit({ url }: { url: string }, transformer: string, options: ClientOptions = {}) {
  const Socket = Primus.createSocket({ transformer });
  const transport = { rejectUnauthorized: false, ...options.transport };
  const client = new Socket(url, { reconnect: { min: 50, max: 200, retries: 50 }, ...options, transport });
  clients.push(client);
  const drops: unknown[] = [];
  client.on('reconnect scheduled', () => drops.push((client.state as { cause?: unknown }).cause));
  const [hello] = (await event(client, 'data')) as [Hello];
  return { client, hello, drops };
}

/** Says something and waits for the echo. */
async function echo({ client }: { client: (typeof clients)[number] }, data: unknown): Promise<void> {
  const answer = event(client, 'data');
  client.write(data);
  expect((await answer)[0]).toEqual(data);
}

const ways: [string, string, ClientOptions][] = [
  ['WebSockets', 'websockets', {}],
  ['WebSockets by faye', 'faye', {}],
  ['WebSockets by uws', 'uws', {}],
  ['Engine.IO, polling', 'engine.io', { websockets: false }],
  ['Engine.IO, from polling to WebSocket', 'engine.io', {}],
  ['Socket.IO, polling', 'socket.io', { websockets: false }],
  ['SockJS, WebSocket', 'sockjs', { transport: { transports: ['websocket'] } }],
  ['SockJS, streaming', 'sockjs', { transport: { transports: ['xhr-streaming'] } }],
  ['SockJS, polling', 'sockjs', { transport: { transports: ['xhr-polling'] } }],
  ['BrowserChannel', 'browserchannel', {}],
];

describe.each<ProxyName>(['nginx', 'haproxy'])('%s', (name) => {
  const missing = missingProxy(name);
  if (missing !== undefined) {
    it.skip(`is not here: ${missing}`, () => {});
    return;
  }

  /** Two servers behind a proxy; gone after the test. */
  const running: { stop(): Promise<void> }[] = [];
  afterAll(async () => {
    for (const { stop } of running.splice(0)) await stop();
  });

  async function deploy(transformer: string, drain?: number) {
    const backends = await Promise.all([1, 2].map(() => startBackend({ transformer, ...(drain && { drain }) })));
    running.push(...backends);
    const proxy = await startProxy(
      name,
      backends.map(({ port }) => port),
    );
    running.push({ stop: proxy.remove });
    return { proxy, backends: backends as [Backend, Backend] };
  }

  describe('passes on', () => {
    const deployed = new Map<string, RunningProxy>();
    beforeAll(async () => {
      const transformers = new Set(ways.map(([, transformer]) => transformer));
      await Promise.all([...transformers].map(async (transformer) => deployed.set(transformer, (await deploy(transformer)).proxy)));
    });

    it.each(ways)('%s: to one server each, both at work, as long as it takes', async (_way, transformer, options) => {
      const proxy = deployed.get(transformer) as RunningProxy;
      const visitors = await Promise.all(Array.from({ length: 12 }, () => visit(proxy, transformer, options)));
      expect(new Set(visitors.map(({ hello }) => hello.server)).size).toBe(2);
      expect(visitors.map(({ hello }) => hello.ip)).toEqual(Array(12).fill('127.0.0.1'));
      expect(visitors.every(({ hello }) => hello.secure && hello.port > 0)).toBe(true);
      for (const round of [1, 2, 3, 4, 5]) await Promise.all(visitors.map((visitor) => echo(visitor, { round, text: 'x'.repeat(1000) })));
      expect(visitors.flatMap(({ drops }) => drops)).toEqual([]);
    });

    it.each(ways)('%s: a long message', async (_way, transformer, options) => {
      const visitor = await visit(deployed.get(transformer) as RunningProxy, transformer, options);
      await echo(visitor, 'x'.repeat(4_000_000));
      expect(visitor.drops).toEqual([]);
    });

    it('the address of the client, whatever it writes', async () => {
      const headers = { 'X-Forwarded-For': '6.6.6.6', 'X-Forwarded-Port': '6', 'X-Real-IP': '6.6.6.6', Forwarded: 'for=6.6.6.6' };
      const proxy = deployed.get('websockets') as RunningProxy;
      const { client, hello } = await visit(proxy, 'websockets', { transport: { localAddress: '127.0.0.2', headers } });
      const { _socket: line } = client.socket as { _socket: { localPort: number } };
      expect(hello).toMatchObject({ ip: '127.0.0.2', port: line.localPort, secure: true });
    });

    it('plain requests to where TLS is, and nothing else to the servers', async () => {
      const { plain, url } = deployed.get('websockets') as RunningProxy;
      const [redirected] = await once(get(`${plain}/primus/spec?a=1`), 'response');
      expect(redirected.statusCode).toBe(308);
      expect(redirected.headers.location).toMatch(/^https:.*\/primus\/spec\?a=1$/);
      redirected.resume();
      expect((await fetch(`${url}/primus/spec`)).status).toBe(200);
      expect((await fetch(`${url}/primus/primus.js`)).headers.get('content-type')).toMatch(/javascript/);
      expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
    });

    it('without a warning about its file', () => {
      for (const { checked } of deployed.values()) expect(checked).not.toMatch(/warn|alert|emerg/i);
    });
  });

  it('that reads its file again keeps its connections for a while, and cuts them then: the clients come back', async () => {
    const { proxy } = await deploy('websockets');
    const visitor = await visit(proxy, 'websockets');
    const reconnected = event(visitor.client, 'reconnected');
    const again = new Promise((resolve) => visitor.client.on('data', (data: unknown) => (data as Hello).server && resolve(true)));
    proxy.reload();
    await echo(visitor, 'still the old one');
    expect(visitor.drops).toHaveLength(0);
    await reconnected;
    await again;
    await echo(visitor, 'the new one');
  });

  it.each([
    ['websockets', {}],
    ['engine.io', { websockets: false }],
  ])('that is gone and comes back finds its clients: %s', async (transformer, options) => {
    const { proxy } = await deploy(transformer);
    const { client } = await visit(proxy, transformer, options);
    const heard: unknown[] = [];
    client.on('data', (data: unknown) => heard.push(data));
    await proxy.stop();
    await until(() => client.state.name === 'waiting');
    client.write('said in between');
    await proxy.start();
    await until(() => heard.includes('said in between'));
    expect(heard.filter((data) => typeof data === 'string')).toEqual(['said in between']);
  });

  const draining: [string, ClientOptions][] = [
    ['websockets', {}],
    ['engine.io', { websockets: false }],
    ['sockjs', { transport: { transports: ['xhr-polling'] } }],
  ];

  it.each(draining)('takes nobody to a server that goes, and leaves it its clients while it waits: %s', async (transformer, options) => {
    const { proxy, backends } = await deploy(transformer, 10 * LIMIT);
    const visitors = await Promise.all(Array.from({ length: 8 }, () => visit(proxy, transformer, options)));
    const [going, staying] = backends;
    expect(new Set(visitors.map(({ hello }) => hello.server))).toEqual(new Set([going.pid, staying.pid]));
    going.terminate();
    await until(async () => (await fetch(`http://127.0.0.1:${going.port}/primus/spec`)).status === 503);
    const newcomers = await Promise.all(Array.from({ length: 4 }, () => visit(proxy, transformer, options)));
    expect(newcomers.map(({ hello }) => hello.server)).toEqual(Array(4).fill(staying.pid));
    for (const round of [1, 2, 3]) await Promise.all(visitors.map((visitor) => echo(visitor, { round })));
    expect(visitors.flatMap(({ drops }) => drops)).toEqual([]);
    // One request is handed on to the other server; those that follow it, when it polls, are not, and it has to try anew.
    if (transformer === 'websockets') expect(newcomers.flatMap(({ drops }) => drops)).toEqual([]);
  });

  it.each(draining)('takes the clients of a server that has gone to the other one: %s', async (transformer, options) => {
    const { proxy, backends } = await deploy(transformer, 500);
    const visitors = await Promise.all(Array.from({ length: 8 }, () => visit(proxy, transformer, options)));
    const [going, staying] = backends;
    expect(new Set(visitors.map(({ hello }) => hello.server))).toEqual(new Set([going.pid, staying.pid]));
    going.terminate();
    await going.exit;
    await Promise.all(
      visitors.map(async ({ client }) => {
        const answered = new Promise((resolve) => client.on('data', (data: unknown) => data === 'after' && resolve(data)));
        client.write('after');
        expect(await answered).toBe('after');
      }),
    );
  });
});

it.each(['nginx.conf', 'haproxy.cfg'])('%s names what is the reader’s to replace', (config) => {
  const [head = ''] = example(config).split(/\n\n/);
  for (const setting of ['80', '443', '/etc/ssl/example.com/', '127.0.0.1:8081', '127.0.0.1:8082']) expect(head).toContain(setting);
});
