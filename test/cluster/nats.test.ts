import Module from 'node:module';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import type { NatsConnection, NatsMessage } from '../../src/cluster/backplanes/nats/connection.js';
import { parseEntry, printEntry } from '../../src/cluster/backplanes/nats/entry.js';
import { Subjects } from '../../src/cluster/backplanes/nats/subjects.js';
import { nats } from '../../src/cluster/backplanes/nats.js';
import type { BusState } from '../../src/cluster/bus.js';
import { Clock } from '../support/clock.js';
import { until } from '../support/wait.js';

const KEEP = { size: 10, ttl: 1000 };

/** A connection whose server answers pings on demand. */
class FakeConnection implements NatsConnection {
  readonly info = { max_payload: 1000 };
  readonly published: string[] = [];
  readonly pings: (() => void)[] = [];
  #resolve = () => {};
  readonly #closed = new Promise<void>((resolve) => {
    this.#resolve = resolve;
  });
  #isClosed = false;

  publish(subject: string): void {
    this.published.push(subject);
  }

  subscribe(_subject: string, _options: { callback(error: Error | null, message: NatsMessage): void }) {
    return { unsubscribe() {} };
  }

  flush(): Promise<void> {
    return new Promise((resolve) => this.pings.push(resolve));
  }

  async *status() {
    await this.closed();
    yield { type: 'close' };
  }

  closed(): Promise<void> {
    return this.#closed;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#resolve();
  }

  isClosed(): boolean {
    return this.#isClosed;
  }

  /** Answers a ping. */
  async pong(): Promise<void> {
    await until(() => this.pings.length > 0);
    this.pings.shift()?.();
    await Promise.resolve();
  }
}

/** Connects a node to fake connections, in virtual time. */
async function open() {
  const clock = new Clock();
  const connections: FakeConnection[] = [];
  const states: BusState[] = [];
  const errors: Error[] = [];
  const lost: [string, number, string][] = [];
  const connect = async () => {
    const connection = new FakeConnection();
    connections.push(connection);
    return connection;
  };
  const context = {
    node: 'a',
    scheduler: clock,
    report: (error: Error) => errors.push(error),
    lost: (...loss: [string, number, string]) => lost.push(loss),
  };
  const bus = nats(connect).open(context);
  bus.state$.subscribe((state) => states.push(state));
  await until(() => connections.length === 1);
  const connection = connections[0] as FakeConnection;
  await connection.pong();
  await until(() => states.at(-1) === 'up');
  return { clock, bus, connection, connections, states, errors, lost };
}

it('pings at most every 10 ms while messages wait, and counts what the server has not confirmed', async () => {
  const { clock, bus, connection, lost } = await open();
  const size = 'primus.m.room'.length + 100;
  for (let index = 0; index < 5; index += 1) bus.publish('room', new Uint8Array(100));
  expect([connection.published.length, connection.pings.length, bus.bufferedAmount]).toEqual([5, 0, 5 * size]);
  clock.advance(10);
  expect(connection.pings).toHaveLength(1);
  bus.publish('room', new Uint8Array(100));
  clock.advance(1000);
  expect(connection.pings).toHaveLength(1);
  await connection.pong();
  await until(() => bus.bufferedAmount === size);
  expect(connection.pings).toHaveLength(0);
  clock.advance(10);
  await connection.pong();
  await until(() => bus.bufferedAmount === 0);
  clock.advance(60_000);
  expect([connection.pings.length, lost]).toEqual([0, []]);
});

it('is down when the server has not answered for 5 s, and connects anew after 10 s', async () => {
  const { clock, bus, connection, connections, states, errors, lost } = await open();
  bus.publish('room', new Uint8Array(100));
  bus.publish('hall', new Uint8Array(100));
  bus.publish('room', new Uint8Array(100));
  clock.advance(10 + 4999);
  expect(states).toEqual(['down', 'up']);
  clock.advance(1);
  expect([states, errors.map(({ message }) => message)]).toEqual([['down', 'up', 'down'], ['NATS did not answer within 5000 ms']]);
  bus.publish('room', new Uint8Array(100));
  expect(lost).toEqual([['room', 1, 'disconnected']]);
  clock.advance(4999);
  expect(connection.isClosed()).toBe(false);
  clock.advance(1);
  expect(connection.isClosed()).toBe(true);
  await until(() => errors.length === 2);
  expect(lost.slice(1)).toEqual([
    ['room', 2, 'disconnected'],
    ['hall', 1, 'disconnected'],
  ]);
  clock.advance(1000);
  await until(() => connections.length === 2);
  await connections[1]?.pong();
  await until(() => states.at(-1) === 'up');
  expect(bus.bufferedAmount).toBe(0);
});

it('is up again when the server answers late', async () => {
  const { clock, bus, connection, states, lost } = await open();
  bus.publish('room', new Uint8Array(100));
  clock.advance(10 + 6000);
  expect(states.at(-1)).toBe('down');
  await connection.pong();
  await until(() => states.at(-1) === 'up');
  clock.advance(60_000);
  expect([connection.isClosed(), bus.bufferedAmount, lost]).toEqual([false, 0, []]);
});

/** Opens the backplane with a function that connects, and returns what it shows. */
function openWith(connect: () => Promise<NatsConnection>) {
  const clock = new Clock();
  const states: BusState[] = [];
  const errors: string[] = [];
  const context = { node: 'a', scheduler: clock, report: ({ message }: Error) => errors.push(message), lost: () => {} };
  const bus = nats(connect).open(context);
  bus.state$.subscribe((state) => states.push(state));
  return { clock, bus, states, errors };
}

it('is up on the next connection when the one before had ended before it was returned', async () => {
  const ended = new FakeConnection();
  await ended.close();
  Object.assign(ended, { flush: () => Promise.reject(new Error('closed')), status: async function* () {} });
  const next = new FakeConnection();
  const answers: (() => Promise<NatsConnection>)[] = [async () => ended];
  const { clock, states, errors } = openWith(() => answers.shift()?.() ?? Promise.reject(new Error('refused')));
  await until(() => errors.length === 1);
  // The server is away for longer than a ping may take, and than a silent connection is kept.
  for (let count = 0; count < 20; count++) {
    const { length } = errors;
    clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(errors.length).toBeGreaterThanOrEqual(length);
  }
  answers.push(async () => next);
  clock.advance(1_000);
  await next.pong();
  await until(() => states.at(-1) === 'up');
});

it('connects again when the function that connects never answers, and closes what it returns after all', async () => {
  const late = new FakeConnection();
  const next = new FakeConnection();
  let settle = (_: NatsConnection) => {};
  const answers: Promise<NatsConnection>[] = [
    new Promise((resolve) => {
      settle = resolve;
    }),
    Promise.resolve(next),
  ];
  const { clock, states, errors } = openWith(() => answers.shift() as Promise<NatsConnection>);
  clock.advance(14_999);
  expect(errors).toEqual([]);
  clock.advance(1);
  expect(errors).toEqual([expect.stringContaining('did not return a connection within 15000 ms')]);
  clock.advance(1_000);
  await next.pong();
  await until(() => states.at(-1) === 'up');
  settle(late);
  await until(() => late.isClosed());
  expect([next.isClosed(), states.at(-1)]).toEqual([false, 'up']);
});

it.each(['1.4.1', '2.8.4'])('refuses a server of version %s, which does not publish the entries of a history', async (version) => {
  const message = `NATS must be of version 2.9 or newer, got ${version}`;
  const old = () => Object.assign(new FakeConnection(), { info: { max_payload: 1000, version } });
  const first = old();
  const { clock, bus, states, errors } = openWith(async () => first);
  await until(() => errors.length === 1);
  expect([errors, first.isClosed(), states]).toEqual([[message], true, ['down']]);
  await bus.close();
  // A connection of the caller stays open.
  const own = old();
  const reported: Error[] = [];
  const other = nats(own).open({ node: 'a', scheduler: clock, report: (error: Error) => reported.push(error), lost: () => {} });
  expect(reported).toMatchObject([{ code: 'ERR_PRIMUS_BACKPLANE', message }]);
  await other.close();
  expect(own.isClosed()).toBe(false);
});

it('names the command that installs the missing package of JetStream', async () => {
  const { bus } = await open();
  type Resolve = (request: string, ...rest: unknown[]) => string;
  const resolver = Module as unknown as { _resolveFilename: Resolve };
  const resolve = resolver._resolveFilename;
  const spy = vi.spyOn(resolver, '_resolveFilename').mockImplementation((request, ...rest) => {
    if (request !== '@nats-io/jetstream') return resolve(request, ...rest);
    throw Object.assign(new Error(`Cannot find module '${request}'`), { code: 'MODULE_NOT_FOUND' });
  });
  try {
    const error = { code: 'ERR_PRIMUS_MISSING', message: expect.stringContaining('npm install @nats-io/jetstream@^') };
    await expect(bus.log?.append('news', new Uint8Array(1), KEEP)).rejects.toMatchObject(error);
    await expect(bus.log?.read('news', 'head', 1)).rejects.toMatchObject(error);
  } finally {
    spy.mockRestore();
  }
});

it('takes a connection, or a function that makes one', async () => {
  for (const wrong of [undefined, null, 'nats://127.0.0.1', {}, 4222]) {
    expect(() => nats(wrong as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_BACKPLANE' }));
  }
  for (const connect of [async () => ({}) as never, () => undefined as never]) {
    const errors: Error[] = [];
    const context = { node: 'a', scheduler: new Clock(), report: (error: Error) => errors.push(error), lost: () => {} };
    const bus = nats(connect).open(context);
    await until(() => errors.length > 0);
    expect(errors[0]).toMatchObject({ code: 'ERR_PRIMUS_BACKPLANE', message: expect.stringContaining('did not return a connection') });
    await bus.close();
  }
});

it('gives each topic one token of a subject, which no other topic has', () => {
  const subjects = new Subjects('primus');
  const topic = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 });
  const tricky = fc.string({
    unit: fc.constantFrom('%', 'u', '0', '2', 'E', '.', '*', '>', ' ', '\ud800', '\u20ac', '\u00fc'),
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.oneof(topic, tricky), fc.oneof(topic, tricky), (left, right) => {
      const [one, other] = [subjects.message(left), subjects.message(right)];
      return /^primus\.m\.[\w%-]+$/.test(one) && (one === other) === (left === right);
    }),
  );
  expect(subjects.message('chat:room-1 \u20ac')).toBe('primus.m.chat%3Aroom-1%20%u20AC');
  // The server takes 4096 bytes for a subject and what is sent with it.
  for (const character of ['.', '\u00fc', '\u20ac', '\u{1f600}']) {
    const longest = character.repeat(512 / Buffer.byteLength(character));
    expect(subjects.history(longest).length).toBeLessThan(1600);
  }
});

it('parses the entries that it has printed, and nothing else', () => {
  const sizes = fc.integer({ min: 1, max: 2 ** 32 - 1 });
  fc.assert(
    fc.property(fc.uint8Array(), sizes, fc.double({ min: 0, noNaN: true }), (data, size, ttl) => {
      expect(parseEntry(printEntry(data, { size, ttl }))).toEqual({ data, keep: { size, ttl } });
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const entry = parseEntry(bytes);
      expect(entry === undefined || (bytes[0] === 1 && entry.data.length === bytes.length - 13)).toBe(true);
    }),
  );
});

it('checks its options', () => {
  const connection = async () => ({}) as never;
  const wrong = [
    { prefix: '' },
    { prefix: 'a.b' },
    { prefix: 'ü' },
    { prefix: 7 },
    { prefix: 'x'.repeat(65) },
    { stream: 'file' },
    { stream: { storage: 'disk' } },
    { stream: { replicas: 2 } },
    { stream: { maxSize: 0 } },
    { stream: { maxSize: 1.5 } },
    { stream: { maxAge: 'long' } },
    { stream: { maxBytes: -1 } },
    null,
  ];
  for (const options of wrong) {
    expect(() => nats(connection, options as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  }
});
