import { describe, expect, it, onTestFinished } from 'vitest';
import { type Resume, resumable } from '../../client/resume.js';
import type { ClientOptions, ServerOptions, Spark } from '../../src/index.js';
import { startLaboratory } from '../support/laboratory.js';
import { cleanup, event, serve, until } from '../support/serve.js';
import { type Peer, World } from '../support/world.js';
import { read } from './blocks.js';
import { type Claims, COLUMNS, channelClaims } from './delivery-channels.js';
import { moreClaims } from './delivery-more.js';

/** How long a session lasts without a connection, in ms. */
const WINDOW = 1_000;

const QUICK = { reconnect: { min: 10, max: 10, retries: Infinity } };

/** Both ends of a connection in virtual time, and what they have received and emitted. */
class Pair {
  readonly world: World;
  readonly peer: Peer;
  readonly up: unknown[] = [];
  readonly down: unknown[] = [];
  readonly errors: Error[] = [];
  readonly sparkErrors: Error[] = [];
  readonly states: string[] = [];
  readonly outcomes: Resume[] = [];
  readonly sparks: Spark[] = [];
  /** The events of the server and of its sparks. */
  readonly events: string[] = [];

  private constructor(session: boolean, options: ClientOptions) {
    this.world = new World({ latency: 1, server: { resume: session && { window: WINDOW }, pingInterval: false } });
    onTestFinished(() => this.world.destroy());
    const { primus } = this.world;
    primus.on('disconnection', () => this.events.push('disconnection'));
    primus.on('connection', (spark) => {
      this.sparks.push(spark);
      spark.on('data', (data) => this.up.push(data));
      spark.on('error', (error) => this.sparkErrors.push(error));
      spark.on('end', () => this.events.push('end'));
      spark.resume$.subscribe(({ type }) => this.events.push(type));
    });
    this.peer = this.world.connect({ ...QUICK, ...options }, session ? { session: resumable } : {});
    const { client } = this;
    client.on('data', (data) => this.down.push(data));
    client.on('error', (error) => this.errors.push(error));
    client.state$.subscribe(({ name }) => this.states.push(name));
    client.resume$.subscribe((outcome) => this.outcomes.push(outcome));
  }

  static async open({ session = false, ...options }: ClientOptions & { session?: boolean } = {}): Promise<Pair> {
    const pair = new Pair(session, options);
    await pair.world.pass(50);
    return pair;
  }

  get client(): Peer['client'] {
    return this.peer.client;
  }

  get spark(): Spark {
    return this.sparks.at(-1) as Spark;
  }

  /** Loses the connection, and what is under way, for that many ms. */
  async lose(ms = 0): Promise<void> {
    const { network } = this.world;
    network.cut();
    network.down = true;
    await this.world.pass(ms);
    network.down = false;
    await this.world.pass(100);
  }
}

/** Both ends of a connection over TCP, through a laboratory. */
async function connectReally(options: ServerOptions) {
  const { primus, port } = await serve({ pingInterval: false, ...options });
  const sparks: Spark[] = [];
  const up: unknown[] = [];
  primus.on('connection', (spark) => {
    sparks.push(spark);
    spark.on('data', (data) => up.push(data));
  });
  const laboratory = await startLaboratory(port);
  const client = new primus.Socket(laboratory.url, QUICK);
  cleanup(() => client.destroy());
  const down: unknown[] = [];
  client.on('data', (data) => down.push(data));
  await event(client, 'open');
  await until(() => sparks.length === 1);
  /** Breaks the connection while the messages that `write` writes are under way. */
  const breakDuring = async (write: () => void): Promise<void> => {
    laboratory.blackhole(undefined, { present: true });
    write();
    const opened = event(client, 'open');
    laboratory.break({ reset: true });
    await opened;
  };
  return { primus, client, sparks, up, down, breakDuring };
}

/** Writes messages in each direction, some of which are under way when the connection breaks. */
async function deliver(options: ServerOptions) {
  const real = await connectReally(options);
  const { client, sparks, up, down } = real;
  const write = (count: number) => {
    expect(client.write(count)).toBe(true);
    expect(sparks.at(-1)?.write(count)).toBe(true);
  };
  write(1);
  write(2);
  await until(() => up.length === 2 && down.length === 2);
  await real.breakDuring(() => {
    write(3);
    write(4);
  });
  await until(() => sparks.length === (options.resume ? 1 : 2));
  write(5);
  await until(() => up.at(-1) === 5 && down.at(-1) === 5);
  return real;
}

/** A claim of the table: the text of its cell, and its test. */
const claims: Claims = {
  ...channelClaims,
  ...moreClaims,
  '`client.write`, connected': {
    promise: [
      'at most once, in order',
      async () => {
        const { up } = await deliver({});
        expect(up).toEqual([1, 2, 5]);
      },
    ],
    '`true` means': [
      'handed to the framework',
      async () => {
        const { client, world } = await Pair.open();
        expect(client.write('message')).toBe(true);
        expect(world.network.pairs[0]?.up.at(-1)).toBe('"message"');
      },
    ],
    '`false` means': [
      'rejected, such as a control message: an `error` says why',
      async () => {
        const { client, errors, up, world } = await Pair.open();
        expect(client.write('primus::mine')).toBe(false);
        expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_RESERVED' }]);
        await world.pass(10);
        expect(up).toEqual([]);
      },
    ],
    'what may be lost': [
      'what is under way when the connection breaks',
      async () => {
        const pair = await Pair.open();
        pair.client.write('arrived');
        await pair.world.pass(10);
        expect(pair.client.write('under way')).toBe(true);
        await pair.lose();
        pair.client.write('later');
        await pair.world.pass(10);
        expect(pair.up).toEqual(['arrived', 'later']);
      },
    ],
    'how it is reported': [
      '`state$` leaves `open`; not which messages',
      async () => {
        const pair = await Pair.open();
        pair.client.write('under way');
        await pair.lose();
        expect(pair.states.slice(0, 4)).toEqual(['idle', 'connecting', 'open', 'waiting']);
        expect(pair.states.at(-1)).toBe('open');
        expect(pair.errors).toEqual([]);
      },
    ],
  },
  '`client.write`, disconnected': {
    promise: [
      'sent once and in order when the connection is open',
      async () => {
        const { client, up, sparks, breakDuring } = await connectReally({});
        await breakDuring(() => {});
        client.connection.link?.destroy();
        await until(() => client.state.name !== 'open');
        for (const count of [1, 2, 3]) client.write(count);
        await until(() => up.length === 3);
        client.write('later');
        await until(() => up.length > 3);
        expect(up).toEqual([1, 2, 3, 'later']);
        expect(sparks).toHaveLength(3);
      },
    ],
    '`true` means': [
      'buffered',
      async () => {
        const pair = await Pair.open();
        const lost = pair.lose(500);
        await pair.world.pass(5);
        expect(pair.client.write('queued')).toBe(true);
        expect(pair.client.buffer).toEqual(['queued']);
        await lost;
        expect(pair.client.buffer).toEqual([]);
        expect(pair.up).toEqual(['queued']);
      },
    ],
    '`false` means': [
      'it does not fit, or the client has ended: an `error` says why',
      async () => {
        const { client, errors, world } = await Pair.open({ queueSize: 1, queueDrop: 'newest' });
        world.network.down = true;
        world.network.cut();
        await world.pass(5);
        expect([client.write('fits'), client.write('does not fit')]).toEqual([true, false]);
        client.end();
        expect(client.write('after the end')).toBe(false);
        expect(errors).toMatchObject([
          { code: 'ERR_PRIMUS_QUEUE', data: 'does not fit' },
          { code: 'ERR_PRIMUS_CLOSED', data: 'after the end' },
        ]);
      },
    ],
    'what may be lost': [
      'what is too old, has to make room, or is left when the client is destroyed',
      async () => {
        const pair = await Pair.open({ queueTtl: 200, queueSize: 2 });
        const lost = pair.lose(500);
        await pair.world.pass(5);
        for (const data of ['makes room', 'too old', 'too old as well']) expect(pair.client.write(data)).toBe(true);
        await pair.world.pass(400);
        pair.client.write('arrives');
        await lost;
        expect(pair.up).toEqual(['arrives']);
        void pair.lose(500);
        await pair.world.pass(5);
        expect(pair.client.write('left')).toBe(true);
        pair.client.destroy();
        await pair.world.pass(1_000);
        expect(pair.up).toEqual(['arrives']);
      },
    ],
    'how it is reported': [
      'an `error` for each message, whose `data` is the message',
      async () => {
        const pair = await Pair.open({ queueTtl: 200, queueSize: 2 });
        pair.world.network.down = true;
        pair.world.network.cut();
        await pair.world.pass(5);
        for (const data of ['makes room', 'too old', 'too old as well']) pair.client.write(data);
        await pair.world.pass(300);
        pair.client.write('left');
        pair.client.destroy();
        expect(pair.errors).toMatchObject([
          { code: 'ERR_PRIMUS_QUEUE', data: 'makes room' },
          { code: 'ERR_PRIMUS_EXPIRED', data: 'too old' },
          { code: 'ERR_PRIMUS_EXPIRED', data: 'too old as well' },
          { code: 'ERR_PRIMUS_CLOSED', data: 'left' },
        ]);
      },
    ],
  },
  '`client.write`, with a session': {
    promise: [
      'once and in order, or a gap',
      async () => {
        const { up, sparks } = await deliver({ resume: true });
        expect(up).toEqual([1, 2, 3, 4, 5]);
        expect(sparks).toHaveLength(1);
      },
    ],
    '`true` means': [
      'it arrives, or `resume$` emits a gap',
      async () => {
        const pair = await Pair.open({ session: true });
        expect(pair.client.write('arrives')).toBe(true);
        await pair.lose(WINDOW / 2);
        expect(pair.up).toEqual(['arrives']);
        await pair.world.pass(2_000);
        expect(pair.client.write('maybe')).toBe(true);
        await pair.lose(2 * WINDOW);
        expect(pair.up).toEqual(['arrives']);
        expect(pair.outcomes).toMatchObject([{ type: 'fresh' }, { type: 'resumed', resent: 1 }, { type: 'gap', unconfirmed: 1 }]);
      },
    ],
    '`false` means': [
      'rejected, such as a control message: an `error` says why',
      async () => {
        const pair = await Pair.open({ session: true });
        expect(pair.client.write('primus::mine')).toBe(false);
        expect(pair.errors).toMatchObject([{ code: 'ERR_PRIMUS_RESERVED' }]);
        await pair.lose();
        expect(pair.up).toEqual([]);
        expect(pair.outcomes).toMatchObject([{ type: 'fresh' }, { type: 'resumed', resent: 0 }]);
      },
    ],
    'what may be lost': [
      'after a gap, up to `unconfirmed` messages; `resend()` sends them again',
      async () => {
        const pair = await Pair.open({ session: true });
        pair.client.write('acknowledged');
        await pair.world.pass(2_000);
        pair.client.write('arrived');
        await pair.world.pass(10);
        pair.client.write('under way');
        const lost = pair.lose(2 * WINDOW);
        await pair.world.pass(5);
        pair.client.write('buffered');
        await lost;
        expect(pair.up).toEqual(['acknowledged', 'arrived', 'buffered']);
        const gap = pair.outcomes.at(-1);
        expect(gap).toMatchObject({ type: 'gap', unconfirmed: 2 });
        if (gap?.type === 'gap') gap.resend();
        await pair.world.pass(10);
        expect(pair.up.slice(3)).toEqual(['arrived', 'under way']);
      },
    ],
    'how it is reported': [
      '`resume$` of the client emits `gap`',
      async () => {
        const pair = await Pair.open({ session: true });
        const order: string[] = [];
        pair.client.resume$.subscribe(({ type }) => order.push(type));
        pair.client.on('open', () => order.push('open'));
        pair.client.write('under way');
        await pair.lose(2 * WINDOW);
        expect(order).toEqual(['gap', 'open']);
        expect(pair.outcomes.at(-1)).toMatchObject({ reason: 'expired', unconfirmed: 1 });
      },
    ],
  },
  '`spark.write`': {
    promise: [
      'at most once, in order',
      async () => {
        const { down, sparks } = await deliver({});
        expect(down).toEqual([1, 2, 5]);
        expect(sparks).toHaveLength(2);
      },
    ],
    '`true` means': [
      'handed to the framework',
      async () => {
        const { spark, world } = await Pair.open();
        expect(spark.write('message')).toBe(true);
        expect(world.network.pairs[0]?.down.at(-1)).toBe('"message"');
      },
    ],
    '`false` means': [
      'rejected: an `error` says why; or the connection has ended',
      async () => {
        const pair = await Pair.open();
        const { spark, sparkErrors } = pair;
        expect(spark.write('primus::mine')).toBe(false);
        expect(sparkErrors).toMatchObject([{ code: 'ERR_PRIMUS_RESERVED' }]);
        await pair.lose();
        expect(spark.write('too late')).toBe(false);
        expect(sparkErrors).toHaveLength(1);
        expect(pair.down).toEqual([]);
      },
    ],
    'what may be lost': [
      'what is under way when the connection breaks',
      async () => {
        const pair = await Pair.open();
        pair.spark.write('arrived');
        await pair.world.pass(10);
        expect(pair.spark.write('under way')).toBe(true);
        await pair.lose();
        pair.spark.write('later');
        await pair.world.pass(10);
        expect(pair.down).toEqual(['arrived', 'later']);
      },
    ],
    'how it is reported': [
      '`disconnection` and `end`; not which messages',
      async () => {
        const pair = await Pair.open();
        pair.spark.write('under way');
        await pair.lose();
        expect(pair.events).toEqual(['disconnection', 'end']);
        expect(pair.sparkErrors).toEqual([]);
      },
    ],
  },
  '`spark.write`, with a session': {
    promise: [
      'once and in order, or a gap',
      async () => {
        const { down, sparks } = await deliver({ resume: true });
        expect(down).toEqual([1, 2, 3, 4, 5]);
        expect(sparks).toHaveLength(1);
      },
    ],
    '`true` means': [
      'it arrives, or `resume$` emits a gap',
      async () => {
        const pair = await Pair.open({ session: true });
        expect(pair.spark.write('under way')).toBe(true);
        const lost = pair.lose(WINDOW / 2);
        await pair.world.pass(5);
        expect(pair.spark.away).toBe(true);
        expect(pair.spark.write('while away')).toBe(true);
        await lost;
        expect(pair.down).toEqual(['under way', 'while away']);
        expect(pair.spark.write('maybe')).toBe(true);
        await pair.lose(2 * WINDOW);
        expect(pair.down).toEqual(['under way', 'while away']);
        expect(pair.events.slice(0, 2)).toEqual(['resumed', 'gap']);
      },
    ],
    '`false` means': [
      'rejected: an `error` says why; or the session is over',
      async () => {
        const pair = await Pair.open({ session: true });
        const { spark, sparkErrors } = pair;
        expect(spark.write('primus::mine')).toBe(false);
        expect(sparkErrors).toMatchObject([{ code: 'ERR_PRIMUS_RESERVED' }]);
        await pair.lose(2 * WINDOW);
        expect(spark.write('too late')).toBe(false);
        expect(sparkErrors).toHaveLength(1);
        expect(pair.down).toEqual([]);
      },
    ],
    'what may be lost': [
      'after a gap, up to `unconfirmed` messages',
      async () => {
        const pair = await Pair.open({ session: true });
        pair.spark.write('acknowledged');
        await pair.world.pass(2_000);
        const gaps: unknown[] = [];
        pair.spark.resume$.subscribe((gap) => gaps.push(gap));
        pair.spark.write('arrived');
        await pair.world.pass(10);
        pair.spark.write('under way');
        const lost = pair.lose(2 * WINDOW);
        await pair.world.pass(5);
        pair.spark.write('while away');
        await lost;
        expect(pair.down).toEqual(['acknowledged', 'arrived']);
        expect(gaps).toEqual([{ type: 'gap', reason: 'expired', unconfirmed: 3 }]);
      },
    ],
    'how it is reported': [
      '`resume$` of the spark emits `gap`',
      async () => {
        const pair = await Pair.open({ session: true });
        pair.spark.write('under way');
        await pair.lose(2 * WINDOW);
        expect(pair.events).toEqual(['gap', 'disconnection', 'end']);
      },
    ],
  },
  '`primus.write`': {
    promise: [
      'to each spark, as with `spark.write`',
      async () => {
        for (const resume of [false, true]) {
          const { primus, client, down, sparks, breakDuring } = await connectReally({ resume });
          const other = new primus.Socket(client.url.href, QUICK);
          cleanup(() => other.destroy());
          const heard: unknown[] = [];
          other.on('data', (data) => heard.push(data));
          await event(other, 'open');
          await until(() => sparks.length === 2);
          primus.write(1);
          await until(() => down.length === 1 && heard.length === 1);
          const back = event(other, 'open');
          await breakDuring(() => primus.write(2));
          await back;
          await until(() => sparks.length === (resume ? 2 : 4));
          primus.write(3);
          await until(() => down.at(-1) === 3 && heard.at(-1) === 3);
          expect(down).toEqual(resume ? [1, 2, 3] : [1, 3]);
          expect(heard).toEqual(down);
        }
      },
    ],
    '`true` means': [
      'nothing: it returns the server',
      async () => {
        const { world } = await Pair.open();
        expect(world.primus.write('message')).toBe(world.primus);
      },
    ],
    '`false` means': [
      'never',
      async () => {
        const { world, down } = await Pair.open();
        const { primus } = world;
        expect(primus.write('primus::mine')).toBe(primus);
        expect(primus.write(1n)).toBe(primus);
        await world.pass(10);
        expect(down).toEqual([]);
        await world.stop();
        expect(primus.write('too late')).toBe(primus);
      },
    ],
    'what may be lost': [
      'as with `spark.write`; a message that cannot be encoded',
      async () => {
        const pair = await Pair.open();
        const { primus } = pair.world;
        primus.write('under way');
        const lost = pair.lose(500);
        await pair.world.pass(5);
        primus.write('without a spark');
        await lost;
        primus.write(1n);
        primus.write('later');
        await pair.world.pass(10);
        expect(pair.down).toEqual(['later']);
      },
    ],
    'how it is reported': [
      'as with `spark.write`; a `log` entry',
      async () => {
        const pair = await Pair.open();
        const log: unknown[] = [];
        pair.world.primus.on('log', (...entry: unknown[]) => log.push(entry));
        pair.world.primus.write(1n);
        expect(log).toEqual([['error', expect.any(Error)]]);
        pair.world.primus.write('under way');
        await pair.lose();
        expect(pair.events).toEqual(['disconnection', 'end']);
      },
    ],
  },
};

/** The table of the page: its rows by their names without links, each with its cells by column. */
function table(): Record<string, Record<string, string>> {
  const [, section = ''] = /^## Ways of sending$([\s\S]*?)^[^|\s]/m.exec(read('docs/delivery.md')) ?? [];
  const [head = [], ...rows] = [...section.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) => row.split(' | '));
  return Object.fromEntries(
    rows.map(([way = '', ...cells]) => [
      way.replace(/^\[(.*)\]\(.*\)$/, '$1'),
      Object.fromEntries(cells.map((cell, index) => [head[index + 1] ?? '', cell])),
    ]),
  );
}

describe('docs/delivery.md', () => {
  it('claims what is tested here, cell by cell', () => {
    const tested = Object.entries(claims).map(([way, row]) => [way, Object.fromEntries(COLUMNS.map((column) => [column, row[column][0]]))]);
    expect(table()).toEqual(Object.fromEntries(tested));
  });

  for (const [way, row] of Object.entries(claims)) {
    describe(way, () => {
      for (const column of COLUMNS) it(`${column}: ${row[column][0]}`, row[column][1]);
    });
  }
});
