import { once } from 'node:events';
import { until } from '../../support/wait.js';
import type { Any, Played, Stage } from '../defects/stage.js';
import { pause } from '../defects/stage.js';
import { compare, type Scenario } from './compare.js';

/** The states of a client up to the end of its first connection and the next attempt, and from its second connection on. */
const LOST = ['open 3 true', 'close 2 false', 'reconnect scheduled 2 false', 'reconnect 1 false'];
const FOUND = ['open 3 true', 'close 2 false', 'end 2 false', 'destroy 2 false'];

const CLIENT = [
  'open',
  'data',
  'error',
  'offline',
  'online',
  'timeout',
  'reconnect scheduled',
  'reconnect',
  'reconnected',
  'close',
  'end',
  'destroy',
];

/** Records the events of the server and its sparks, each with what the server and the spark say of themselves meanwhile. */
function recordServer({ primus }: Pick<Played, 'primus'>, log: string[]): void {
  const now = (spark: Any) =>
    `${spark.readyState} ${primus.spark(spark.id) === spark} ${primus.connected} ${Object.keys(primus.connections).length}`;
  primus.on('connection', (spark: Any) => {
    log.push(`connection ${now(spark)}`);
    spark.on('readyStateChange', () => log.push(`spark readyStateChange ${now(spark)}`));
    spark.on('data', (data: unknown) => log.push(`spark data ${data} ${now(spark)}`));
    spark.on('end', () => log.push(`spark end ${now(spark)} ${spark.readable} ${spark.writable}`));
  });
  primus.on('disconnection', (spark: Any) => log.push(`disconnection ${now(spark)}`));
}

function recordClient(client: Any, log: string[], events = CLIENT): void {
  for (const event of events) client.on(event, () => log.push(`client ${event} ${client.readable} ${client.writable}`));
  client.on('readyStateChange', (state: string) => log.push(`client readyStateChange ${state}`));
}

/** Returns the events of one end while a connection ends; those of both have no order. */
function ending(end: 'server' | 'client', run: (stage: Stage, played: Played & { spark: Any; client: Any }) => unknown): Scenario['run'] {
  return async (stage) => {
    const played = await stage.serve();
    const log: string[] = [];
    if (end === 'server') recordServer(played, log);
    const announced = once(played.primus, 'connection');
    const client = played.connect({ strategy: false });
    const [spark] = (await Promise.all([announced, once(client, 'open')]))[0];
    if (end === 'client') recordClient(client, log);
    await run(stage, { ...played, spark, client });
    await until(() => log.some((entry) => / end /.test(entry)));
    await pause(20);
    return [...log];
  };
}

const ends: [name: string, run: Parameters<typeof ending>[1]][] = [
  ['spark.end()', (_stage, { spark }) => spark.end()],
  ['spark.end(data)', (_stage, { spark }) => spark.end('bye')],
  ['spark.end() with reconnect', (_stage, { spark }) => spark.end(undefined, { reconnect: true })],
  ['client.end()', (_stage, { client }) => client.end()],
  ['client.end(data)', (_stage, { client }) => client.end('bye')],
  ['client.destroy()', (_stage, { client }) => client.destroy()],
  ['a connection that drops', (_stage, { spark }) => spark.request.socket.destroy()],
  ['the shutdown of the server', (_stage, { primus }) => new Promise((done) => primus.destroy({}, done))],
];

const order: Scenario[] = ends.flatMap(([name, run]) => [
  { name: `the events of server and spark around ${name}`, run: ending('server', run) },
  { name: `the events of the client around ${name}`, run: ending('client', run) },
]);

const sparks: Scenario[] = [
  {
    name: 'a spark that a connection listener ends has left the server when its end listeners run',
    async run(stage) {
      const { primus, connect } = await stage.serve();
      const log: unknown[] = [];
      const gone: unknown[] = [];
      primus.on('disconnection', (spark: Any) => log.push('disconnection', primus.spark(spark.id) === undefined, primus.connected));
      primus.on('connection', (spark: Any) => {
        spark.on('end', () => log.push('end', primus.spark(spark.id) === undefined, primus.connected));
        spark.end();
        // Ours emits the two behind the present event.
        gone.push(primus.spark(spark.id) === undefined, primus.connected);
      });
      await once(connect(), 'end');
      return [gone, log];
    },
  },
  {
    name: 'a spark that an asynchronous connection listener ends without accepting it leaves the server',
    async run(stage) {
      const { primus, connect } = await stage.serve();
      const log: unknown[] = [];
      primus.on('connection', (spark: Any, _next: () => void) => setTimeout(() => spark.end(), 5));
      primus.on('disconnection', () => log.push('disconnection', primus.connected));
      await once(connect(), 'end');
      await until(() => log.length > 0);
      return log;
    },
  },
  {
    name: 'a spark whose client left while an asynchronous connection listener was asked leaves the server when the listener calls end()',
    async run(stage) {
      const { primus, connect } = await stage.serve();
      let spark: Any;
      let gone = 0;
      primus.on('connection', (connected: Any, _next: () => void) => {
        spark = connected;
      });
      primus.on('disconnection', () => gone++);
      const client = connect();
      await until(() => spark !== undefined && client.readyState === 3);
      client.end();
      await until(() => spark.request.socket.destroyed);
      spark.end();
      return [gone, primus.connected];
    },
  },
  {
    name: 'a data listener that ends the spark finds it gone at once',
    async run(stage) {
      const { primus, spark, client } = await stage.pair();
      const log: unknown[] = [];
      spark.on('data', () => log.push(spark.end() === spark || true, primus.connected, primus.spark(spark.id) === undefined));
      client.write('end');
      await once(client, 'end');
      return log;
    },
  },
];

/** Returns what a listener of `data` gets that an async `connection` listener adds after an `await`, when the client has sent before. */
function early(listen: (primus: Any, add: (spark: Any) => void) => unknown): Scenario['run'] {
  return async (stage) => {
    const { primus, connect } = await stage.serve();
    const got: unknown[] = [];
    listen(primus, (spark) => spark.on('data', (data: unknown) => got.push(data)));
    const client = connect();
    await once(client, 'open');
    for (const data of [1, 2]) client.write(data);
    await pause(100);
    client.write(3);
    await until(() => got.includes(3));
    return got;
  };
}

const messages: Scenario[] = [
  {
    name: 'what comes before a listener with a callback accepts, and adds its listener of `data`',
    run: early((primus, add) =>
      primus.on('connection', (spark: Any, next: () => void) =>
        setTimeout(() => {
          add(spark);
          next();
        }, 50),
      ),
    ),
  },
  {
    name: 'what comes before an async listener adds its listener of `data`',
    run: early((primus, add) =>
      primus.on('connection', async (spark: Any) => {
        await pause(50);
        add(spark);
      }),
    ),
    differs: {
      ours: [1, 2, 3],
      original: [3],
      row: 'an async `connection` listener that adds its `data` listener after an `await`',
    },
  },
];

const clients: Scenario[] = [
  ...(['end', 'destroy'] as const).map(
    (method): Scenario => ({
      name: `a client emits its end when ${method}() is called before it began`,
      async run(stage) {
        const client = (await stage.serve()).connect();
        const log: string[] = [];
        recordClient(client, log);
        client[method]();
        log.push('called');
        await pause(20);
        return [...log];
      },
    }),
  ),
  {
    name: 'a manual client that was never opened emits nothing at its end, and can be opened then',
    async run(stage) {
      const client = (await stage.serve()).connect({ manual: true });
      const log: string[] = [];
      recordClient(client, log);
      client.end();
      log.push('called');
      client.open();
      await once(client, 'open');
      return [...log];
    },
  },
  {
    name: 'a client that ended before it began can be opened',
    async run(stage) {
      const client = (await stage.serve()).connect();
      client.end();
      const before = [client.readable, client.writable];
      client.open();
      await once(client, 'open');
      return [before, client.readyState, client.readable, client.writable];
    },
  },
  {
    name: 'a client that ended can be opened again, one that was destroyed cannot',
    async run(stage) {
      const { client } = await stage.pair();
      client.end();
      client.open();
      await once(client, 'open');
      client.destroy();
      let threw = false;
      try {
        client.open();
      } catch {
        threw = true;
      }
      return threw;
    },
  },
  {
    name: 'the events of a client that loses its connection and reconnects',
    async run(stage) {
      const { client, spark } = await stage.pair();
      const log: string[] = [];
      recordClient(client, log, ['close', 'reconnect scheduled', 'reconnect', 'open', 'end']);
      spark.request.socket.destroy();
      await once(client, 'open');
      return log.filter((entry) => !/readyStateChange/.test(entry));
    },
  },
  {
    name: 'a client that is rejected emits an error, and ends',
    async run(stage) {
      const { primus, connect } = await stage.serve();
      primus.authorize((_request: unknown, done: (error: Error) => void) => done(new Error('no')));
      const client = connect();
      const log: string[] = [];
      recordClient(client, log);
      await until(() => log.some((entry) => / end /.test(entry)));
      return log.map((entry) => entry.replace(/ (true|false)/g, ''));
    },
  },
  ...[false, 'disconnect', 'disconnect, timeout, online'].map(
    (strategy): Scenario => ({
      name: `the events of a client that finds no server, with the strategy ${strategy}`,
      async run(stage) {
        const { http, url, primus } = await stage.serve();
        const client = new primus.Socket(url, { strategy, manual: true, reconnect: { min: 1, max: 5, retries: 2 } });
        http.close();
        const log: string[] = [];
        recordClient(client, log, ['open', 'error', 'reconnect scheduled', 'reconnect', 'reconnected', 'close', 'end']);
        client.open();
        await until(() => log.some((entry) => / end /.test(entry)));
        client.destroy();
        return log
          .filter((entry) => strategy === false || !/readyStateChange/.test(entry))
          .map((entry) => entry.replace(/ (true|false)/g, ''));
      },
    }),
  ),
  {
    name: 'a client that finds no server: `reconnect failed` and `end`',
    async run(stage) {
      const { http, url, primus } = await stage.serve();
      const client = new primus.Socket(url, { manual: true, reconnect: { min: 1, max: 5, retries: 1 } });
      http.close();
      const log: string[] = [];
      client.on('error', () => {});
      for (const event of ['reconnect failed', 'end']) client.on(event, () => log.push(event));
      client.open();
      await until(() => log.length === 2);
      client.destroy();
      return log;
    },
    differs: { ours: ['reconnect failed', 'end'], original: ['end', 'reconnect failed'], row: '`reconnect failed`' },
  },
  ...['disconnect,online,timeout', 'disconnect'].map(
    (strategy): Scenario => ({
      name: `a silent server makes a client emit offline, and online once there is a connection, with the strategy ${strategy}`,
      async run(stage) {
        const { client } = await stage.pair({ pingInterval: false }, { strategy, pingTimeout: 40 });
        const log: unknown[] = [client.online];
        recordClient(client, log as string[], ['offline', 'online', 'close', 'reconnect scheduled', 'reconnected', 'open']);
        client.once('offline', () => log.push(client.online));
        await once(client, 'online');
        log.push(client.online);
        await once(client, 'open');
        return log.map((entry) => String(entry).replace(/(online|offline|close|scheduled|reconnected|open) .*/, '$1'));
      },
    }),
  ),
  {
    name: 'a silent server makes a client without a strategy emit offline, and end',
    async run(stage) {
      const { client } = await stage.pair({ pingInterval: false }, { strategy: false, pingTimeout: 40 });
      const log: string[] = [];
      recordClient(client, log);
      await once(client, 'end');
      return [...log.map((entry) => entry.replace(/ (true|false)/g, '')), client.online];
    },
  },
  {
    name: 'the members of the object that the events of reconnection carry',
    async run(stage) {
      const { client, spark } = await stage.pair({}, { reconnect: { min: 4, max: 4, retries: 5, factor: 3, 'reconnect timeout': '1 s' } });
      const log: unknown[] = [];
      for (const event of ['reconnect scheduled', 'reconnect', 'reconnected'])
        client.on(event, ({ start, duration, ...attempt }: Any) => log.push([event, typeof start, typeof duration, attempt]));
      log.push(client.recovery.attempt, client.recovery.reconnecting());
      client.once('reconnect scheduled', () => log.push(client.recovery.reconnecting()));
      spark.request.socket.destroy();
      await once(client, 'open');
      return [...log, client.recovery.attempt, client.recovery.reconnecting()];
    },
  },
];

const errors: Scenario[] = [
  {
    name: 'the state of a client in each of its events',
    async run(stage) {
      const { primus, connect } = await stage.serve();
      const client = connect();
      const states: unknown[] = [];
      for (const name of ['open', 'close', 'reconnect scheduled', 'reconnect', 'reconnected', 'end', 'destroy'])
        client.on(name, () => states.push(`${name} ${client.readyState} ${client.writable}`));
      await once(client, 'open');
      await until(() => primus.connected === 1);
      const again = once(client, 'open');
      primus.forEach((spark: Any) => void spark.end(undefined, { reconnect: true }));
      await once(client, 'reconnected');
      await again;
      client.destroy();
      return states;
    },
    differs: {
      ours: [...LOST, 'reconnected 3 true', ...FOUND],
      original: [...LOST, 'reconnected 1 false', ...FOUND],
      row: 'state inside the `reconnected` event',
    },
  },
  {
    name: 'a client has no socket, and still its listeners, when it emits destroy',
    async run(stage) {
      const { client } = await stage.pair();
      const found: unknown[] = [];
      client.on('data', () => {});
      client.on('destroy', () => found.push(client.socket ?? null, client.listeners('data').length, client.readyState));
      client.destroy();
      return [found, client.listeners('data').length];
    },
  },
  {
    name: 'the log has the errors of connections that have no listener',
    async run(stage) {
      const { primus, spark, client } = await stage.pair({ maxLength: 100 }, { strategy: false });
      const log: string[] = [];
      primus.on('log', (level: string, error: Error) => log.push(`${level} ${error instanceof Error}`));
      client.on('error', () => {});
      client.socket.send('{');
      await until(() => log.length === 1);
      const cycle: Record<string, unknown> = {};
      cycle.itself = cycle;
      spark.write(cycle);
      await until(() => log.length === 2);
      const over = new Promise((resolve) => client.on('end', resolve));
      client.write('x'.repeat(200));
      await over;
      return log;
    },
  },
  {
    name: 'the log has the error with which a connection listener refuses',
    async run(stage) {
      const { primus, connect } = await stage.serve();
      const log: unknown[] = [];
      primus.on('log', (level: string, error: Error) => log.push([level, error.message]));
      primus.on('connection', (_spark: Any, next: (error: Error) => void) => next(new Error('full')));
      await once(connect(), 'end');
      return log;
    },
  },
];

const destroying: Scenario[] = [
  {
    name: '`close` follows the disconnections and the end of the HTTP server',
    async run(stage) {
      const { primus, http } = await stage.pair();
      const log: unknown[] = [];
      http.on('close', () => log.push('http'));
      primus.on('disconnection', () => log.push('disconnection', http.listening));
      primus.on('close', (_options: object, next: () => void) => {
        log.push('close', http.listening);
        setImmediate(next);
      });
      await new Promise<void>((resolve) => primus.destroy({}, resolve));
      return log;
    },
  },
  {
    name: 'a second call that does not wait ends the time-out of the first',
    async run(stage) {
      const { primus } = await stage.pair();
      const closed = once(primus, 'close');
      primus.destroy({ timeout: 1_000 });
      const options = { close: false };
      primus.destroy(options);
      return (await closed)[0] === options;
    },
  },
];

const details = ({ message, code }: { message: string; code: number }) => [message, code];

const objects: Scenario[] = [
  {
    name: 'of a connection listener',
    async run(stage) {
      const { primus, connect } = await stage.serve();
      const failed = new Promise((resolve) => {
        primus.on('connection', (spark: Any, next: (error: object) => void) => {
          spark.on('error', (error: Any) => resolve(details(error)));
          next({ message: 'full', code: 5 });
        });
      });
      const ended = once(connect(), 'end');
      return [await failed, await ended];
    },
  },
  ...['incoming', 'outgoing'].map((type) => ({
    name: `of a message transformer, ${type}`,
    async run(stage: Stage) {
      const { primus, spark, client } = await stage.pair();
      const failed: unknown[] = [];
      for (const end of [spark, client]) end.on('error', (error: Any) => failed.push(details(error)));
      for (const end of [primus, client])
        end.transform(type, (_packet: Any, next: (error: object) => void) => next({ message: 'not this', code: 6 }));
      spark.write(1);
      client.write(1);
      await until(() => failed.length === 2);
      return failed;
    },
  })),
];

const bound: [name: string, call: (emitter: Any) => unknown][] = [
  ['a bound argument', (emitter) => emitter.emits('event', 'a')('b')],
  ['two bound arguments', (emitter) => emitter.emits('event', 'a', 'b')('c', 'd')],
  ['null', (emitter) => emitter.emits('event', null)('b')],
  ['undefined', (emitter) => emitter.emits('event', undefined)('b')],
  ['a function that is not the last', (emitter) => emitter.emits('event', () => {}, 'z')('b')],
  ['a bound argument and a parser', (emitter) => emitter.emits('event', 'a', (next: Any) => next(null, 'c'))('b')],
  ['a parser that changes nothing', (emitter) => emitter.emits('event', (next: Any) => next())('b', 'c')],
  ['a parser that clears the arguments', (emitter) => emitter.emits('event', 'a', (next: Any) => next(null, null))('b', 'c')],
  ['a parser that returns a list', (emitter) => emitter.emits('event', (next: Any) => next(null, [1, [2]]))('b')],
  [
    'a parser that returns falsy values',
    (emitter) => emitter.emits('event', (next: Any) => [0, '', false].map((value) => next(null, value)))(),
  ],
  ['a parser that never calls back', (emitter) => emitter.emits('event', () => 5)('b')],
  ['no listener', (emitter) => emitter.emits('unheard', 'a')('b')],
];

const emits: Scenario[] = bound.map(([name, call]) => ({
  name: `emits with ${name}`,
  async run(stage) {
    const { primus, spark, client } = await stage.pair();
    return [primus, spark, client].map((emitter: Any) => {
      const log: unknown[] = [];
      emitter.on('event', (...args: unknown[]) => log.push(args.map((arg) => (typeof arg === 'function' ? 'function' : arg))));
      return [call(emitter), ...log];
    });
  },
}));

compare('events around an end', order);
compare('a spark that is over', sparks);
compare('the events of a client', clients);
compare('errors without a listener', errors);
compare('early messages', messages);

compare('destroy', destroying);
compare('an object in place of an error', objects);
compare('emits', emits);
