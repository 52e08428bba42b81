import { once } from 'node:events';
import { get } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { missingProxy } from '../../scripts/proxies.mjs';
import { type ClientOptions, Primus } from '../../src/index.js';
import { event, LIMIT, until } from '../support/serve.js';
import { type Backend, startBackend } from './backend.js';
import { example, type ProxyName, type RunningProxy, startProxy } from './proxy.js';

// The certificate is self-signed. sockjs-client has no option for that; the others have.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

/** The first message of the example's server. */
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

/** A client behind the proxy, the first message that it received, the causes of its disconnections, and its servers. */
async function visit({ url }: { url: string }, transformer: string, options: ClientOptions = {}) {
  const Socket = Primus.createSocket({ transformer });
  const transport = { rejectUnauthorized: false, ...options.transport };
  const client = new Socket(url, { reconnect: { min: 50, max: 200, retries: 50 }, ...options, transport });
  clients.push(client);
  const drops: unknown[] = [];
  const servers: number[] = [];
  client.on('data', (data: unknown) => {
    const { server } = Object(data) as Partial<Hello>;
    if (server !== undefined) servers.push(server);
  });
  client.on('reconnect scheduled', () => drops.push((client.state as { cause?: unknown }).cause));
  const [hello] = (await event(client, 'data')) as [Hello];
  return { client, hello, drops, servers };
}

/** Connects clients until each server has some: the proxy chooses at random. */
async function visitBoth(proxy: { url: string }, transformer: string, options: ClientOptions) {
  const visitors: Awaited<ReturnType<typeof visit>>[] = [];
  while (new Set(visitors.map(({ hello }) => hello.server)).size < 2)
    visitors.push(...(await Promise.all(Array.from({ length: 6 }, () => visit(proxy, transformer, options)))));
  return visitors;
}

/** Writes a message and waits for the echo. */
async function echo({ client }: { client: (typeof clients)[number] }, data: unknown): Promise<void> {
  const answer = event(client, 'data');
  client.write(data);
  expect((await answer)[0]).toEqual(data);
}

async function stopAll(running: { stop(): Promise<void> }[]): Promise<void> {
  await Promise.all(running.splice(0).map(({ stop }) => stop()));
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

  /** Two servers behind a proxy, which end with the test. */
  const running: { stop(): Promise<void> }[] = [];
  afterEach(() => stopAll(running));

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
    const shared: typeof running = [];
    beforeAll(async () => {
      const transformers = new Set(ways.map(([, transformer]) => transformer));
      await Promise.all([...transformers].map(async (transformer) => deployed.set(transformer, (await deploy(transformer)).proxy)));
      shared.push(...running.splice(0));
    });
    afterAll(() => stopAll(shared));

    it.each(ways)(
      '%s: each client to one server, to both servers, for as long as the connection lasts',
      async (_way, transformer, options) => {
        const proxy = deployed.get(transformer) as RunningProxy;
        const visitors = await visitBoth(proxy, transformer, options);
        for (const { hello } of visitors) {
          expect(hello).toMatchObject({ ip: '127.0.0.1', secure: true });
          expect(hello.port).toBeGreaterThan(0);
        }
        for (const round of [1, 2, 3, 4, 5]) await Promise.all(visitors.map((visitor) => echo(visitor, { round, text: 'x'.repeat(1000) })));
        expect(visitors.flatMap(({ drops }) => drops)).toEqual([]);
      },
    );

    it.each(ways)('%s: a long message', async (_way, transformer, options) => {
      const visitor = await visit(deployed.get(transformer) as RunningProxy, transformer, options);
      await echo(visitor, 'x'.repeat(4_000_000));
      expect(visitor.drops).toEqual([]);
    });

    it('the address of the client, whatever headers it sends', async () => {
      const headers = { 'X-Forwarded-For': '6.6.6.6', 'X-Forwarded-Port': '6', 'X-Real-IP': '6.6.6.6', Forwarded: 'for=6.6.6.6' };
      const proxy = deployed.get('websockets') as RunningProxy;
      const { client, hello } = await visit(proxy, 'websockets', { transport: { localAddress: '127.0.0.2', headers } });
      const { _socket: socket } = client.socket as { _socket: { localPort: number } };
      expect(hello).toMatchObject({ ip: '127.0.0.2', port: socket.localPort, secure: true });
    });

    it('redirects plain requests to HTTPS, and nothing else to the servers', async () => {
      const { plain, url } = deployed.get('websockets') as RunningProxy;
      const [redirected] = await once(get(`${plain}/primus/spec?a=1`), 'response');
      expect(redirected.statusCode).toBe(308);
      expect(redirected.headers.location).toMatch(/^https:.*\/primus\/spec\?a=1$/);
      redirected.resume();
      expect((await fetch(`${url}/primus/spec`)).status).toBe(200);
      expect((await fetch(`${url}/primus/primus.js`)).headers.get('content-type')).toMatch(/javascript/);
      expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
    });

    it('without a warning about its configuration', () => {
      expect([...deployed.values()].map(({ checked }) => checked)).toEqual(Array(7).fill(expect.not.stringMatching(/warn|alert|emerg/i)));
    });
  });

  it('that reloads its configuration keeps its connections for a while, then closes them, and the clients reconnect', async () => {
    const { proxy } = await deploy('websockets');
    const visitor = await visit(proxy, 'websockets');
    const reconnected = event(visitor.client, 'reconnected');
    await proxy.reload();
    await echo(visitor, 'still the old one');
    expect(visitor.drops).toHaveLength(0);
    await reconnected;
    await until(() => visitor.servers.length === 2);
    await echo(visitor, 'the new one');
  });

  it.each([
    ['websockets', {}],
    ['engine.io', { websockets: false }],
  ])('that is restarted gets its clients again: %s', async (transformer, options) => {
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

  it.each(draining)(
    'sends no client to a server that shuts down, which keeps its clients while it waits: %s',
    async (transformer, options) => {
      const { proxy, backends } = await deploy(transformer, 10 * LIMIT);
      const visitors = await visitBoth(proxy, transformer, options);
      const [going, staying] = backends;
      going.terminate();
      await until(async () => (await fetch(`http://127.0.0.1:${going.port}/primus/spec`)).status === 503);
      const newcomers = await Promise.all(Array.from({ length: 4 }, () => visit(proxy, transformer, options)));
      expect(newcomers.map(({ hello }) => hello.server)).toEqual(Array(4).fill(staying.pid));
      for (const round of [1, 2, 3]) await Promise.all(visitors.map((visitor) => echo(visitor, { round })));
      expect(visitors.flatMap(({ drops }) => drops)).toEqual([]);
      // One request is passed on to the other server. If the client polls, those that follow are not, and it reconnects.
      if (transformer === 'websockets') expect(newcomers.flatMap(({ drops }) => drops)).toEqual([]);
    },
  );

  it.each(draining)('sends the clients of a server that has shut down to the other one: %s', async (transformer, options) => {
    const { proxy, backends } = await deploy(transformer, 500);
    const visitors = await visitBoth(proxy, transformer, options);
    const [going, staying] = backends;
    going.terminate();
    await going.exit;
    await until(() => visitors.every(({ servers }) => servers.at(-1) === staying.pid));
    await Promise.all(visitors.map((visitor) => echo(visitor, 'after')));
  });
});

it.each(['nginx.conf', 'haproxy.cfg'])('%s lists the settings that the reader must replace', (config) => {
  const [head = ''] = example(config).split(/\n\n/);
  for (const setting of ['80', '443', '/etc/ssl/example.com/', '127.0.0.1:8081', '127.0.0.1:8082']) expect(head).toContain(setting);
});
