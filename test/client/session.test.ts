import { Observable, Subject, take } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ClientParts } from '../../client/options.js';
import { resumable } from '../../client/resume.js';
import type { ReconnectAttempt } from '../../client/state.js';
import { composePolicy, constant, interactive, untilStable, withRetryAfter } from '../../operators/index.js';
import { type ClientOptions, type Parser, PrimusError, type Spark } from '../../src/index.js';
import { randomFrom } from '../properties/random.js';
import { settle } from '../support/clock.js';
import { slowParser } from '../support/slow-parser.js';
import { type Peer, World, type WorldOptions } from '../support/world.js';

let world: World;

afterEach(() => world?.destroy());

const PUBLIC = [
  'open',
  'close',
  'end',
  'destroy',
  'error',
  'timeout',
  'online',
  'offline',
  'reconnect',
  'reconnected',
  'reconnect scheduled',
  'reconnect timeout',
  'reconnect failed',
] as const;

/** The events of a client, in order. */
function record({ client }: Peer): string[] {
  const events: string[] = [];
  for (const name of PUBLIC) client.on(name, () => events.push(name));
  return events;
}

/** A client in a world of its own, with its events. */
function start(options: ClientOptions = {}, { parts, ...more }: WorldOptions & { parts?: Partial<ClientParts> } = {}) {
  world = new World(more);
  const peer = world.connect(options, parts);
  const states: string[] = [];
  peer.client.state$.subscribe({ next: ({ name }) => states.push(name), complete: () => states.push('|') });
  return { peer, client: peer.client, events: record(peer), states };
}

/** The same, once it is open. */
async function opened(options: ClientOptions = {}, more: WorldOptions = {}) {
  const started = start(options, more);
  await world.pass(100);
  expect(started.events).toEqual(['open']);
  started.events.length = 0;
  return { ...started, spark: world.findSpark(started.peer) as Spark };
}

/** A transformer that dials and never gets an answer; counts the dials and the closes. */
function silent() {
  const calls = { dialled: 0, closed: 0 };
  const transformer: ClientParts['transformer'] = {
    connect: () =>
      new Observable(() => {
        calls.dialled++;
        return () => calls.closed++;
      }),
  };
  return { calls, transformer };
}

const fails = (): never => {
  throw new Error('broken');
};

describe('connecting', () => {
  it('is idle, connecting, open', async () => {
    const { client, events, states } = start();
    expect([client.readyState, client.state]).toEqual([2, { name: 'idle' }]);
    await settle();
    expect([client.readyState, client.state]).toEqual([1, { name: 'connecting', attempt: null }]);
    await world.pass(10);
    expect([client.readyState, client.state]).toEqual([3, { name: 'open' }]);
    expect(states).toEqual(['idle', 'connecting', 'open']);
    expect(events).toEqual(['open']);
  });

  it('emits readyStateChange and the private events in their order', async () => {
    const { client } = start();
    const order: string[] = [];
    client.on('readyStateChange', (state) => order.push(`state ${state} ${client.readyState}`));
    for (const name of ['outgoing::url', 'outgoing::open', 'incoming::open', 'open', 'outgoing::end', 'close', 'end'] as const)
      client.on(name, () => order.push(name));
    await world.pass(100);
    client.end();
    expect(order).toEqual([
      'state opening 1',
      'outgoing::url',
      'outgoing::open',
      'incoming::open',
      'state open 3',
      'open',
      'state end 2',
      'outgoing::end',
      'close',
      'end',
    ]);
  });

  it('waits for open() when manual', async () => {
    const { client, events, states } = start({ manual: true });
    await world.pass(100_000);
    expect(states).toEqual(['idle']);
    expect(client.open()).toBe(client);
    await world.pass(10);
    expect(events).toEqual(['open']);
  });

  it('never begins for who ends at once', async () => {
    const { client, events, states } = start();
    client.end();
    await world.pass(100_000);
    expect(world.network.dials).toEqual([]);
    expect(states).toEqual(['idle', 'closed']);
    expect(events).toEqual(['close', 'end']);
    client.open();
    await world.pass(10);
    expect(events).toEqual(['close', 'end', 'open']);
  });

  it('emits nothing for a manual client that ends before it was opened', async () => {
    const { client, events } = start({ manual: true });
    expect([client.readable, client.writable]).toEqual([true, true]);
    client.end();
    await world.pass(100_000);
    expect(events).toEqual([]);
    expect([client.readable, client.writable]).toEqual([true, true]);
  });

  it('is readable and writable until its connection is lost or it ends, and again once there is a connection', async () => {
    const { client, events } = start();
    const now = () => [client.readable, client.writable];
    await world.pass(10);
    expect(now()).toEqual([true, true]);
    world.network.pairs[0]?.server.destroy();
    await world.pass(0);
    expect([events.at(-1), ...now()]).toEqual(['reconnect scheduled', false, false]);
    await world.pass(5_000);
    expect([client.state.name, ...now()]).toEqual(['open', true, true]);
    client.end();
    expect([events.at(-1), ...now()]).toEqual(['end', false, false]);
  });

  it('has the socket, and an address that may still be changed, before it dials', async () => {
    const { client } = start({ manual: true });
    client.on('outgoing::url', (options) => {
      options.query += '&token=1';
    });
    const socket = vi.fn();
    client.on('outgoing::open', () => socket(client.socket));
    client.open();
    await world.pass(10);
    expect(socket.mock.calls).toEqual([[world.network]]);
    expect(world.findSpark(world.peers[0] as Peer)?.query).toMatchObject({ token: '1', peer: '0' });
  });
});

describe('a dead server', () => {
  const reconnect = { min: 100, max: 1_000, retries: 3 };

  it('is an error, and is tried again as the strategy `timeout` says, until the attempts are used up', async () => {
    const { client, events, states } = start({ reconnect });
    world.network.down = true;
    const failed: unknown[] = [];
    client.on('reconnect failed', (error, attempt) => failed.push(error, attempt?.attempt));
    await world.pass(100_000);
    expect(events).toEqual([
      'error',
      'reconnect scheduled',
      'reconnect',
      'reconnect scheduled',
      'reconnect',
      'reconnect scheduled',
      'reconnect',
      'reconnect failed',
      'end',
    ]);
    expect(failed).toMatchObject([{ code: 'ERR_PRIMUS_GAVE_UP', cause: { code: 'ERR_PRIMUS_CONNECT' } }, 3]);
    expect(client.state).toMatchObject({ name: 'closed', by: 'failure' });
    expect(client.readyState).toBe(2);
    expect(states.filter((name) => name === 'connecting')).toHaveLength(4);
    expect(world.network.dials).toHaveLength(4);
  });

  it('is the end without the strategy `timeout`', async () => {
    const { client, events, states } = start({ strategy: 'disconnect, online' });
    world.network.down = true;
    await world.pass(100_000);
    expect(events).toEqual(['error', 'close', 'end']);
    expect(client.state).toMatchObject({ name: 'closed', by: 'failure', cause: { code: 'ERR_PRIMUS_CONNECT' } });
    expect(states).toEqual(['idle', 'connecting', 'closed']);
  });

  it('is met again by open()', async () => {
    const { client, events } = start({ strategy: false });
    world.network.down = true;
    await world.pass(1_000);
    world.network.down = false;
    events.length = 0;
    client.open();
    await world.pass(1_000);
    expect(events).toEqual(['open']);
  });

  it('may be opened again from within `end`', async () => {
    const { client, events } = start({ strategy: false });
    world.network.down = true;
    client.once('end', () => {
      world.network.down = false;
      client.open();
    });
    await world.pass(1_000);
    expect(events.at(-1)).toBe('open');
    expect(client.state.name).toBe('open');
  });
});

describe('a server that does not answer', () => {
  it('is a `timeout` after `timeout` ms, and is closed', async () => {
    const { calls, transformer } = silent();
    const { client, events } = start({ timeout: '2 s', strategy: 'disconnect' }, { parts: { transformer } });
    await world.pass(1_999);
    expect(events).toEqual([]);
    await world.pass(1);
    expect(events).toEqual(['timeout', 'close', 'end']);
    expect(calls).toEqual({ dialled: 1, closed: 1 });
    expect(client.state).toMatchObject({ name: 'closed', by: 'failure', cause: { code: 'ERR_PRIMUS_TIMEOUT' } });
  });

  it('is tried again, each time for `reconnect timeout` ms', async () => {
    const { calls, transformer } = silent();
    const { client, events } = start(
      { timeout: 1_000, reconnect: { min: 100, max: 200, retries: 2, 'reconnect timeout': 500 } },
      { parts: { transformer } },
    );
    const errors: unknown[] = [];
    client.on('reconnect timeout', (error, attempt) => errors.push(error, attempt.attempt));
    await world.pass(10_000);
    expect(events.filter((name) => name !== 'close')).toEqual([
      'timeout',
      'reconnect scheduled',
      'reconnect',
      'reconnect timeout',
      'reconnect scheduled',
      'reconnect',
      'reconnect timeout',
      'reconnect failed',
      'end',
    ]);
    expect(errors).toMatchObject([
      { code: 'ERR_PRIMUS_TIMEOUT', message: expect.stringContaining('500') },
      1,
      { code: 'ERR_PRIMUS_TIMEOUT' },
      2,
    ]);
    expect(calls).toEqual({ dialled: 3, closed: 3 });
  });
});

describe('a connection that drops', () => {
  it('is close, scheduled, reconnect, reconnected, open', async () => {
    const { client, events, states } = await opened();
    const attempts: ReconnectAttempt[] = [];
    for (const name of ['reconnect scheduled', 'reconnect', 'reconnected'] as const)
      client.on(name, (attempt) => attempts.push({ ...attempt }));
    const droppedAt = world.clock.now();
    world.network.cut();
    expect(client.readyState).toBe(2);
    await world.pass(5_000);
    expect(events).toEqual(['close', 'reconnect scheduled', 'reconnect', 'reconnected', 'open']);
    expect(states).toEqual(
      ['idle', 'connecting', 'open', 'waiting', 'waiting', 'connecting', 'open'].filter(
        (name, index, all) =>
          name !== 'waiting' || all[index - 1] !== 'waiting' || states.filter((state) => state === 'waiting').length > 1,
      ),
    );
    const [scheduled, , reconnected] = attempts;
    expect(scheduled).toMatchObject({
      attempt: 1,
      retries: 10,
      min: 500,
      max: Infinity,
      factor: 2,
      'reconnect timeout': 30_000,
      start: droppedAt,
    });
    expect(scheduled?.scheduled).toBeGreaterThanOrEqual(500);
    expect(scheduled?.scheduled).toBeLessThanOrEqual(1_000);
    expect(reconnected?.duration).toBeGreaterThanOrEqual(scheduled?.scheduled as number);
  });

  it('is emitted by reconnect$ as well', async () => {
    const { client } = await opened();
    const types: string[] = [];
    client.reconnect$.subscribe(({ type }) => types.push(type));
    world.network.cut();
    await world.pass(5_000);
    expect(types).toEqual(['scheduled', 'started', 'reconnected']);
  });

  it('is left behind in time, though an incoming message transformer never answers', async () => {
    const { client, spark, events } = await opened();
    client.transform('incoming', (_packet, _never) => {});
    spark.write('hello');
    await world.pass(10);
    world.network.cut();
    await world.pass(29_000);
    expect(events).toEqual([]);
    await world.pass(5_000);
    expect(events).toEqual(['close', 'reconnect scheduled', 'reconnect', 'reconnected', 'open']);
  });

  it('does not end its series by having been accepted, however short the waits are', async () => {
    const { client, events } = start({ reconnect: { min: 0, retries: 4 } });
    world.primus.on('connection', (spark) => void world.clock.schedule(() => spark.end(undefined, { reconnect: true }), 20));
    const attempts: number[] = [];
    client.on('reconnect scheduled', ({ attempt }) => attempts.push(attempt));
    await world.pass(5_000);
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(events.slice(-2)).toEqual(['reconnect failed', 'end']);
  });

  it('says in its state when the next attempt will be made', async () => {
    const { client } = await opened();
    let scheduled = 0;
    client.on('reconnect scheduled', (attempt) => {
      scheduled = attempt.scheduled;
    });
    const droppedAt = world.clock.now();
    world.network.cut();
    await settle();
    expect(client.state).toMatchObject({
      name: 'waiting',
      attempt: { attempt: 1 },
      until: droppedAt + scheduled,
      cause: { code: 'ERR_PRIMUS_DROPPED', closeCode: 1006 },
    });
  });

  it('is the end without the strategy `disconnect`', async () => {
    const { client, events } = await opened({ strategy: 'timeout,online' });
    world.network.cut();
    await world.pass(100_000);
    expect(events).toEqual(['close', 'end']);
    expect(client.state).toMatchObject({ name: 'closed', by: 'failure', cause: { code: 'ERR_PRIMUS_DROPPED' } });
  });

  it('with a cause, as for a message that is too long, is an error as well', async () => {
    const { client, events } = await opened({ maxLength: 1_000 });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    world.primus.forEach((spark) => void spark.write('x'.repeat(2_000)));
    await world.pass(10);
    expect(events.slice(0, 3)).toEqual(['error', 'close', 'reconnect scheduled']);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_DROPPED', closeCode: 1009 }]);
  });

  it('is reconnected by a custom policy until that returns false', async () => {
    const causes: unknown[] = [];
    const policy = vi.fn((attempt: number, cause?: unknown) => {
      causes.push((cause as { code?: string }).code);
      return attempt <= 2 && attempt * 1_000;
    });
    const { client, events } = await opened({ reconnect: policy });
    world.network.down = true;
    const droppedAt = world.clock.now();
    world.network.cut();
    await world.pass(60_000);
    expect(policy.mock.calls.map(([attempt]) => attempt)).toEqual([1, 2, 3]);
    expect(causes).toEqual(['ERR_PRIMUS_DROPPED', 'ERR_PRIMUS_CONNECT', 'ERR_PRIMUS_CONNECT']);
    expect(world.network.dials.slice(1)).toEqual([droppedAt + 1_000, droppedAt + 3_000]);
    expect(events.filter((name) => name !== 'reconnect')).toEqual([
      'close',
      'reconnect scheduled',
      'reconnect scheduled',
      'reconnect failed',
      'end',
    ]);
    expect(client.state.name).toBe('closed');
  });

  it.each<[string, () => number | false]>([
    ['throws', fails],
    ['gives no number', () => Number.NaN],
    ['returns a string', () => '1000' as never],
    ['gives less than nothing', () => -1],
  ])('does not make a client with a policy that %s hammer its server', async (_name, policy) => {
    const { client, events } = await opened({ reconnect: policy });
    world.network.down = true;
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    world.network.cut();
    await world.pass(10_000);
    if (client.state.name === 'closed') {
      expect(errors).toHaveLength(1);
      expect(events).toEqual(['close', 'error', 'reconnect failed', 'end']);
    }
    expect(world.network.dials.length).toBeLessThan(20);
  });

  it.each<[string, unknown, string]>([
    ['an error', new Error('mine'), 'mine'],
    ['a string', 'mine', 'mine'],
    ['nothing', undefined, 'undefined'],
  ])('whose policy throws %s reports an error with a code, and ends', async (_name, thrown, message) => {
    const policy = () => {
      throw thrown;
    };
    const { client, events } = await opened({ reconnect: policy });
    world.network.down = true;
    const errors: PrimusError[] = [];
    client.on('error', (error) => errors.push(error as PrimusError));
    world.network.cut();
    await world.pass(10_000);
    expect(events).toEqual(['close', 'error', 'reconnect failed', 'end']);
    expect(errors).toEqual([expect.any(PrimusError)]);
    expect(errors).toMatchObject([
      { code: 'ERR_PRIMUS_CONNECT', message: `The connection could not be established: ${message}`, cause: { message } },
    ]);
  });
});

describe('no strategy', () => {
  it.each<[string, (peer: Peer) => void]>([
    ['drops', () => world.network.cut()],
    ['is closed by a server that wants the client back', (peer) => world.findSpark(peer)?.end(undefined, { reconnect: true })],
    ['is silent', () => void Object.assign(world.network.pairs[0]?.server ?? {}, { send() {} })],
    [
      'loses its network and finds it again',
      ({ network$ }) => {
        network$.next(false);
        network$.next(true);
      },
    ],
  ])('is followed by no attempt when a connection %s', async (_how, lose) => {
    const { peer, client, events } = await opened({ strategy: false });
    lose(peer);
    await world.pass(1_000_000);
    expect(events.filter((name) => !/line$/.test(name))).toEqual(['close', 'end']);
    expect([client.state.name, world.network.dials.length]).toEqual(['closed', 1]);
  });

  it('is followed by no attempt when the first connection fails', async () => {
    const { client, events } = start({ strategy: false });
    world.network.down = true;
    await world.pass(1_000_000);
    expect(events).toEqual(['error', 'close', 'end']);
    expect([client.state.name, world.network.dials.length]).toEqual(['closed', 1]);
  });
});

describe('a message', () => {
  it('that cannot be encoded or decoded is dropped, with an error, and the connection stays open', async () => {
    const { client, events, spark } = await opened();
    const [errors, up, down]: unknown[][] = [[], [], []];
    client.on('error', (error) => errors?.push(error));
    client.on('data', (data) => down?.push(data));
    spark.on('data', (data) => up?.push(data));
    const circular: { itself?: unknown } = {};
    circular.itself = circular;
    client.write(circular);
    client.write('up');
    world.network.pairs[0]?.server.send('{');
    spark.write('down');
    await world.pass(100);
    expect([up, down]).toEqual([['up'], ['down']]);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_ENCODE' }, { code: 'ERR_PRIMUS_DECODE' }]);
    expect(events).toEqual(['error', 'error']);
    expect(client.state).toEqual({ name: 'open' });
  });
});

describe('a server that closes', () => {
  it('is closed for good, as it says', async () => {
    const { client, events, spark } = await opened();
    spark.end();
    await world.pass(100_000);
    expect(events).toEqual(['close', 'end']);
    expect(client.state).toMatchObject({ name: 'closed', by: 'server', cause: null });
  });

  it('and wants us back gets us back', async () => {
    const { events, spark } = await opened();
    spark.end(undefined, { reconnect: true });
    await world.pass(5_000);
    expect(events).toEqual(['close', 'reconnect scheduled', 'reconnect', 'reconnected', 'open']);
  });

  it('with something to say is heard before the end', async () => {
    const { client, spark } = await opened();
    const order: unknown[] = [];
    client.on('data', (data) => order.push(data));
    client.on('close', () => order.push('close'));
    client.transform('incoming', (_packet, next) => void setImmediate(next));
    spark.end('bye');
    for (let turn = 0; turn < 10; turn++) {
      await world.pass(10);
      await settle();
    }
    expect(order).toEqual(['bye', 'close']);
  });

  it('may be opened again', async () => {
    const { client, events, spark } = await opened();
    spark.end();
    await world.pass(100);
    events.length = 0;
    client.open();
    await world.pass(100);
    expect(events).toEqual(['open']);
  });
});

describe('a server that refuses', () => {
  /** Answers every handshake with a status. */
  function refuse(status: number, headers = ''): void {
    world.primus.use('refuse', (_request, socket) => {
      socket.end(`HTTP/1.1 ${status} No\r\n${headers}\r\n{"error":"not now"}`);
      return true;
    });
  }

  it('is emitted with its status and reason', async () => {
    const { client, events } = start({ strategy: 'disconnect' });
    refuse(401);
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    await world.pass(100);
    expect(events).toEqual(['error', 'close', 'end']);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status: 401, reason: 'not now' }]);
  });

  it.each([400, 401, 402, 403])('with %i ends a client that has the default strategy', async (status) => {
    const { events } = start({});
    refuse(status);
    await world.pass(60_000);
    expect(events).toEqual(['error', 'close', 'end']);
    expect(world.network.dials).toHaveLength(1);
  });

  it.each([401, 403])('with %i ends a client with any strategy, and one that reconnects', async (status) => {
    const { client: open, events } = start({ strategy: 'disconnect, timeout' });
    await world.pass(100);
    refuse(status);
    const first = record(world.connect({ strategy: 'disconnect, timeout', reconnect: () => 1 }));
    world.network.cut();
    await world.pass(60_000);
    expect(first).toEqual(['error', 'close', 'end']);
    expect(events).toEqual(['open', 'close', 'reconnect scheduled', 'reconnect', 'error', 'close', 'end']);
    expect(open.state).toMatchObject({ name: 'closed', by: 'failure', cause: { status } });
    expect(world.network.dials).toHaveLength(3);
  });

  it.each([
    ['with another strategy', 402, '', { strategy: 'disconnect, timeout' }],
    ['when it names a delay', 429, 'Retry-After: 1\r\n', {}],
    ['when it names a delay, whatever the strategy is', 503, 'Retry-After: 1\r\n', { strategy: false as const }],
    ['when it has failed', 500, '', {}],
  ])('is asked again %s', async (_when, status, headers, options) => {
    const { events } = start(options);
    refuse(status, headers);
    await world.pass(10_000);
    expect(events.slice(0, 3)).toEqual(['error', 'reconnect scheduled', 'reconnect']);
    expect(world.network.dials.length).toBeGreaterThan(1);
  });

  it('delays the next attempt as it asks for', async () => {
    const { events } = start({ reconnect: { min: 100, max: 200 } });
    refuse(503, 'Retry-After: 7\r\n');
    await world.pass(7_090);
    expect(world.network.dials).toHaveLength(1);
    world.primus.remove('refuse');
    await world.pass(3_800);
    expect(world.network.dials).toHaveLength(2);
    expect(events).toEqual(['error', 'reconnect scheduled', 'reconnect', 'reconnected', 'open']);
  });

  it('gets its clients back spread over half of its delay and the jitter of their policies', async () => {
    start({});
    refuse(503, 'Retry-After: 30\r\n');
    for (let count = 1; count < 100; count++) world.connect();
    await world.pass(50_000);
    const again = world.network.dials.slice(100).map((time) => time - 30_000);
    expect(again).toHaveLength(100);
    expect(Math.min(...again)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...again)).toBeLessThanOrEqual(16_020);
    expect(new Set(again.map((time) => Math.floor(time / 1_000))).size).toBeGreaterThan(14);
  });

  it.each([401, 403])('with %i ends a client with the policy `interactive`, also when it names a delay', async (status) => {
    const { client, events } = await opened({ reconnect: interactive() });
    refuse(status, 'Retry-After: 1\r\n');
    world.network.cut();
    await world.pass(60_000);
    expect(events).toEqual(['close', 'reconnect scheduled', 'reconnect', 'reconnect failed', 'end']);
    expect(client.state).toMatchObject({ name: 'closed', by: 'failure' });
  });

  it.each<[string, NonNullable<ClientOptions['reconnect']>]>([
    ['a policy without jitter', () => 500],
    ['the rule `withRetryAfter`, which counts once', composePolicy(constant(500), withRetryAfter({ random: randomFrom(1) }))],
  ])('does not get thirty clients with %s back in one millisecond', async (_name, reconnect) => {
    start({ reconnect });
    refuse(503, 'Retry-After: 30\r\n');
    for (let count = 1; count < 30; count++) world.connect({ reconnect });
    await world.pass(50_000);
    const again = world.network.dials.slice(30).map((time) => time - 30_000);
    expect(again).toHaveLength(30);
    expect(Math.min(...again)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...again)).toBeLessThanOrEqual(15_520);
    expect(new Set(again).size).toBeGreaterThan(25);
  });
});

describe('the policies of primus-rx/operators', () => {
  it.each<[string, NonNullable<ClientOptions['reconnect']>]>([
    ['the policy `interactive`', interactive({ random: randomFrom(1) })],
    ['the option values of the same meaning', { max: '30 s', retries: Infinity }],
  ])('never let a client with %s give up, and let it wait for at most 30 s', async (_name, reconnect) => {
    const { client } = await opened({ reconnect });
    const delays: number[] = [];
    client.on('reconnect scheduled', ({ scheduled }) => delays.push(scheduled));
    world.network.down = true;
    world.network.cut();
    await world.pass(3_600_000);
    expect(client.state.name).toBe('waiting');
    expect(delays.length).toBeGreaterThan(100);
    for (const [index, delay] of delays.entries()) {
      const ceiling = Math.min(30_000, 1_000 * 2 ** index);
      expect(delay).toBeGreaterThanOrEqual(ceiling / 2);
      expect(delay).toBeLessThanOrEqual(ceiling);
    }
  });

  it('get the previous delay of the series', async () => {
    const seen: unknown[] = [];
    const { client } = await opened({ reconnect: (attempt, _error, previous) => seen.push([attempt, previous]) * 1_000 });
    world.network.down = true;
    world.network.cut();
    await world.pass(4_000);
    client.end();
    expect(seen).toEqual([
      [1, undefined],
      [2, 1_000],
      [3, 2_000],
    ]);
  });

  it.each([
    ['count a connection that lasts longer than the delay before it as a success', 1_000, [], 2_000, [1, 1, 1]],
    ['do not when `untilStable` has a longer time', 1_000, [untilStable('3 s')], 2_000, [1, 2, 3]],
    ['count no connection of less than 1 s as a success', 100, [], 700, [1, 2, 3]],
    ['do so when `untilStable` has a shorter time', 100, [untilStable(500)], 700, [1, 1, 1]],
  ])('%s', async (_name, delay, rules, lasts, expected) => {
    const { client } = await opened({ reconnect: composePolicy(constant(delay), ...rules) });
    const attempts: number[] = [];
    client.on('reconnect scheduled', ({ attempt }) => attempts.push(attempt));
    for (let count = 0; count < 3; count++) {
      world.network.cut();
      await world.pass(delay + lasts);
    }
    expect(attempts).toEqual(expected);
  });
});

describe('a server that drains', () => {
  const word = '"primus::server::retry::5000"';

  it.each([undefined, false] as const)(
    'is left at once, and met again after its delay and the jitter: pingTimeout %s',
    async (pingTimeout) => {
      const { client, events } = start({ ...(pingTimeout === false && { pingTimeout }) });
      await world.pass(100);
      const seen: unknown[] = [];
      client.on('data', (data) => seen.push(data)).on('reconnect scheduled', ({ scheduled }) => seen.push(scheduled));
      world.network.pairs[0]?.server.send(word);
      await world.pass(10);
      expect(events).toEqual(['open', 'close', 'reconnect scheduled']);
      expect(seen).toHaveLength(1);
      expect(seen[0]).toBeGreaterThanOrEqual(5_500);
      expect(seen[0]).toBeLessThanOrEqual(8_500);
      expect(client.state).toMatchObject({ name: 'waiting', cause: { code: 'ERR_PRIMUS_DROPPED', retryAfter: 5_000 } });
      client.write('kept');
      const received = new Promise((resolve) => world.primus.on('connection', (spark) => spark.on('data', resolve)));
      await world.pass(9_000);
      expect(await received).toBe('kept');
      expect(world.network.alive).toBe(1);
    },
  );

  it.each(['"primus::server::retry::"', '"primus::server::retry::soon"', '"primus::server::retry::-1"', '"primus::server::other::1"'])(
    'and says %s is not understood, and the connection stays open',
    async (other) => {
      const { events } = start({});
      await world.pass(100);
      world.network.pairs[0]?.server.send(other);
      await world.pass(10_000);
      expect(events).toEqual(['open']);
    },
  );

  it('is met again at once by open()', async () => {
    const { client } = start({});
    await world.pass(100);
    world.network.pairs[0]?.server.send(word);
    await world.pass(10);
    client.open();
    await world.pass(10);
    expect(client.state.name).toBe('open');
  });
});

describe('silence', () => {
  it('of the server for longer than pingTimeout drops the connection', async () => {
    const { client, events } = await opened({ pingTimeout: '2 s' }, { server: { pingInterval: false } });
    await world.pass(1_890);
    expect(events).toEqual([]);
    await world.pass(200);
    expect(events.slice(0, 3)).toEqual(['offline', 'close', 'reconnect scheduled']);
    expect(client.state).toMatchObject({ name: 'waiting', cause: { code: 'ERR_PRIMUS_SILENCE' } });
  });

  it('is broken by any message', async () => {
    const { events, spark } = await opened({ pingTimeout: '2 s' }, { server: { pingInterval: false } });
    for (let second = 0; second < 20; second++) {
      await world.pass(1_000);
      spark.write(second);
    }
    expect(events).toEqual([]);
  });

  it('is not what we do not hear because our own message transformers are behind', async () => {
    const { client, events, spark } = await opened({ pingTimeout: '5 s' }, { server: { pingInterval: false } });
    const data: number[] = [];
    client.on('data', (value) => data.push(value));
    client.transform('incoming', (_packet, next) => void world.clock.schedule(() => next(), 1_000));
    for (let n = 0; n < 40; n++) spark.write(n);
    await world.pass(39_900);
    expect(data).toHaveLength(39);
    expect(events).toEqual([]);
    // From the last message on it counts.
    await world.pass(5_000);
    expect(events).toEqual([]);
    await world.pass(200);
    expect(events.slice(0, 3)).toEqual(['offline', 'close', 'reconnect scheduled']);
  });

  it('is what a message transformer makes that never answers, as at the server', async () => {
    const { client, spark } = await opened({ pingTimeout: '5 s' }, { server: { pingInterval: false } });
    client.transform('incoming', (_packet, _next) => {});
    for (let n = 0; n < 40; n++) spark.write(n);
    await world.pass(4_900);
    expect(client.state.name).toBe('open');
    await world.pass(200 + 30_000);
    expect(client.state).toMatchObject({ name: 'waiting', cause: { code: 'ERR_PRIMUS_SILENCE' } });
  });

  it('of our own making goes on over the next connection', async () => {
    const { client, events, spark, peer } = await opened({ pingTimeout: false }, { server: { pingInterval: false } });
    client.transform('incoming', (_packet, _next) => {});
    for (let n = 0; n < 40; n++) spark.write(n);
    await world.pass(100);
    world.network.cut();
    await world.pass(40_000);
    expect(events.at(-1)).toBe('open');
    let heard = 0;
    client.on('incoming::data', () => heard++);
    for (let n = 0; n < 40; n++) world.findSpark(peer)?.write(n);
    await world.pass(1_000);
    expect(heard).toBe(0);
  });

  it('does not matter when pingTimeout is false', async () => {
    const { events } = await opened({ pingTimeout: false }, { server: { pingInterval: false } });
    await world.pass(10_000_000);
    expect(events).toEqual([]);
  });
});

describe('open()', () => {
  it('does nothing while connecting or open', async () => {
    const { client, events } = start({}, { latency: 50 });
    await settle();
    client.open();
    await world.pass(1_000);
    client.open();
    await world.pass(1_000);
    expect(world.network.dials).toHaveLength(1);
    expect(world.network.alive).toBe(1);
    expect(events).toEqual(['open']);
  });

  it('dials now while waiting, and only once', async () => {
    const { client, events } = await opened();
    world.network.cut();
    await settle();
    const droppedAt = world.clock.now();
    client.open().open();
    await world.pass(10_000);
    expect(world.network.dials.slice(1)).toEqual([droppedAt]);
    expect(events).toEqual(['close', 'reconnect scheduled', 'reconnect', 'reconnected', 'open']);
    expect(world.network.alive).toBe(1);
  });

  it.each(['close', 'reconnect scheduled'] as const)('in a `%s` listener dials now, once', async (event) => {
    const { client, events } = await opened();
    client.once(event, () => client.open());
    world.network.cut();
    const droppedAt = world.clock.now();
    await world.pass(10_000);
    expect(world.network.dials.slice(1)).toEqual([droppedAt]);
    expect(events).toEqual(['close', 'reconnect scheduled', 'reconnect', 'reconnected', 'open']);
    // It was meant for that one.
    world.network.cut();
    await world.pass(499);
    expect(world.network.dials).toHaveLength(2);
    await world.pass(10_000);
    expect(world.network.dials).toHaveLength(3);
  });

  it('while there is no network waits for it', async () => {
    const { peer, client } = await opened();
    peer.network$.next(false);
    client.open();
    await world.pass(10_000);
    expect(world.network.dials).toHaveLength(1);
    peer.network$.next(true);
    await world.pass(2_000);
    expect(client.state.name).toBe('open');
    expect(world.network.dials).toHaveLength(2);
  });
});

describe('end()', () => {
  it('closes while connecting', async () => {
    const { calls, transformer } = silent();
    const { client, events } = start({}, { parts: { transformer } });
    await world.pass(100);
    client.end();
    expect(calls).toEqual({ dialled: 1, closed: 1 });
    await world.pass(100_000);
    expect(events).toEqual(['close', 'end']);
    expect(client.state).toMatchObject({ name: 'closed', by: 'client' });
    expect(calls.dialled).toBe(1);
  });

  it('while waiting gives up the attempt', async () => {
    const { client, events } = await opened();
    world.network.cut();
    await settle();
    client.end();
    await world.pass(100_000);
    expect(events).toEqual(['close', 'reconnect scheduled', 'end']);
    expect(world.network.dials).toHaveLength(1);
  });

  it('while open closes, once', async () => {
    const { client, events } = await opened();
    const data: unknown[] = [];
    world.primus.forEach((spark) => void spark.on('data', (value) => data.push(value)));
    client.end('bye').end('again');
    await world.pass(1_000);
    // The error is that of the second message.
    expect(events).toEqual(['close', 'end', 'error']);
    expect(data).toEqual(['bye']);
    expect(world.primus.connected).toBe(0);
    expect(world.network.alive).toBe(0);
  });

  it('in an `open` listener is the end, for every subscriber of state$', async () => {
    const { client, states, events } = start();
    client.state$.subscribe(({ name }) => {
      if (name === 'open') client.end();
    });
    const after: string[] = [];
    client.state$.subscribe(({ name }) => after.push(name));
    await world.pass(1_000);
    expect(client.state.name).toBe('closed');
    expect(states.at(-1)).toBe('closed');
    expect(after.at(-1)).toBe('closed');
    expect(events.at(-1)).toBe('end');
  });

  const words = [
    'readyStateChange',
    'outgoing::url',
    'outgoing::open',
    'incoming::open',
    'open',
    'incoming::end',
    'close',
    'error',
    'incoming::error',
    'outgoing::end',
    'reconnect scheduled',
    'outgoing::reconnect',
    'reconnect',
    'reconnected',
    'reconnect failed',
    'offline',
    'online',
  ] as const;

  /** A session with everything in it: refused, open, dropped, open, offline, online, dropped and given up. */
  async function live(peer: Peer): Promise<void> {
    world.network.down = true;
    await world.pass(10);
    world.network.down = false;
    await world.pass(3_000);
    world.network.cut();
    await world.pass(3_000);
    peer.network$.next(false);
    await world.pass(100);
    peer.network$.next(true);
    await world.pass(3_000);
    world.network.down = true;
    world.network.cut();
    await world.pass(100_000);
  }

  it.each(words.flatMap((word) => (['end', 'destroy'] as const).map((method) => [method, word] as const)))(
    '(%s) in a `%s` listener is the last word',
    async (method, word) => {
      const { peer, client } = start({ reconnect: { retries: 3 } });
      let ended = false;
      let dials = 0;
      const after: string[] = [];
      for (const name of [...words, 'data', 'reconnect timeout', 'timeout'] as const)
        if (!/line$/.test(name)) client.on(name, () => ended && after.push(name));
      client.on('end', () => {
        ended = true;
      });
      client.on(word, () => {
        client[method]();
        dials = world.network.dials.length;
      });
      await live(peer);
      expect(ended).toBe(true);
      expect(after).toEqual([]);
      expect(client.state).toMatchObject({ name: 'closed' });
      expect(client.readyState).toBe(2);
      expect(world.network.alive).toBe(0);
      // At most the one that was being made.
      expect(world.network.dials.length - dials).toBeLessThanOrEqual(1);
    },
  );

  it.each(['connecting', 'open', 'waiting'])('in a subscriber that sees %s is the last word', async (state) => {
    const { peer, client } = start({ reconnect: { retries: 3 } });
    let ended = false;
    const after: string[] = [];
    for (const name of words) if (!/line$/.test(name)) client.on(name, () => ended && after.push(name));
    client.on('end', () => {
      ended = true;
    });
    client.state$.subscribe(({ name }) => name === state && client.end());
    await live(peer);
    expect(ended).toBe(true);
    expect(after).toEqual([]);
    expect(client.state).toMatchObject({ name: 'closed', by: 'client' });
    expect(world.network.alive).toBe(0);
  });

  it('that waits for them does not end what was opened meanwhile', async () => {
    const { client, events, spark } = await opened();
    client.transform('outgoing', (_packet, next) => void world.clock.schedule(() => next(), 1_000));
    client.end('last');
    spark.end();
    await world.pass(10);
    expect(events).toEqual(['close', 'end']);
    client.open();
    await world.pass(40_000);
    expect(events).toEqual(['close', 'end', 'open']);
  });

  it('waits for asynchronous outgoing transformers', async () => {
    const { client, spark, events } = await opened();
    const data: unknown[] = [];
    spark.on('data', (value) => data.push(value));
    client.transform('outgoing', (_packet, next) => void world.clock.schedule(() => next(), 1_000));
    client.end('bye');
    await world.pass(999);
    expect(events).toEqual([]);
    await world.pass(10);
    expect(events).toEqual(['close', 'end']);
    expect(data).toEqual(['bye']);
  });

  it('does not wait for ever for one that never answers, and says so', async () => {
    const { client, events } = await opened();
    client.transform('outgoing', (_packet, _never) => {});
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    client.end('bye').end();
    await world.pass(29_999);
    expect(client.readyState).toBe(3);
    await world.pass(1);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_CLOSED' }]);
    expect(events).toEqual(['error', 'close', 'end']);
    await world.pass(0);
    expect(world.network.alive).toBe(0);
    expect(client.open().state.name).toBe('connecting');
  });
});

describe('destroy()', () => {
  it('emits close, end and destroy, once, and releases everything', async () => {
    const { client, events, states } = await opened();
    const completed: string[] = [];
    for (const [name, stream] of Object.entries({
      data: client.data$,
      error: client.error$,
      open: client.open$,
      reconnect: client.reconnect$,
      heartbeat: client.heartbeat$,
      online: client.online$,
      end: client.end$,
      state: client.state$,
    })) {
      (stream as Observable<unknown>).subscribe({ complete: () => completed.push(name) });
    }
    expect(client.destroy()).toBe(client);
    client.destroy();
    expect(events).toEqual(['close', 'end', 'destroy']);
    expect(states.slice(-2)).toEqual(['closed', '|']);
    expect(completed.sort()).toEqual(['data', 'end', 'error', 'heartbeat', 'online', 'open', 'reconnect', 'state']);
    expect(client.eventNames()).toEqual([]);
    expect(client.write('x')).toBe(false);
    expect(client.end()).toBe(client);
    expect(() => client.open()).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_DESTROYED' }));
    await world.pass(1_000);
    expect(world.primus.connected).toBe(0);
    const late: string[] = [];
    client.state$.subscribe({ next: ({ name }) => late.push(name), complete: () => late.push('|') });
    client.data$.subscribe({ complete: () => late.push('|') });
    expect(late).toEqual(['closed', '|', '|']);
  });

  it('releases the socket and the message transformers, emits `destroy`, and removes the listeners', async () => {
    const { client } = await opened();
    const passed: unknown[] = [];
    client.transform('outgoing', (packet) => void passed.push(packet.data));
    client.on('data', () => {});
    const found: unknown[] = [];
    client.on('destroy', () => found.push(client.listenerCount('data'), client.socket ?? null, client.transformers.outgoing.length));
    client.destroy();
    client.write('late');
    await world.pass(100);
    expect(found).toEqual([1, null, 0]);
    expect([client.listenerCount('data'), client.listenerCount('destroy'), passed, client.buffer]).toEqual([0, 0, [], []]);
  });

  it('in its own `end` and `destroy` listeners is one destruction', async () => {
    const { client, events } = await opened();
    client.on('end', () => client.destroy());
    client.on('destroy', () => client.destroy());
    client.destroy();
    expect(events.filter((name) => name === 'destroy')).toHaveLength(1);
  });

  it.each<[string, (peer: Peer) => Promise<void>]>([
    ['idle', async () => {}],
    ['connecting', () => settle()],
    ['open', () => world.pass(100)],
    [
      'waiting',
      async () => {
        await world.pass(100);
        world.network.cut();
        await settle();
      },
    ],
    [
      'offline',
      async ({ network$ }) => {
        await world.pass(100);
        network$.next(false);
      },
    ],
  ])('when %s leaves no timer behind', async (_name, reach) => {
    const { peer, client } = start({}, { server: { pingInterval: false } });
    await reach(peer);
    client.destroy();
    await world.pass(100_000);
    expect(world.clock.pending).toBe(0);
    expect(peer.network$.observed).toBe(false);
    expect(world.network.alive).toBe(0);
  });
});

describe('await using', () => {
  it('ends when what was written has left, and destroys', async () => {
    const { client, spark, events } = await opened();
    const data: unknown[] = [];
    spark.on('data', (value) => data.push(value));
    client.transform('outgoing', (_packet, next) => void world.clock.schedule(() => next(), 1_000));
    client.write('last');
    let disposed = false;
    void client[Symbol.asyncDispose]().then(() => {
      disposed = true;
    });
    await world.pass(999);
    expect([events, disposed]).toEqual([[], false]);
    await world.pass(10);
    expect([events, disposed, data]).toEqual([['close', 'end', 'destroy'], true, ['last']]);
    await client[Symbol.asyncDispose]();
    expect(world.network.alive).toBe(0);
  });

  it.each<[string, (peer: Peer) => Promise<void> | void]>([
    ['idle', () => {}],
    ['connecting', () => world.pass(1)],
    [
      'waiting',
      async () => {
        await world.pass(200);
        world.network.cut();
      },
    ],
    [
      'closed',
      async ({ client }) => {
        await world.pass(200);
        client.end();
      },
    ],
  ])('destroys while %s', async (state, prepare) => {
    const { peer, client, events } = start({ manual: state === 'idle' }, { latency: 50 });
    await prepare(peer);
    expect(client.state.name).toBe(state);
    await client[Symbol.asyncDispose]();
    expect(events.at(-1)).toBe('destroy');
    await world.pass(60_000);
    expect(events.at(-1)).toBe('destroy');
    expect(world.network.alive).toBe(0);
  });
});

describe('the queue', () => {
  it('buffers messages until `open` has been emitted, and sends those of its listeners first', async () => {
    const { client } = start();
    const received: unknown[] = [];
    world.primus.on('connection', (spark) => void spark.on('data', (data) => received.push(data)));
    client.on('open', () => client.write('in open'));
    expect([client.write('a'), client.write('b')]).toEqual([true, true]);
    expect(client.buffer).toEqual(['a', 'b']);
    await world.pass(100);
    expect(received).toEqual(['in open', 'a', 'b']);
    expect(client.buffer).toEqual([]);
  });

  it('buffers messages between two connections', async () => {
    const { client } = await opened();
    const received: unknown[] = [];
    world.primus.on('connection', (spark) => void spark.on('data', (data) => received.push(data)));
    client.on('close', () => client.write('in close'));
    world.network.cut();
    client.write('after');
    await world.pass(5_000);
    expect(received).toEqual(['in close', 'after']);
  });

  it.each<['oldest' | 'newest', unknown[], unknown[]]>([
    ['oldest', [3, 4], [1, 2]],
    ['newest', [1, 2], [3, 4]],
  ])('that is full drops the %s, with an error for each', async (queueDrop, kept, lost) => {
    const { client } = start({ queueSize: 2, queueDrop });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    for (const number of [1, 2, 3, 4]) client.write(number);
    expect(client.buffer).toEqual(kept);
    expect(errors).toMatchObject(lost.map((data) => ({ code: 'ERR_PRIMUS_QUEUE', data })));
  });

  it('of no size keeps nothing', async () => {
    const { client } = start({ queueSize: 0 });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    client.write(1);
    expect(client.buffer).toEqual([]);
    expect(errors).toHaveLength(1);
  });

  it.each<['oldest' | 'newest', boolean, string[], string]>([
    ['oldest', true, ['bbbb', 'cccc'], 'aaaa'],
    ['newest', false, ['aaaa', 'bbbb'], 'cccc'],
  ])('that has too many bytes drops the %s, with an error', (queueDrop, isKept, left, lost) => {
    // The JSON of each of them has six bytes.
    const { client } = start({ queueBytes: 12, queueDrop });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    expect(['aaaa', 'bbbb', 'cccc'].map((data) => client.write(data))).toEqual([true, true, isKept]);
    expect(client.buffer).toEqual(left);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_QUEUE', data: lost }]);
  });

  it('rejects a message that is longer than the queue', () => {
    const { client } = start({ queueBytes: 12 });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    client.write('a');
    expect(client.write('long enough for it')).toBe(false);
    expect(client.buffer).toEqual([]);
    expect(errors).toMatchObject(['a', 'long enough for it'].map((data) => ({ code: 'ERR_PRIMUS_QUEUE', data })));
    expect(client.write('b')).toBe(true);
  });

  it('is bounded by 16 MiB unless an option says otherwise', () => {
    const { client } = start();
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    const megabyte = 'x'.repeat(2 ** 20 - 2);
    for (let count = 0; count < 16; count++) expect(client.write(megabyte)).toBe(true);
    expect(errors).toEqual([]);
    client.write('one more');
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_QUEUE', data: megabyte }]);
    expect(client.buffer).toHaveLength(16);
    const { client: unbounded } = world.connect({ queueBytes: Infinity });
    for (let count = 0; count < 17; count++) unbounded.write(megabyte);
    expect(unbounded.buffer).toHaveLength(17);
  });

  it('counts only what it contains, over many connections and when plugins empty it', async () => {
    const { client } = start({ queueBytes: 12 });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    for (let round = 0; round < 3; round++) {
      for (const data of ['aaaa', 'bbbb']) client.write(data);
      await world.pass(5_000);
      expect(client.buffer).toEqual([]);
      world.network.cut();
      await world.pass(1);
    }
    for (const data of ['aaaa', 'bbbb']) client.write(data);
    expect(errors).toEqual([]);
    client.buffer.length = 0;
    expect([client.write('cccc'), client.write('dddd')]).toEqual([true, true]);
    expect([client.buffer, errors]).toEqual([['cccc', 'dddd'], []]);
  });

  it('drops a message when its time to live is over, with an error, by the clock of the scheduler', async () => {
    const { client } = start({ manual: true, queueTtl: '10 s' });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    client.write('first');
    await world.pass(6_000);
    client.write('second');
    await world.pass(3_999);
    expect([client.buffer, errors]).toEqual([['first', 'second'], []]);
    await world.pass(1);
    expect(client.buffer).toEqual(['second']);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_EXPIRED', data: 'first' }]);
    client.open();
    await world.pass(20_000);
    expect(errors).toHaveLength(1);
    expect(client.buffer).toEqual([]);
  });

  it('gives a message that is written again a time to live of its own', async () => {
    const { client } = start({ queueTtl: '10 s' });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    client.write('same');
    await world.pass(6_000);
    expect(client.buffer).toEqual([]);
    world.network.down = true;
    world.network.cut();
    await world.pass(1);
    client.write('same');
    await world.pass(9_000);
    expect([client.buffer, errors.filter((error) => (error as { code: string }).code === 'ERR_PRIMUS_EXPIRED')]).toEqual([['same'], []]);
    await world.pass(1_000);
    expect(client.buffer).toEqual([]);
  });

  it.each<[string, (client: Peer['client']) => unknown]>([
    ['ended', (client) => client.end()],
    ['gave up', () => world.pass(60_000)],
  ])('of a client that %s refuses messages, with an error, and is sent when the client is opened again', async (_name, finish) => {
    const { client } = start({ reconnect: { retries: 1, min: 10, max: 10 } });
    world.network.down = true;
    const errors: unknown[] = [];
    client.write('early');
    await finish(client);
    expect(client.state.name).toBe('closed');
    client.on('error', (error) => errors.push(error));
    expect(client.write('late')).toBe(false);
    expect(client.buffer).toEqual(['early']);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_CLOSED', data: 'late' }]);
    const received: unknown[] = [];
    world.primus.on('connection', (spark) => void spark.on('data', (data) => received.push(data)));
    world.network.down = false;
    client.open();
    await world.pass(1_000);
    expect(received).toEqual(['early']);
  });

  it('of a client that ends drops messages that have a time to live, with an error for each, and leaves no timer', async () => {
    const { client } = start({ manual: true, queueTtl: '10 s' });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    for (const data of ['a', 'b']) client.write(data);
    client.open();
    client.end();
    expect(errors).toMatchObject(['a', 'b'].map((data) => ({ code: 'ERR_PRIMUS_CLOSED', data })));
    await world.pass(20_000);
    expect([client.buffer, errors.length]).toEqual([[], 2]);
  });

  it('of a client that is destroyed drops its messages, with an error for each', () => {
    const { client } = start({ manual: true });
    const reported: unknown[] = [];
    client.on('error', (error) => reported.push((error as unknown as { data: unknown }).data));
    client.on('destroy', () => reported.push('destroy'));
    for (const data of ['a', 'b']) client.write(data);
    client.destroy();
    expect([reported, client.buffer, client.write('late')]).toEqual([['a', 'b', 'destroy'], [], false]);
  });

  it('goes on behind a message for which the `_write` of a plugin throws', async () => {
    const { client } = start({ manual: true });
    const received: unknown[] = [];
    const errors: unknown[] = [];
    world.primus.on('connection', (spark) => void spark.on('data', (data) => received.push(data)));
    client.on('error', (error) => errors.push(error));
    for (const data of ['a', 'bad', 'b']) client.write(data);
    const { _write } = client;
    client._write = (data: unknown) => {
      if (data === 'bad') throw new Error('broken');
      return _write.call(client, data);
    };
    client.open();
    await world.pass(100);
    client.write('c');
    await world.pass(10);
    expect(received).toEqual(['a', 'b', 'c']);
    expect(errors).toMatchObject([{ message: 'broken' }]);
  });

  it('refuses what is protocol, with an error, and sends the rest', async () => {
    const { client, spark } = await opened();
    const received: unknown[] = [];
    const errors: unknown[] = [];
    spark.on('data', (data) => received.push(data));
    client.on('error', (error) => errors.push(error));
    expect([client.write('primus::pong::1'), client.write('fine')]).toEqual([false, true]);
    await world.pass(10);
    expect(received).toEqual(['fine']);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_RESERVED', data: 'primus::pong::1' }]);
  });
});

describe('id()', () => {
  it('asks as soon as there is a connection, and again after one that was lost', async () => {
    const { peer, client } = start();
    const ids: string[] = [];
    client.id((id) => ids.push(id));
    await world.pass(100);
    const first = world.findSpark(peer)?.id;
    expect(ids).toEqual([first]);
    client.id((id) => ids.push(id));
    // The connection drops before the answer: it asks again.
    world.network.cut();
    await world.pass(5_000);
    const second = world.findSpark(peer)?.id;
    expect(second).not.toBe(first);
    expect(ids).toEqual([first, second]);
    world.network.cut();
    await world.pass(5_000);
    expect(ids).toHaveLength(2);
    expect(client.listenerCount('open')).toBe(1);
  });
});

describe('the network of the platform', () => {
  it('closes the connection when it is lost, waits without end, and is followed by an attempt when it is back', async () => {
    const { client, events, peer } = await opened();
    const online: unknown[] = [];
    client.online$.subscribe((value) => online.push(value));
    client.on('offline', () => online.push(`offline ${client.online}`));
    client.on('online', () => online.push(`online ${client.online}`));
    peer.network$.next(false);
    peer.network$.next(false);
    expect(client.state).toMatchObject({ name: 'waiting', attempt: null, until: null, cause: { code: 'ERR_PRIMUS_OFFLINE' } });
    await world.pass(1_000_000);
    expect(events).toEqual(['offline', 'close']);
    expect(client.readyState).toBe(2);
    peer.network$.next(true);
    await world.pass(5_000);
    expect(events).toEqual(['offline', 'close', 'online', 'reconnect scheduled', 'reconnect', 'reconnected', 'open']);
    expect(online.filter((value) => typeof value === 'boolean')).toEqual([true, false, true]);
    expect(online.filter((value) => typeof value === 'string')).toEqual(['offline false', 'online true']);
  });

  it('that is lost while waiting gives up the attempt', async () => {
    const { peer, client, events } = await opened();
    world.network.cut();
    await settle();
    peer.network$.next(false);
    await world.pass(100_000);
    expect(world.network.dials).toHaveLength(1);
    expect(client.state).toMatchObject({ name: 'waiting', attempt: null, until: null });
    peer.network$.next(true);
    await world.pass(5_000);
    expect(events.at(-1)).toBe('open');
  });

  it('that is lost is the end without the strategy `online`', async () => {
    const { peer, client, events } = await opened({ strategy: 'disconnect,timeout' });
    peer.network$.next(false);
    await world.pass(100_000);
    expect(events).toEqual(['offline', 'close', 'end']);
    expect(client.state).toMatchObject({ name: 'closed', cause: { code: 'ERR_PRIMUS_OFFLINE' } });
  });

  it('is not followed when `network` is false', async () => {
    const { peer, client, events } = await opened({ network: false });
    peer.network$.next(false);
    expect(client.online).toBe(true);
    expect(events).toEqual([]);
    expect(peer.network$.observed).toBe(false);
  });
});

describe('listeners that throw', () => {
  it.each([
    ['throws', fails],
    ['rejects', async () => fails()],
  ])('are an error (%s), and the client goes on', async (_how, listener) => {
    const { client, peer } = start();
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    client.on('open', listener);
    client.on('data', listener);
    const data: unknown[] = [];
    client.on('data', (value) => data.push(value));
    await world.pass(100);
    world.primus.forEach((spark) => void spark.write('a'));
    await world.pass(100);
    expect(errors.map(({ message }) => message)).toEqual(['broken', 'broken']);
    expect(data).toEqual(['a']);
    expect(peer.reports).toEqual([]);
    expect(client.state.name).toBe('open');
  });

  it.each([
    ['throws', fails],
    ['rejects', async () => fails()],
  ])('are reported to the platform without an error listener, or when that listener %s', async (_how, listener) => {
    const { peer, client } = start();
    client.removeAllListeners('error');
    client.on('open', listener);
    await world.pass(100);
    expect(peer.reports).toMatchObject([{ message: 'broken' }]);
    client.on('error', listener);
    client.write('primus::x');
    await world.pass(100);
    expect(peer.reports).toMatchObject([{ message: 'broken' }, { message: 'broken' }]);
    expect(client.state.name).toBe('open');
  });

  it('of streams are no different', async () => {
    const { client, peer } = await opened();
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    client.data$.subscribe(fails);
    client.state$.subscribe(fails);
    client.data$.pipe(take(5)).subscribe(fails);
    world.primus.forEach((spark) => void spark.write('a'));
    await world.pass(100);
    expect(errors).toHaveLength(3);
    expect(peer.reports).toEqual([]);
    expect(client.state.name).toBe('open');
  });

  it('as message transformers lose that message, with an error', async () => {
    const { client } = await opened();
    const errors: Error[] = [];
    const data: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    client.on('data', (value) => data.push(value));
    client.transform('incoming', (packet) => (packet.data === 1 ? fails() : undefined));
    world.primus.forEach((spark) => {
      for (const number of [1, 2]) spark.write(number);
    });
    await world.pass(100);
    expect(data).toEqual([2]);
    expect(errors.map(({ message }) => message)).toEqual(['broken']);
  });

  it('of `initialise` are the caller’s', () => {
    world = new World();
    const { Socket } = world.primus;
    class Mine extends Socket {
      override initialise(): this {
        return fails();
      }
    }
    expect(() => new Mine('http://localhost')).toThrow('broken');
  });
});

it('an attempt reports an error of ours as it is, even one whose class is of another file of a page', async () => {
  const foreign = Object.assign(new Error('no'), { name: 'LinkError', code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status: 403 });
  const transformer: ClientParts['transformer'] = { connect: () => new Observable((subscriber) => subscriber.error(foreign)) };
  const { client } = start({}, { parts: { transformer } });
  const errors: Error[] = [];
  client.on('error', (error) => errors.push(error));
  await world.pass(10);
  expect(errors).toEqual([foreign]);
  expect(errors[0]).toBe(foreign);
});

describe.each([
  [false, 'decoded'],
  [false, 'refused by the decoder'],
  [false, 'transformed'],
  [true, 'decoded'],
  [true, 'refused by the decoder'],
  [true, 'transformed'],
])('a message that is still being handled when a client ends (sessions: %j)', (session, step) => {
  it(`is not ${step} into the connection that follows at once`, async () => {
    const takes = (ms: number, done: () => void) => void world.clock.schedule(done, ms);
    const slow = slowParser(50, (run, ms) => takes(ms, run));
    const parser: Parser = {
      encoder: (data, done) => done(null, JSON.stringify(data)),
      decoder: (frame, done) => {
        if (step === 'transformed' || !String(frame).includes('first')) done(null, JSON.parse(String(frame)));
        else if (step === 'decoded') slow.decoder.call(null as never, frame, done);
        else takes(50, () => done(new Error('not this one')));
      },
    };
    world = new World({ server: { parser, resume: session } });
    const peer = world.connect({ resume: session }, session ? { session: resumable } : {});
    const { client } = peer;
    const said: [string, unknown?][] = [];
    if (step === 'transformed')
      client.transform('incoming', ({ data }, next) => (String(data).includes('first') ? takes(50, next) : next()));
    for (const event of ['data', 'error', 'open', 'end']) client.on(event as 'data', (data: unknown) => said.push([event, data]));
    client.resume$.subscribe(({ type }) => said.push([type]));
    await world.pass(10);
    const first = world.findSpark(peer) as Spark;
    first.write('the first, one');
    first.write('the first, two');
    await world.pass(10);
    client.end();
    client.open();
    await world.pass(10);
    const second = world.findSpark(peer) as Spark;
    second.write('the second');
    await world.pass(200);
    expect(said.filter(([name]) => name !== 'fresh')).toEqual([
      ['open', undefined],
      ['end', undefined],
      ['open', undefined],
      ['data', 'the second'],
    ]);
    // What is acknowledged counts from the beginning of the session.
    world.network.breakPair(world.network.pairsOf(peer).at(-1) as never, 'both');
    second.write('the third');
    await world.pass(5_000);
    expect(said.slice(-1)).toEqual(session ? [['data', 'the third']] : [['open', undefined]]);
    expect(said.some(([name]) => name === 'gap')).toBe(false);
  });
});

describe('a client that is made by others', () => {
  it('hears all of a Subject that is piped in by write', async () => {
    const { client, spark } = await opened();
    const source = new Subject<number>();
    const received: unknown[] = [];
    spark.on('data', (data) => received.push(data));
    source.subscribe((value) => void client.write(value));
    for (const number of [1, 2, 3]) source.next(number);
    await world.pass(10);
    expect(received).toEqual([1, 2, 3]);
  });
});
