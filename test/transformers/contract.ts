import type { ServerResponse } from 'node:http';
import { createConnection } from 'node:net';
import { Readable } from 'node:stream';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { configure } from '../../client/primus.js';
import type { ServerOptions, Spark } from '../../src/index.js';
import { reject } from '../../src/server/http/reject.js';
import { watchForCrashes } from '../server/crashes.js';
import { Clock } from '../support/clock.js';
import { cleanup, event, LIMIT, type Served, serve, until } from '../support/serve.js';
import { early } from './early.js';
import { requestRules } from './requests.js';
import { secrets } from './secrets.js';
import { sessions } from './sessions.js';
import { skips as known } from './skips.js';

/** A transformer under test: its name, the options of every server, and the rules that it cannot keep, with the reason. */
export interface Leaf {
  transformer: string;
  /** The name of this run of the suite, if the transformer has several. */
  by?: string;
  options?: () => ServerOptions;
  /**
   * Why a rule does not hold, by its title.
   *
   * @defaultValue the reasons in `skips.ts`
   */
  skips?: Record<string, string>;
}

/** The rules that every transformer keeps, whatever framework it stands on. */
export function contract({ transformer, by = '', options = () => ({}), skips = known[transformer] ?? {} }: Leaf): void {
  const start = (more: ServerOptions = {}, at?: { port?: number; host?: string }) => serve({ transformer, ...options(), ...more }, at);
  const pair = async (more: ServerOptions = {}, options: Parameters<Served['connect']>[0] = {}) => {
    const served = await start(more);
    const announced = event(served.primus, 'connection');
    const client = served.connect({ reconnect: { min: 10, max: 50 }, ...options });
    const [spark] = (await announced) as [Spark];
    if (client.readyState !== 3) await event(client, 'open');
    return { ...served, client, spark };
  };
  const rule = (name: string, test: () => Promise<void>) => {
    const reason = skips[name];
    if (reason === undefined) it(name, test);
    else it.skip(`${name} (${reason})`, test);
  };

  describe(`the contract, by ${transformer}${by && `, ${by}`}`, () => {
    watchForCrashes();

    rule('opens on both ends and emits connection once', async () => {
      const { primus, client, spark } = await pair();
      expect(client.readyState).toBe(3);
      expect(client.state).toEqual({ name: 'open' });
      expect(spark.readyState).toBe(3);
      expect(primus.connected).toBe(1);
      expect(primus.spark(spark.id)).toBe(spark);
    });

    rule('carries any JSON value unchanged in both directions', async () => {
      const { client, spark } = await pair();
      spark.on('data', (data) => spark.write(data));
      const values = [
        0,
        1,
        -1.5,
        '',
        'a',
        false,
        true,
        null,
        [],
        {},
        [[]],
        { a: { b: [null] } },
        'é ü 漢 🎉 \u2028\u2029 \0',
        'x'.repeat(70_000),
      ];
      const echoes: unknown[] = [];
      client.on('data', (data) => echoes.push(data));
      for (const value of values) expect(client.write(value)).toBe(true);
      await until(() => echoes.length === values.length);
      expect(echoes).toEqual(values);
    });

    rule('keeps the order of many messages', async () => {
      const { client, spark } = await pair();
      const numbers = Array.from({ length: 1_000 }, (_, index) => index);
      const up: unknown[] = [];
      const down: unknown[] = [];
      spark.on('data', (data) => up.push(data));
      client.on('data', (data) => down.push(data));
      for (const number of numbers) {
        client.write(number);
        spark.write(number);
      }
      await until(() => up.length === numbers.length && down.length === numbers.length);
      expect(up).toEqual(numbers);
      expect(down).toEqual(numbers);
    });

    rule('carries binary frames', async () => {
      const bytes = {
        encoder: (data: unknown, done: (error: Error | null, frame?: Uint8Array) => void) => done(null, data as Uint8Array),
        decoder: (frame: string | Uint8Array, done: (error: Error | null, data?: unknown) => void) => done(null, frame),
      };
      const { client, spark } = await pair({ parser: bytes, pingInterval: false });
      const received = event(client, 'data');
      spark.on('data', (data) => spark.write(data));
      client.write(Uint8Array.from({ length: 256 }, (_, index) => index));
      const [echo] = await received;
      expect(echo).toBeInstanceOf(Uint8Array);
      expect([...(echo as Uint8Array)]).toEqual(Array.from({ length: 256 }, (_, index) => index));
    });

    rule('accepts a message of maxLength and drops the connection for one byte more', async () => {
      const maxLength = 2_000;
      const { client, spark } = await pair({ maxLength });
      const received = event(spark, 'data');
      client.write('x'.repeat(maxLength - 2));
      expect((await received)[0]).toHaveLength(maxLength - 2);
      const errors: Error[] = [];
      spark.on('error', (error) => errors.push(error));
      const gone = event(spark, 'end');
      client.write('x'.repeat(maxLength - 1));
      await gone;
      expect(errors).toHaveLength(1);
      await event(client, 'reconnected');
    });

    rule('drops a message that exceeds maxDepth or maxValues with an error, and delivers the next one', async () => {
      const { client, spark } = await pair({ maxDepth: 3, maxValues: 6 });
      const errors: unknown[] = [];
      const received: unknown[] = [];
      spark.on('error', (error) => errors.push(error));
      spark.on('data', (data) => received.push(data));
      const within = [[[[]]], [1, 2, 3, 4, 5, 6], { a: { b: { c: '[[[[' } } }];
      const over = [[[[[]]]], [1, 2, 3, 4, 5, 6, 7], { a: { b: { c: { d: 1 } } } }, { a: 1, b: 2, c: 3, d: 4 }];
      for (const value of [...within, ...over, 'last']) client.write(value);
      await until(() => received.length === within.length + 1);
      expect(received).toEqual([...within, 'last']);
      expect(errors).toMatchObject(over.map(() => ({ code: 'ERR_PRIMUS_DECODE', message: expect.stringMatching(/`max(Depth|Values)`/) })));
      // What the server sends is not limited.
      const echo = event(client, 'data');
      spark.write(over);
      expect((await echo)[0]).toEqual(over);
    });

    rule('maxLength is what the server accepts: its clients accept longer messages, up to their own maxLength', async () => {
      const { connect, primus } = await start({ maxLength: 2_000 });
      primus.on('connection', (spark) => void spark.write('x'.repeat(5_000)));
      expect((await event(connect(), 'data'))[0]).toHaveLength(5_000);
      const limited = connect({ maxLength: 4_000, strategy: false });
      const received: unknown[] = [];
      limited.on('data', (data) => received.push(data));
      await event(limited, 'end');
      expect(received).toEqual([]);
    });

    rule('delivers a message that is longer than maxBuffer, and what is written behind it', async () => {
      const { client, spark } = await pair({ maxBuffer: 200_000 });
      const received: number[] = [];
      client.on('data', (data) => received.push((data as string).length));
      spark.write('x'.repeat(2_000_000));
      for (let count = 0; count < 10; count++) spark.write('x'.repeat(1_000));
      await until(() => received.length === 11);
      expect(received).toEqual([2_000_000, ...Array(10).fill(1_000)]);
    });

    rule('delivers a burst of 4 MB with the defaults to a client that reads', async () => {
      const { client, spark } = await pair();
      let received = 0;
      client.on('data', () => received++);
      for (let count = 0; count < 4_000; count++) spark.write(`${count}${'x'.repeat(1_000)}`);
      await until(() => received === 4_000);
      expect(spark.readyState).toBe(3);
    });

    rule('slows a stream that is piped into the spark, and delivers all of it', async () => {
      const { client, spark } = await pair();
      let received = 0;
      client.on('data', () => received++);
      Readable.from(Array.from({ length: 200 }, () => 'x'.repeat(50_000))).pipe(spark as never, { end: false });
      await until(() => received === 200);
      expect(spark.readyState).toBe(3);
    });

    rule('counts maxLength in bytes, not in characters', async () => {
      const maxLength = 2_000;
      const { client, spark } = await pair({ maxLength });
      const received: unknown[] = [];
      spark.on('data', (data) => received.push(data));
      spark.on('error', () => {});
      const gone = event(spark, 'end');
      client.write('é'.repeat(maxLength / 2 - 1));
      await until(() => received.length === 1);
      client.write('é'.repeat(maxLength / 2));
      await gone;
      expect(received).toEqual(['é'.repeat(maxLength / 2 - 1)]);
    });

    rule('sends what listeners of `open` write first, then what was written before, in order, at each connection', async () => {
      const { primus, connect } = await start();
      const received: unknown[] = [];
      primus.on('connection', (spark) => {
        spark.on('data', (data) => received.push(data));
      });
      const client = connect({ manual: true, reconnect: { min: 10, max: 10 } });
      client.on('open', () => client.write('join'));
      client.open$.subscribe(() => client.write('log in'));
      for (const number of [1, 2, 3]) client.write(number);
      expect(client.buffer).toEqual([1, 2, 3]);
      client.open();
      await event(client, 'open');
      client.write(4);
      await until(() => received.length === 6);
      expect(received.splice(0)).toEqual(['join', 'log in', 1, 2, 3, 4]);
      client.once('close', () => {
        for (const number of [5, 6]) client.write(number);
      });
      primus.forEach((spark) => {
        spark.end(undefined, { reconnect: true });
      });
      await until(() => received.length === 4);
      expect(received).toEqual(['join', 'log in', 5, 6]);
    });

    rule('sends what listeners of `open` write first when message transformers answer later', async () => {
      const { primus, connect } = await start();
      const received: unknown[] = [];
      primus.on('connection', (spark) => {
        spark.on('data', (data) => received.push(data));
      });
      const client = connect({ manual: true });
      client.transform('outgoing', (_packet, next) => void setImmediate(next));
      client.on('open', () => client.write('join'));
      for (const number of [1, 2]) client.write(number);
      await until(() => client.buffer.length === 2);
      client.write(3);
      client.open();
      await event(client, 'open');
      client.write(4);
      await until(() => received.length === 5);
      expect(received).toEqual(['join', 1, 2, 3, 4]);
    });

    rule('sends what a plugin writes at `open` before the messages of the application', async () => {
      const { primus, connect } = await start();
      const received: unknown[] = [];
      primus.on('connection', (spark) => {
        spark.on('data', (data) => received.push(data));
      });
      const client = connect({ manual: true });
      const { _write } = client;
      // As plugins do that count or change what is sent.
      client._write = (data: unknown) => _write.call(client, data);
      client.on('readyStateChange', (state) => {
        if (state === 'open') client.write('plugin');
      });
      client.write('application');
      client.open();
      await until(() => received.length === 2);
      expect(received).toEqual(['plugin', 'application']);
    });

    rule('refuses what is written to a client that has ended, with an error', async () => {
      const { client } = await pair();
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      client.end();
      expect([client.write('late'), client.buffer]).toEqual([false, []]);
      expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_CLOSED', data: 'late' }]);
    });

    rule('ends the client for good when the server closes', async () => {
      const { primus, client, spark } = await pair();
      const ended = event(client, 'end');
      const gone = event(primus, 'disconnection');
      const scheduled: unknown[] = [];
      client.on('reconnect scheduled', (attempt) => scheduled.push(attempt));
      spark.end();
      expect((await gone)[0]).toBe(spark);
      await ended;
      expect(client.state).toMatchObject({ name: 'closed', by: 'server' });
      expect(scheduled).toEqual([]);
      expect(primus.connected).toBe(0);
      expect(primus.spark(spark.id)).toBeUndefined();
    });

    rule('ends the spark when the client closes', async () => {
      const { primus, client, spark } = await pair();
      const gone = event(primus, 'disconnection');
      const ended = event(spark, 'end');
      client.end();
      await Promise.all([gone, ended]);
      expect(client.state).toMatchObject({ name: 'closed', by: 'client' });
      expect(primus.connected).toBe(0);
    });

    rule('delivers the last message of end(data), from either end', async () => {
      const first = await pair();
      const atClient = event(first.client, 'data');
      first.spark.end('from the server');
      expect((await atClient)[0]).toBe('from the server');
      const second = await pair();
      const atServer = event(second.spark, 'data');
      second.client.end('from the client');
      expect((await atServer)[0]).toBe('from the client');
    });

    rule('reconnects after end(undefined, { reconnect: true })', async () => {
      const { primus, client, spark } = await pair();
      const again = event(primus, 'connection');
      const events: string[] = [];
      for (const name of ['close', 'reconnect scheduled', 'reconnect', 'reconnected', 'open'] as const)
        client.on(name, () => events.push(name));
      spark.end(undefined, { reconnect: true });
      const [next] = (await again) as [Spark];
      await until(() => events.includes('open'));
      expect(events).toEqual(['close', 'reconnect scheduled', 'reconnect', 'reconnected', 'open']);
      expect(next.id).not.toBe(spark.id);
    });

    rule('sends messages written while disconnected', async () => {
      const { primus, client, spark } = await pair();
      const received: unknown[] = [];
      primus.on('connection', (next) => {
        next.on('data', (data) => received.push(data));
      });
      client.on('close', () => {
        for (const number of [1, 2, 3]) client.write(number);
      });
      spark.end(undefined, { reconnect: true });
      await until(() => received.length === 3);
      expect(received).toEqual([1, 2, 3]);
    });

    rule('reports to the client why it was rejected', async () => {
      const { primus, connect } = await start();
      // A framework may begin with a plain request or an upgrade.
      const bouncer = (_request: unknown, response: ServerResponse, _next: unknown) =>
        void reject(response, { status: 403, message: 'not you' });
      primus.use('bouncer', bouncer);
      const client = connect({ strategy: 'disconnect' });
      const [error] = await event(client, 'error');
      expect(error).toMatchObject({ code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status: 403, reason: 'not you' });
      await until(() => client.state.name === 'closed');
    });

    rule('ends a client whose attempt to reconnect is rejected with 401 or 403, and says why, whatever its strategy', async () => {
      for (const status of [401, 403]) {
        const { primus, client, spark } = await pair({}, { strategy: 'disconnect, timeout, online' });
        const bouncer = (_request: unknown, response: ServerResponse, _next: unknown) => void reject(response, status);
        client.once('close', () => primus.use('bouncer', bouncer));
        const errors: unknown[] = [];
        client.on('error', (error) => errors.push(error));
        const ended = event(client, 'end');
        spark.end(undefined, { reconnect: true });
        await ended;
        // The framework of BrowserChannel takes the end of a session for an error.
        expect(errors.at(-1)).toMatchObject({ code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status });
        expect(client.state).toMatchObject({ name: 'closed', by: 'failure', cause: { status } });
      }
    });

    rule('rejects a client that is not authorized', async () => {
      const asked: (string | undefined)[] = [];
      const { primus, connect } = await start({
        authorization: (request, done) => {
          asked.push(request.url);
          if (request.url?.includes('token=right')) done();
          else setImmediate(done, { message: 'who are you?', authenticate: 'Basic realm="x"' });
        },
      });
      const announced: unknown[] = [];
      primus.on('connection', (spark) => announced.push(spark.query.token));
      const stranger = connect({ reconnect: { min: 1 } });
      const events: string[] = [];
      for (const name of ['open', 'close', 'reconnect scheduled', 'end'] as const) stranger.on(name, () => events.push(name));
      const [error] = await event(stranger, 'error');
      expect(error).toMatchObject({
        code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE',
        status: 401,
        reason: 'who are you?',
        authenticate: 'Basic realm="x"',
      });
      await until(() => events.includes('end'));
      expect(events).toEqual(['close', 'end']);
      await event(connect({}, '/?token=right'), 'open');
      await until(() => announced.length > 0);
      expect(announced).toEqual(['right']);
      expect(primus.connected).toBe(1);
      expect(asked.length).toBeGreaterThanOrEqual(2);
    });

    rule('gives the spark its query, address, id and request', async () => {
      const { primus, connect } = await start();
      const announced = event(primus, 'connection');
      const client = connect({}, '/?token=a%20b&list=1&list=2&price=$$5');
      const [spark] = (await announced) as [Spark];
      expect(spark.query).toMatchObject({ token: 'a b', list: ['1', '2'], price: '$$5' });
      expect(Object.keys(spark.query).filter((field) => field.startsWith('_primus'))).toEqual([]);
      expect(spark.address.ip).toContain('127.0.0.1');
      expect(spark.request.url).toContain('/primus');
      expect(spark.id).toMatch(/^[\w-]{10,}$/);
      expect(spark.socket).toBeTruthy();
      const id = await new Promise((resolve) => client.id(resolve));
      expect(id).toBe(spark.id);
    });

    rule('gives the spark the headers as they were sent', async () => {
      const { spark, port } = await pair();
      expect(spark.headers).toMatchObject({ host: `127.0.0.1:${port}` });
    });

    rule('gives the spark the port of the client', async () => {
      const { spark } = await pair();
      expect(spark.address.port).toBeGreaterThan(0);
    });

    rule('sends the credentials of each attempt with every request of it', async () => {
      const { primus, connect } = await start({
        authorization: (request, done) => done(/[?&]token=t\d(&|$)/.test(request.url ?? '') ? undefined : 'no token'),
      });
      const tokens: unknown[] = [];
      primus.on('connection', (spark) => {
        tokens.push(spark.query.token);
        if (tokens.length === 1) spark.end(undefined, { reconnect: true });
      });
      let asked = 0;
      const client = connect({ reconnect: { min: 10, max: 50 }, credentials: async () => ({ token: `t${++asked}` }) }, '/?a=b');
      await until(() => tokens.length === 2);
      expect(tokens).toEqual(['t1', 't2']);
      if (client.readyState !== 3) await event(client, 'open');
    });

    rule('sends the headers of each attempt', async () => {
      const { primus, connect } = await start();
      const tokens: unknown[] = [];
      primus.on('connection', (spark) => {
        tokens.push(spark.headers['x-token']);
        if (tokens.length === 1) spark.end(undefined, { reconnect: true });
      });
      let asked = 0;
      connect({ reconnect: { min: 10, max: 50 }, headers: async () => ({ 'X-Token': `t${++asked}` }) });
      await until(() => tokens.length === 2);
      expect(tokens).toEqual(['t1', 't2']);
    });

    rule('does not send data that begins like the protocol, to one or to all, and stays open', async () => {
      const { primus, client, spark } = await pair();
      const [errors, logged, received]: unknown[][] = [[], [], []];
      spark.on('error', (error) => errors?.push(error));
      primus.on('log', (_level, error) => logged?.push(error));
      client.on('data', (data) => received?.push(data));
      for (const word of ['primus::server::close', 'primus::ping::1', 'primus::id::x']) {
        expect(spark.write(word)).toBe(false);
        expect(primus.write(word)).toBe(primus);
        spark.write([word]);
      }
      await until(() => received?.length === 3);
      expect(received).toEqual([['primus::server::close'], ['primus::ping::1'], ['primus::id::x']]);
      expect([errors?.length, logged?.length, client.readyState]).toEqual([3, 3, 3]);
    });

    rule('keeps the order of messages with slow transformers and sends the last one before the end', async () => {
      const { primus, connect } = await start();
      const late = (packet: { data: unknown }, next: () => void) => void setTimeout(next, (Number(packet.data) * 7) % 5);
      primus.transform('incoming', late).transform('outgoing', late);
      const numbers = Array.from({ length: 30 }, (_, index) => index);
      const [up, down]: unknown[][] = [[], []];
      primus.on('connection', (spark, next) => {
        for (const number of numbers) spark.write(number);
        spark.on('data', (data) => {
          up?.push(data);
          if (data === 29) spark.end(30);
        });
        setTimeout(next, 5);
      });
      const client = connect();
      client.on('data', (data) => down?.push(data));
      for (const number of numbers) client.write(number);
      await event(client, 'end');
      expect([up, down]).toEqual([numbers, [...numbers, 30]]);
    });

    rule('isolates listeners that throw, reject, end and destroy from other connections', async () => {
      const { primus, connect, client: friend, spark: friendly } = await pair();
      friendly.on('data', (data) => friendly.write(data));
      const actions: ((spark: Spark) => unknown)[] = [
        () => {
          throw new Error('broken');
        },
        async () => {
          throw new Error('broken');
        },
        (spark) => spark.end('last').end().write('never'),
        (spark) => spark.end(undefined, { reconnect: true }),
      ];
      primus.on('log', () => {});
      for (const name of ['connection', 'data', 'incoming::data', 'outgoing::data', 'readyStateChange', 'end'] as const) {
        for (const act of actions) {
          const events: string[] = [];
          const listener = (spark: Spark) => {
            spark.on('error', () => {});
            for (const kind of ['data', 'end'] as const) spark.on(kind, () => events.push(kind));
            if (name !== 'connection') spark.on(name as 'end', () => act(spark));
            spark.write('hello');
            return name === 'connection' ? act(spark) : undefined;
          };
          primus.once('connection', listener as (spark: Spark) => void);
          const faulty = connect({ strategy: false });
          faulty.on('error', () => {});
          const over = event(primus, 'disconnection');
          faulty.write('hello');
          faulty.on('open', () => setTimeout(() => faulty.end(), 15));
          await over;
          expect(events.filter((kind) => kind === 'end')).toHaveLength(1);
          expect(events.at(-1)).toBe('end');
        }
      }
      const echo = event(friend, 'data');
      friend.write('still there?');
      expect((await echo)[0]).toBe('still there?');
      expect(primus.connected).toBe(1);
    });

    rule('takes ids from idGenerator', async () => {
      let count = 0;
      const { spark } = await pair({ idGenerator: () => `spark-${++count}` });
      expect(spark.id).toBe('spark-1');
    });

    rule('sends heartbeats, measures the latency and terminates a silent client', async () => {
      const scheduler = new Clock();
      const { primus, url, client, spark } = await pair({ pingInterval: 500, scheduler }, { pingTimeout: false });
      const heartbeat = event(spark, 'heartbeat');
      scheduler.advance(500);
      const [latency] = await heartbeat;
      expect(latency).toBeGreaterThanOrEqual(0);
      client.end();
      // A client that never sends anything.
      const { parts, configuration } = primus.Socket;
      const mute = { encoder: () => {}, decoder: parts.parser.decoder };
      const announced = event(primus, 'connection');
      const silent = new (configure({ ...parts, parser: mute }, configuration))(url, {
        strategy: false,
        pingTimeout: false,
        transport: primus.options.transport,
      });
      cleanup(() => silent.destroy());
      const [doomed] = (await announced) as [Spark];
      const errors: unknown[] = [];
      doomed.on('error', (error) => errors.push(error));
      const over = event(doomed, 'end');
      // The first ping goes unanswered, the second finds that out; before them, what opened the connection was activity.
      scheduler.advance(1_500);
      await over;
      expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_SILENCE' }]);
    });

    rule('detects a silent server', async () => {
      const { connect } = await start({ pingInterval: false });
      const client = connect({ pingTimeout: 40 });
      await event(client, 'open');
      await event(client, 'close');
      expect(client.state).toMatchObject({ name: 'waiting', cause: { code: 'ERR_PRIMUS_SILENCE' } });
    });

    rule('broadcasts in order with messages written to one spark', async () => {
      const { primus, connect } = await start();
      const received: unknown[][] = [];
      const clients = Array.from({ length: 5 }, () => connect());
      for (const client of clients) {
        const messages: unknown[] = [];
        received.push(messages);
        client.on('data', (data) => messages.push(data));
      }
      await until(() => primus.connected === 5 && clients.every((client) => client.readyState === 3));
      primus.forEach((spark) => void spark.write('before'));
      expect(primus.write({ to: 'all' })).toBe(primus);
      primus.forEach((spark) => void spark.write('after'));
      await until(() => received.every((messages) => messages.length === 3));
      for (const messages of received) expect(messages).toEqual(['before', { to: 'all' }, 'after']);
    });

    rule('answers plain requests to its path and leaves other paths to the application', async () => {
      const { primus, server, url } = await start();
      const spec = await fetch(`${url}/primus/spec`);
      expect(await spec.json()).toMatchObject({ pathname: '/primus', transformer, version: primus.version });
      expect((await fetch(`${url}/primusfoo`)).status).toBe(404);
      server.on('request', (_request, response) => response.end('the app'));
      expect(await (await fetch(`${url}/primusfoo`)).text()).toBe('the app');
    });

    const targets = (name: string, odd: string[]) =>
      rule(name, async () => {
        const { port, primus, connect } = await start();
        for (const target of odd) {
          for (const upgrade of ['', 'Connection: Upgrade\r\nUpgrade: websocket\r\n']) {
            const answer = await raw(port, `GET ${target} HTTP/1.1\r\nHost: x\r\n${upgrade || 'Connection: close\r\n'}\r\n`);
            expect(answer).toMatch(/^HTTP\/1\.1 [24]\d\d/);
          }
        }
        const client = connect();
        await event(client, 'open');
        expect(primus.connected).toBe(1);
      });

    targets('survives requests with odd targets', ['//%@x/primus', '/primus/%', '/primus?%', '/primus/..']);
    targets('answers requests whose target is not a path', ['http://%@x/primus', 'http://[/primus', '*']);

    rule('carries 200 connections at once', async () => {
      const { primus, connect } = await start();
      primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
      // On a busy machine they take longer than the default.
      const clients = Array.from({ length: 200 }, () => connect({ timeout: 60_000 }));
      const echoes = await Promise.all(
        clients.map(async (client, index) => {
          const echo = event(client, 'data');
          // Again when a framework gives a connection up: SockJS does when a busy machine keeps a client from polling for five seconds.
          client.on('open', () => client.write(index));
          return (await echo)[0];
        }),
      );
      expect(echoes).toEqual(clients.map((_, index) => index));
      await until(() => primus.connected === 200);
    });

    rule('listens on IPv6', async () => {
      const { primus, connect } = await start({}, { host: '::1' });
      const announced = event(primus, 'connection');
      await event(connect(), 'open');
      const [spark] = (await announced) as [Spark];
      expect(spark.address.ip).toBeTruthy();
    });

    rule('reconnects after the server restarted on the same port and sends what was written meanwhile', async () => {
      const first = await start();
      const client = first.connect({ reconnect: { min: 10, max: 50, retries: 100 } });
      await event(client, 'open');
      const down = event(client, 'close');
      await new Promise<void>((resolve) => first.primus.destroy({ reconnect: true }, resolve));
      await down;
      for (const number of [1, 2, 3]) client.write(number);
      const second = await start({}, { port: first.port });
      const received: unknown[] = [];
      second.primus.on('connection', (spark) => {
        spark.on('data', (data) => received.push(data));
      });
      await until(() => received.length === 3);
      expect(received).toEqual([1, 2, 3]);
    });

    rule('delivers the last message and the close when the server is destroyed between two polls', async () => {
      const { primus, client, spark } = await pair();
      const heard: unknown[] = [];
      const ended = event(client, 'end');
      const destroyed = new Promise<void>((resolve) => {
        client.on('data', (data) => {
          heard.push(data);
          if (data === 'first') primus.write('last') && primus.destroy({}, resolve);
        });
      });
      spark.write('first');
      await Promise.all([ended, destroyed]);
      expect(heard).toEqual(['first', 'last']);
      expect(client.state).toMatchObject({ name: 'closed', by: 'server' });
    });

    rule('drains: rejects new clients, delivers what was sent, lets the clients reconnect after a delay, and completes', async () => {
      const { primus, client, spark, connect } = await pair({}, { strategy: false });
      const down: unknown[] = [];
      const up: unknown[] = [];
      client.on('data', (data) => down.push(data));
      spark.on('data', (data) => up.push(data));
      const scheduled = event(client, 'reconnect scheduled');
      primus.transform('outgoing', (_packet, next) => void setImmediate(next));
      for (const number of [1, 2, 3]) spark.write(number);
      const drained = lastValueFrom(primus.drain({ over: 0, retryAfter: 60_000 }));
      expect(primus.ready).toBe(false);
      for (const number of [4, 5, 6]) client.write(number);
      const late = connect({ strategy: false });
      const [error] = await event(late, 'error');
      expect(error).toMatchObject({ code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status: 503, retryAfter: 60_000 });
      await until(() => late.state.name === 'waiting');
      const [attempt] = (await scheduled) as [{ scheduled: number }];
      expect(attempt.scheduled).toBeGreaterThan(60_000);
      expect(await drained).toMatchObject({ remaining: 0, ended: 1 });
      expect([down, up]).toEqual([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      await new Promise<void>((resolve) => primus.destroy({}, resolve));
    });

    rule('gives a spark what authorization has found about the request that began it', async () => {
      const { spark, client } = await pair({ authorization: (request, done) => done(null, { url: request.url, user: 'ada' }) });
      expect(spark.data).toEqual({ url: spark.request.url, user: 'ada' });
      client.write('more requests, where a framework polls');
      await event(spark, 'data');
      expect(spark.data.url).toBe(spark.request.url);
    });

    for (const [title, test] of secrets(transformer, start)) rule(title, test);
    early(start, rule);
    sessions(transformer, start, rule);
    requestRules(start, rule);

    rule('ends the clients and frees the port when the server is destroyed, and emits nothing after that', async () => {
      const { primus, server, client } = await pair();
      const ended = event(client, 'end');
      const events: string[] = [];
      primus.on('disconnection', () => events.push('disconnection'));
      primus.on('close', () => events.push('close'));
      await primus[Symbol.asyncDispose]();
      await ended;
      expect(events).toEqual(['disconnection', 'close']);
      expect(server.listening).toBe(false);
    });
  });
}

/** Sends raw bytes, and returns the first data of the answer; nothing when the server closes. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write(bytes));
    cleanup(() => socket.destroy());
    socket.setTimeout(LIMIT, () => reject(new Error(`No answer to ${bytes}`)));
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(''));
  });
}
