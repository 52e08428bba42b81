import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../../scripts/ports.mjs';
import { Primus } from '../../../src/index.js';
import { until } from '../../support/wait.js';
import { type Any, pause, type Stage } from '../defects/stage.js';
import { listening, ours as ourMake, theirs } from '../original.js';
import { compare, type Scenario } from './compare.js';

const original = createRequire(import.meta.url)('primus');

function packageOf({ make }: Stage): Any {
  return make === 'ours' ? Primus : original;
}

/** Returns the strategy of a client of that class. */
function strategyOf(Socket: Any, options: object = {}): unknown {
  const client = new Socket('http://127.0.0.1', { manual: true, ...options });
  return client.options.strategy;
}

const lists: unknown[] = [false, '', [], ['dIsconnect'], 'TIMEOUT , Online', ['disconnect,online'], 'online', ['timeout']];

const strategies: Scenario[] = [
  ...lists.map(
    (strategy): Scenario => ({
      name: `the strategy ${JSON.stringify(strategy)}`,
      run: async (stage) => strategyOf(packageOf(stage).createSocket(), { strategy }),
    }),
  ),
  ...[undefined, false, null, true, 1, 'yes', () => {}].flatMap((authorization) =>
    [{}, { strategy: [] }, { strategy: 'timeout' }].map(
      (options): Scenario => ({
        name: `createSocket with authorization ${String(authorization)}, and a client with ${JSON.stringify(options)}`,
        run: async (stage) => strategyOf(packageOf(stage).createSocket({ authorization }), options),
      }),
    ),
  ),
  {
    name: 'an empty strategy of a client of a server with authorization',
    async run(stage) {
      const { primus } = await stage.serve({ authorization: (_request: unknown, done: () => void) => done() });
      return [strategyOf(primus.Socket), strategyOf(primus.Socket, { strategy: [] })];
    },
  },
];

const wrapped: Scenario[] = [
  {
    name: 'authorization may be a wrapper with rest parameters',
    async run(stage) {
      const asked: unknown[] = [];
      const authorization = (...values: Any[]) => {
        asked.push(values.length);
        values[1]();
      };
      const { client } = await stage.pair({ authorization });
      return [asked, client.readyState];
    },
  },
];

const off: Scenario[] = [
  ...([0, false] as const).flatMap((value): Scenario[] => [
    {
      name: `timeout ${value} lets a client wait for a server that does not answer`,
      async run(stage) {
        const mute = createTcpServer();
        const sockets: Any[] = [];
        mute.on('connection', (socket) => sockets.push(socket.on('error', () => {})));
        mute.listen(0, '127.0.0.1');
        await once(mute, 'listening');
        const { port } = mute.address() as AddressInfo;
        const client = new (packageOf(stage).createSocket())(`http://127.0.0.1:${port}`, { timeout: value });
        const log: string[] = [];
        for (const event of ['timeout', 'error', 'reconnect scheduled']) client.on(event, () => log.push(event));
        await until(() => sockets.length > 0);
        await pause(50);
        const { readyState, options } = client;
        const outcome = [...log, readyState, options.timeout];
        client.destroy();
        for (const socket of sockets) socket.destroy();
        mute.close();
        return outcome;
      },
    },
    {
      name: `pingTimeout ${value} lets a client wait for a silent server`,
      async run(stage) {
        const { client } = await stage.pair({ pingInterval: false }, { pingTimeout: value });
        const log: string[] = [];
        for (const event of ['offline', 'close']) client.on(event, () => log.push(event));
        await pause(50);
        return [...log, client.readyState, client.options.pingTimeout];
      },
    },
    {
      name: `pingInterval ${value} sends no pings`,
      async run(stage) {
        const { primus, client } = await stage.pair({ pingInterval: value });
        let pings = 0;
        client.on('incoming::ping', () => pings++);
        await pause(50);
        return [pings, primus.spec.pingInterval, client.options.pingTimeout];
      },
    },
  ]),
  ...['authorization', 'plugin', 'transformer', 'parser', 'maxLength', 'transport', 'global', 'idGenerator'].map(
    (option): Scenario => ({
      name: `the option ${option} is the default for false`,
      async run(stage) {
        const { primus, client } = await stage.pair({ [option]: false });
        const { parser, transformer, pathname } = primus.spec;
        return [parser, transformer, pathname, primus.auth ?? false, client.readyState, client.options.strategy];
      },
    }),
  ),
];

const addresses: Scenario[] = [
  [],
  ['', {}],
  [undefined, {}],
  [{}],
  [{ url: 'http://127.0.0.1:5' }],
  [{ uri: 'http://127.0.0.1:6' }],
  ['http://127.0.0.1:7', { url: 'http://127.0.0.1:5' }],
].map((args) => ({
  name: `the address of a client with the arguments ${JSON.stringify(args)}`,
  async run(stage) {
    const client = new (packageOf(stage).createSocket({ manual: true }))(...args);
    client.on('error', () => {});
    const { href } = client.url;
    client.destroy();
    return href;
  },
}));

const created: Scenario[] = [
  {
    name: 'createServer takes listeners of the HTTP server as options',
    async run(stage) {
      const port = await freePort();
      const log: unknown[] = [];
      const primus = packageOf(stage).createServer({
        port,
        iknowhttpsisbetter: true,
        listening: () => log.push('listening'),
        request: (request: Any, response: Any) => response.end(`own ${request.url}`),
      });
      await until(() => log.length === 1);
      const url = `http://127.0.0.1:${port}`;
      const own = await (await fetch(`${url}/foo`)).text();
      const { status } = await fetch(`${url}/primus/spec`);
      await new Promise<void>((done) => primus.destroy({}, done));
      return [...log, own, status];
    },
  },
  {
    name: 'createServer takes a listener of errors as an option',
    async run(stage) {
      const port = await freePort();
      const errors: string[] = [];
      const primus = packageOf(stage).createServer({ port, iknowhttpsisbetter: true, error: ({ message }: Error) => errors.push(message) });
      await once(primus.server, 'listening');
      primus.server.emit('error', new Error('broken'));
      await new Promise<void>((done) => primus.destroy({}, done));
      return errors;
    },
  },
  {
    name: 'createServer takes its port as a string, as environment variables have it',
    async run(stage) {
      const port = await freePort();
      const primus = packageOf(stage).createServer({ port: String(port), iknowhttpsisbetter: true });
      await once(primus.server, 'listening');
      const { status } = await fetch(`http://127.0.0.1:${port}/primus/spec`);
      await new Promise<void>((done) => primus.destroy({}, done));
      return status;
    },
  },
  {
    name: 'createServer with spdy and without a certificate is an error',
    async run(stage) {
      const port = await freePort();
      try {
        packageOf(stage).createServer({ port, spdy: true, iknowhttpsisbetter: true });
        return 'served';
      } catch (error) {
        return error instanceof Error;
      }
    },
  },
];

const identities: Scenario[] = ['websockets', 'faye', 'sockjs', 'engine.io', 'browserchannel'].map((transformer) => ({
  name: `a spark of ${transformer} has the id of the framework's connection, if any`,
  async run(stage) {
    const { spark, client } = await stage.pair({ transformer });
    const id = await new Promise((resolve) => client.id(resolve));
    return [id === spark.id, spark.id === spark.socket.id];
  },
  ...((transformer === 'engine.io' || transformer === 'browserchannel') && {
    differs: { ours: [true, false], original: [true, true], row: '`spark.id` with engine.io and browserchannel' },
  }),
}));

compare('ids', identities);
compare('strategies', strategies);
compare('authorization', wrapped);
compare('options that switch off', off);
compare('addresses', addresses);
compare('createServer', created);
compare(
  'reconnect',
  [false, null, undefined, 0, ''].map((reconnect) => ({
    name: `with the back-off ${JSON.stringify(reconnect)} a client reconnects as by default`,
    async run(stage) {
      const { client, spark } = await stage.pair({}, { reconnect });
      const scheduled = once(client, 'reconnect scheduled');
      spark.end(undefined, { reconnect: true });
      const [{ min, max, factor, retries }] = await scheduled;
      return { min, max, factor, retries };
    },
  })),
);
compare('options of a server', [
  {
    name: 'a pathname that ends in a slash',
    async run(stage) {
      const { primus, url } = await stage.serve({ pathname: '/live/' });
      const status = async (path: string) => (await fetch(`${url}${path}`)).status;
      return [primus.pathname, await status('/live//primus.js'), await status('/live/primus.js')];
    },
    differs: { ours: ['/live', 426, 200], original: ['/live/', 200, 426], row: 'a `pathname` that ends in `/`, such as `/live/`' },
  },
]);

describe('our client', () => {
  it.each(['websockets', 'engine.io', 'sockjs', 'faye', 'browserchannel'])(
    'ends, and does not try again, when a server of 8.0.9 with %s rejects it',
    async (transformer) => {
      let asked = 0;
      const authorization = (_request: unknown, done: (error: Error) => void) => {
        asked++;
        done(new Error('no'));
      };
      const { port } = await listening(theirs, { transformer, authorization });
      const client = new (ourMake.socket({ transformer }))(`http://127.0.0.1:${port}`, { reconnect: { min: 1, max: 5 } });
      const log: string[] = [];
      for (const event of ['error', 'reconnect scheduled', 'open', 'end']) client.on(event, () => log.push(event));
      await until(() => log.includes('end'));
      const before = asked;
      await pause(50);
      expect(log).toEqual(['error', 'end']);
      expect(asked).toBe(before);
      client.destroy();
    },
  );
});
