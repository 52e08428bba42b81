import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClientOptions } from '../../client/options.js';
import { type Resume, resumable } from '../../client/resume.js';
import { clustered, memory } from '../../src/cluster.js';
import { dropped } from '../../src/core/errors.js';
import type { ServerOptions, Spark } from '../../src/index.js';
import { slowParser } from '../support/slow-parser.js';
import { type LinkPair, type Peer, World } from '../support/world.js';

/** A world whose server has sessions. */
function worldWith(resume: ServerOptions['resume'] = true, server: ServerOptions = {}): World {
  const world = new World({ latency: 1, server: { resume, pingInterval: false, ...server } });
  onTestFinished(() => world.destroy());
  return world;
}

interface Joined {
  peer: Peer;
  spark: Spark;
  /** The messages that the client, and the spark, received. */
  down: unknown[];
  up: unknown[];
  /** The outcomes of the client's connections, and what became of the spark's session. */
  outcomes: Resume[];
  changes: unknown[];
  states: string[];
}

/** Connects a client with a session. */
async function join(world: World, options: ClientOptions = {}): Promise<Joined> {
  const outcomes: Resume[] = [];
  const down: unknown[] = [];
  const peer = world.connect({ reconnect: { min: 10, max: 10, retries: Infinity }, ...options }, { session: resumable });
  peer.client.resume$.subscribe((outcome) => outcomes.push(outcome));
  peer.client.on('data', (data) => down.push(data));
  await world.pass(50);
  const spark = world.findSpark(peer) as Spark;
  const joined: Joined = { peer, spark, down, up: [], outcomes, changes: [], states: [] };
  spark.on('data', (data) => joined.up.push(data));
  spark.resume$.subscribe((change) => joined.changes.push(change));
  spark.state$.subscribe((state) => joined.states.push(state));
  return joined;
}

/** Connects a client whose sparks write 'welcome', and records what happens from the beginning. */
function observe(world: World, options: ClientOptions = {}) {
  const up: unknown[] = [];
  const down: unknown[] = [];
  const outcomes: Resume[] = [];
  const errors: unknown[] = [];
  world.primus.on('connection', (spark) => {
    spark.on('data', (data) => up.push(data));
    spark.write('welcome');
  });
  const peer = world.connect({ reconnect: { min: 10, max: 10, retries: Infinity }, ...options }, { session: resumable });
  peer.client.resume$.subscribe((outcome) => outcomes.push(outcome));
  peer.client.on('data', (data) => down.push(data));
  peer.client.on('error', (error) => errors.push(error));
  return { peer, up, down, outcomes, errors };
}

describe('a session', () => {
  it('carries what was written on both ends while the connection was lost, with the same spark', async () => {
    const world = worldWith();
    const seen: string[] = [];
    world.primus.on('connection', () => seen.push('connection'));
    world.primus.on('disconnection', () => seen.push('disconnection'));
    const { peer, spark, down, up, outcomes, changes, states } = await join(world);
    expect(outcomes).toEqual([{ type: 'fresh' }]);
    spark.write(1);
    peer.client.write('a');
    await world.pass(20);
    // Lost on the way, in both directions.
    spark.write(2);
    peer.client.write('b');
    world.network.cut();
    await world.pass(2);
    expect(spark.away).toBe(true);
    expect(spark.readyState).toBe(3);
    expect(world.primus.connected).toBe(1);
    expect(spark.write(3)).toBe(true);
    world.primus.write(4);
    expect(peer.client.write('c')).toBe(true);
    await world.pass(100);
    expect(down).toEqual([1, 2, 3, 4]);
    expect(up).toEqual(['a', 'b', 'c']);
    expect(seen).toEqual(['connection']);
    expect(outcomes).toEqual([{ type: 'fresh' }, { type: 'resumed', missed: 3, resent: 1, away: expect.any(Number) }]);
    expect(changes).toEqual([{ type: 'resumed', missed: 1, resent: 3, away: expect.any(Number) }]);
    expect(states).toEqual(['open', 'away', 'open']);
    expect(world.findSpark(peer)).toBe(spark);
  });

  it('emits its outcome before open, and what was missed after it', async () => {
    const world = worldWith();
    const { peer, spark } = await join(world);
    const order: string[] = [];
    for (const event of ['close', 'reconnect scheduled', 'reconnect', 'reconnected', 'open', 'data'])
      peer.client.on(event as 'data', () => order.push(event));
    peer.client.resume$.subscribe(({ type }) => order.push(type));
    world.network.cut();
    spark.write('missed');
    await world.pass(100);
    expect(order).toEqual(['close', 'reconnect scheduled', 'reconnect', 'resumed', 'reconnected', 'open', 'data']);
  });

  it('resumes when nothing was ever written, break after break', async () => {
    const world = worldWith();
    const { outcomes } = await join(world);
    for (let count = 0; count < 30; count++) {
      world.network.cut();
      await world.pass(50);
    }
    expect(outcomes.map(({ type }) => type)).toEqual(['fresh', ...Array.from({ length: 30 }, () => 'resumed')]);
  });

  it('reports one gap on both ends when the client returns too late', async () => {
    const world = worldWith({ window: 1_000 });
    const { peer, spark, changes, outcomes, states } = await join(world);
    spark.write('unconfirmed');
    peer.client.write('confirmed');
    await world.pass(2_000);
    const order: string[] = [];
    world.primus.on('disconnection', () => order.push('disconnection'));
    spark.on('end', () => order.push('end'));
    world.network.down = true;
    world.network.cut();
    spark.write('lost');
    await world.pass(999);
    expect(spark.away).toBe(true);
    expect(order).toEqual([]);
    await world.pass(10);
    expect(order).toEqual(['disconnection', 'end']);
    expect(spark.write('too late')).toBe(false);
    expect(changes).toEqual([{ type: 'gap', reason: 'expired', unconfirmed: 1 }]);
    expect(states).toEqual(['open', 'away', 'closed']);
    world.network.down = false;
    await world.pass(100);
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'expired', unconfirmed: 0 }]);
    expect(world.findSpark(peer)).not.toBe(spark);
  });

  it('ends with a gap when more is written while it is away than the ring holds', async () => {
    const world = worldWith({ ring: 1_000 });
    const { spark, changes, outcomes } = await join(world);
    world.network.cut();
    let written = 0;
    for (; spark.readyState === 3 && written < 100; written++) spark.write('x'.repeat(100));
    expect(written).toBe(8);
    expect(changes).toEqual([{ type: 'gap', reason: 'overflow', unconfirmed: written }]);
    await world.pass(100);
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'overflow', unconfirmed: 0 }]);
  });

  it('resumes after an overflow while the connection was open, when the client has received it all', async () => {
    const world = worldWith({ ring: 1_000 });
    const { spark, down, outcomes } = await join(world);
    for (let count = 0; count < 20; count++) spark.write('x'.repeat(100));
    await world.pass(5);
    expect(down).toHaveLength(20);
    world.network.cut();
    await world.pass(100);
    expect(outcomes.at(-1)).toMatchObject({ type: 'resumed', missed: 0 });
  });

  it('has a gap after an overflow while the connection was open, when the client has not received it all', async () => {
    const world = worldWith({ ring: 1_000 });
    const { spark, changes, outcomes } = await join(world);
    for (let count = 0; count < 20; count++) spark.write('x'.repeat(100));
    world.network.cut();
    await world.pass(100);
    expect(changes).toEqual([{ type: 'gap', reason: 'overflow', unconfirmed: 20 }]);
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'overflow', unconfirmed: 0 }]);
  });

  it.each<[string, (world: World) => { write(data: unknown): unknown }]>([
    ['that all connections share', ({ primus }) => primus],
    ['that is transformed', ({ primus }) => primus.transform('outgoing', () => {})],
    ['of a cluster', ({ primus }) => clustered(primus, memory())],
  ])(
    'sends a broadcast %s to those that were connected before, not to the connection that follows the session it ends',
    async (_title, writerOf) => {
      const world = worldWith({ ring: 1_000 });
      world.primus.transform('incoming', (_packet: unknown, next: () => void) => void world.clock.schedule(() => next(), 50));
      const writer = writerOf(world);
      const other = await join(world);
      const { peer, spark, down, changes, outcomes } = await join(world);
      // While it is being transformed, the new connection of the client waits for the session.
      peer.client.write('being transformed');
      await world.pass(5);
      const pair = world.network.pairsOf(peer)[0] as LinkPair;
      world.network.breakPair(pair);
      await world.pass(20);
      expect(world.network.pairsOf(peer)[0]?.up.join()).toContain('primus::resume::');
      expect(spark.away).toBe(true);
      const large = 'x'.repeat(1_000);
      writer.write(large);
      writer.write('behind');
      await world.pass(100);
      expect(changes).toEqual([{ type: 'gap', reason: 'overflow', unconfirmed: 1 }]);
      expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'overflow' }]);
      expect(other.down).toEqual([large, 'behind']);
      expect(down).toEqual(['behind']);
    },
  );

  it('has a gap when the client has sent more than its ring holds', async () => {
    const world = worldWith(true);
    const { peer, up, outcomes, changes } = await join(world, { resume: { ring: 1_000 } });
    for (let count = 0; count < 20; count++) peer.client.write('x'.repeat(100));
    world.network.cut();
    await world.pass(100);
    expect(up).toEqual([]);
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'overflow', unconfirmed: 20 }]);
    expect(changes).toMatchObject([{ type: 'gap', reason: 'overflow' }]);
  });

  it('sends unconfirmed messages again when asked to', async () => {
    const world = worldWith({ window: 20 });
    const { peer } = await join(world);
    peer.client.write('first');
    await world.pass(5);
    peer.client.write('second');
    world.network.cut();
    world.network.down = true;
    peer.client.write('queued');
    peer.client.resume$.subscribe((outcome) => outcome.type === 'gap' && outcome.resend());
    const up: unknown[] = [];
    world.primus.on('connection', (spark) => spark.on('data', (data) => up.push(data)));
    await world.pass(100);
    world.network.down = false;
    await world.pass(100);
    expect(up).toEqual(['first', 'second', 'queued']);
  });

  it('is over for a client that has asked a server that was restarted', async () => {
    const world = worldWith();
    const { peer, outcomes } = await join(world);
    peer.client.write('maybe');
    world.network.cut();
    await world.stop({ reconnect: true });
    world.start();
    await world.pass(100);
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'epoch', unconfirmed: 1 }]);
  });

  it('is over at once when the client ends', async () => {
    const world = worldWith();
    const { peer, spark, changes } = await join(world);
    spark.write('unconfirmed');
    const ended = new Promise((resolve) => spark.on('end', resolve as () => void));
    peer.client.end();
    await world.pass(10);
    await ended;
    expect(world.primus.connected).toBe(0);
    // The message was under way when the client ended.
    expect(changes).toEqual([{ type: 'gap', reason: 'expired', unconfirmed: 1 }]);
    // A client that is opened again has another session.
    peer.client.open();
    await world.pass(50);
    expect(world.findSpark(peer)).not.toBe(spark);
  });

  it.each([
    ['a parser with callbacks', 0, (client: Peer['client']) => client.end()],
    ['a parser with callbacks', 0, (client: Peer['client']) => client.destroy()],
    ['an asynchronous parser', 5, (client: Peer['client']) => client.end()],
  ])('is over at once when a client with %s (%i ms) ends', async (_parser, ms, end) => {
    const schedule = (run: () => void) => (ms > 0 ? world.clock.schedule(run, ms) : run());
    const world: World = worldWith(true, { parser: slowParser(ms, schedule) });
    const { peer, up, errors } = observe(world);
    await world.pass(100);
    const spark = world.findSpark(peer) as Spark;
    const changes: unknown[] = [];
    spark.resume$.subscribe((change) => changes.push(change));
    peer.client.write('last');
    end(peer.client);
    await world.pass(50);
    expect(up).toEqual(['last']);
    expect(world.primus.connected).toBe(0);
    expect(changes).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('is over when the application ends the spark while it is away', async () => {
    const world = worldWith();
    const { spark, changes, outcomes } = await join(world);
    world.network.cut();
    spark.write('unconfirmed');
    spark.end();
    expect(spark.readyState).toBe(2);
    expect(changes).toEqual([{ type: 'gap', reason: 'expired', unconfirmed: 1 }]);
    await world.pass(100);
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'expired' }]);
  });

  it('ends without a gap when a client ends that has received everything, although it has not acknowledged it yet', async () => {
    const world = worldWith();
    const { peer, spark, down, changes, outcomes } = await join(world);
    spark.write('received');
    peer.client.write('sent');
    await world.pass(5);
    expect(spark.connection.session?.ledger.unconfirmed).toBe(1);
    peer.client.end();
    await world.pass(10);
    expect(down).toEqual(['received']);
    expect(spark.readyState).toBe(2);
    expect(changes).toEqual([]);
    expect(outcomes).toEqual([{ type: 'fresh' }]);
  });

  it.each<[string, (client: Peer['client']) => unknown]>([
    ['end()', (client) => client.end()],
    ['destroy()', (client) => client.destroy()],
    ['end() and destroy()', (client) => client.end().destroy()],
    ['a failed last attempt', () => {}],
  ])('has one gap on each end when the client ends by %s while the connection is lost', async (_how, end) => {
    const world = worldWith({ window: 1_000 });
    const { peer, spark, changes, outcomes } = await join(world, { reconnect: { min: 10, max: 10, retries: 3 } });
    const order: string[] = [];
    peer.client.resume$.subscribe(({ type }) => order.push(type));
    for (const name of ['reconnect failed', 'end', 'destroy'] as const) peer.client.on(name, () => order.push(name));
    await world.pass(2_000);
    spark.write('down');
    peer.client.write('first');
    peer.client.write('second');
    world.network.down = true;
    world.network.cut();
    await world.pass(5);
    end(peer.client);
    await world.pass(5_000);
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'expired', unconfirmed: 2 }]);
    expect(changes).toEqual([{ type: 'gap', reason: 'expired', unconfirmed: 1 }]);
    expect(order.filter((name) => name !== 'reconnect failed')[0]).toBe('gap');
    expect(order.indexOf('gap')).toBeLessThan(order.indexOf('end'));
  });

  it('has one gap on each end when a client ends that does not reconnect', async () => {
    const world = worldWith({ window: 1_000 });
    const { peer, spark, changes, outcomes } = await join(world, { strategy: 'timeout' });
    await world.pass(2_000);
    peer.client.write('up');
    spark.write('down');
    world.network.cut();
    await world.pass(5_000);
    expect(peer.client.state.name).toBe('closed');
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'expired', unconfirmed: 1 }]);
    expect(changes).toEqual([{ type: 'gap', reason: 'expired', unconfirmed: 1 }]);
  });

  it('has one gap when the client ends while the new connection is asked for its session', async () => {
    const world = worldWith({ window: 1_000 });
    const { peer, spark, changes, outcomes } = await join(world);
    peer.client.write('up');
    spark.write('down');
    world.network.cut();
    for (let waited = 0; peer.client.connection.link === undefined; waited++) {
      expect(waited).toBeLessThan(100);
      await world.pass(1);
    }
    expect(peer.client.state.name).toBe('connecting');
    peer.client.end();
    await world.pass(5_000);
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'expired', unconfirmed: 1 }]);
    expect(changes).toMatchObject([{ type: 'resumed' }, { type: 'gap', reason: 'expired', unconfirmed: 1 }]);
  });

  it('has one gap when a listener of the gap ends the client again', async () => {
    const world = worldWith();
    const { peer, outcomes } = await join(world);
    peer.client.resume$.subscribe(({ type }) => type === 'gap' && peer.client.end());
    peer.client.write('up');
    world.network.cut();
    await world.pass(5);
    peer.client.end();
    await world.pass(100);
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', unconfirmed: 1 }]);
  });

  it('lets an application send the messages of an ended session again when the client is opened again', async () => {
    const world = worldWith();
    const { peer, outcomes } = await join(world);
    const up: unknown[] = [];
    world.primus.on('connection', (spark) => spark.on('data', (data) => up.push(data)));
    peer.client.write('unconfirmed');
    world.network.cut();
    await world.pass(5);
    peer.client.end();
    peer.client.open();
    await world.pass(100);
    expect(outcomes.map(({ type }) => type)).toEqual(['fresh', 'gap', 'fresh']);
    expect(up).toEqual([]);
    (outcomes[1] as Resume & { type: 'gap' }).resend();
    await world.pass(100);
    expect(up).toEqual(['unconfirmed']);
  });

  it.each<[string, (spark: Spark, world: World) => unknown]>([
    ['the spark', (spark) => spark.end()],
    ['the spark, and asks it to reconnect', (spark) => spark.end(undefined, { reconnect: true })],
    ['the server', (_spark, world) => world.stop()],
  ])('has a gap when the application ends %s, for the messages of the client that were under way', async (_what, end) => {
    const world = worldWith();
    const { peer, spark, up, outcomes } = await join(world);
    peer.client.write('received');
    await world.pass(10);
    peer.client.write('under way');
    void end(spark, world);
    await world.pass(100);
    expect(up).toEqual(['received']);
    expect(outcomes.filter(({ type }) => type === 'gap')).toMatchObject([{ type: 'gap', unconfirmed: 1 }]);
  });

  it('has a gap when the application ends the spark, for the message of the client that is being transformed', async () => {
    const world = worldWith();
    world.primus.transform('incoming', (_packet: unknown, next: () => void) => void world.clock.schedule(() => next(), 50));
    const { peer, spark, up, outcomes } = await join(world);
    peer.client.write('being transformed');
    peer.client.write('waiting');
    await world.pass(10);
    spark.end();
    await world.pass(200);
    expect(up).toEqual([]);
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'expired', unconfirmed: 2 }]);
  });

  it('counts messages that are still being encoded when the client ends while the connection is lost', async () => {
    const world: World = worldWith(true, { parser: slowParser(5, (run, ms) => world.clock.schedule(run, ms)) });
    const { peer, outcomes, errors } = observe(world);
    await world.pass(100);
    peer.client.write('being encoded');
    world.network.cut();
    expect(peer.client.readyState).toBe(2);
    peer.client.end();
    await world.pass(100);
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'expired', unconfirmed: 1 }]);
    expect(errors).toEqual([]);
  });

  it('ends without a gap when the application ends the spark, and everything has arrived', async () => {
    const world = worldWith();
    const { peer, spark, up, outcomes, changes } = await join(world);
    peer.client.write('received');
    await world.pass(10);
    spark.end();
    await world.pass(100);
    expect(up).toEqual(['received']);
    expect([outcomes, changes]).toEqual([[{ type: 'fresh' }], []]);
  });

  it.each<[string, (spark: Spark, world: World) => unknown]>([
    ['destroys the server', (_spark, world) => world.stop()],
    ['destroys the server, whose clients reconnect', (_spark, world) => world.stop({ reconnect: true })],
    ['drains the server', (_spark, world) => void world.primus.drain({ over: 10 }).subscribe()],
    ['ends the spark with a last message', (spark) => spark.end('last')],
  ])('has one gap on each end when the application %s while it is away', async (_how, end) => {
    const world = worldWith();
    const { peer, spark, changes, outcomes } = await join(world, { reconnect: { min: 10, max: 10, retries: 3 } });
    await world.pass(2_000);
    peer.client.write('up');
    spark.write('down');
    world.network.down = true;
    world.network.cut();
    await world.pass(2);
    expect(spark.away).toBe(true);
    void end(spark, world);
    await world.pass(5_000);
    expect(changes).toEqual([{ type: 'gap', reason: 'expired', unconfirmed: expect.any(Number) }]);
    expect((changes[0] as { unconfirmed: number }).unconfirmed).toBeGreaterThan(0);
    expect(outcomes).toMatchObject([{ type: 'fresh' }, { type: 'gap', reason: 'expired', unconfirmed: 1 }]);
  });

  it('outlives a client that was silent: the half-open connection is fenced', async () => {
    const world = worldWith(true, { pingInterval: 1_000 });
    const { peer, spark, down, up, outcomes } = await join(world);
    const [pair] = world.network.pairs;
    // Only the client notices: the server goes on sending to no one.
    world.network.breakPair(pair as never, 'client');
    spark.write('into the void');
    peer.client.write('queued');
    await world.pass(100);
    expect(outcomes.at(-1)).toMatchObject({ type: 'resumed', missed: 1 });
    expect(down).toEqual(['into the void']);
    expect(up).toEqual(['queued']);
    // The old end is fenced: whatever it says is not heard.
    const old = (pair as unknown as { server: { observer: { next?: (frame: string) => void } } }).server.observer;
    expect(old.next).toBeUndefined();
    await world.pass(10_000);
    expect(spark.readyState).toBe(3);
    expect(spark.away).toBe(false);
  });

  it('stays away when the new connection is lost while the answer is sent', async () => {
    const world = worldWith();
    const { spark, outcomes } = await join(world);
    const pair = world.network.pair.bind(world.network);
    world.network.pair = (...limits) => {
      const ends = pair(...limits);
      const [server] = ends;
      const send = server.send.bind(server);
      server.send = (frame) => {
        if (!String(frame).includes('resumed')) return send(frame);
        world.network.down = true;
        server.drop(dropped());
      };
      return ends;
    };
    world.network.cut();
    await world.pass(100);
    expect(world.network.down).toBe(true);
    expect(spark.away).toBe(true);
    world.network.pair = pair;
    world.network.down = false;
    world.network.cut();
    await world.pass(100);
    expect(outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    expect(spark.away).toBe(false);
  });

  it('lets the heartbeat leave it out while it is away', async () => {
    const world = worldWith({ window: 60_000 }, { pingInterval: 1_000 });
    const { spark } = await join(world);
    world.network.down = true;
    world.network.cut();
    await world.pass(50_000);
    expect(spark.away).toBe(true);
    expect(spark.readyState).toBe(3);
  });

  it.each([500, 600, 700, 750, 800, 850, 900])(
    'acknowledges nothing on a connection before it has the answer, lost after %i ms',
    async (ms) => {
      const world = new World({ latency: 100, server: { resume: true, pingInterval: false } });
      onTestFinished(() => world.destroy());
      const { peer, outcomes } = observe(world);
      await world.pass(2_000);
      const spark = world.findSpark(peer) as Spark;
      const early: string[] = [];
      peer.client.resume$.subscribe(() =>
        early.push(...(world.network.pairs.at(-1)?.up ?? []).filter((frame) => frame.includes('::ack::'))),
      );
      spark.write('due after a second');
      await world.pass(ms);
      world.network.cut();
      await world.pass(2_000);
      expect(outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
      // The server would take it for a proof that the client has the new token.
      expect(early).toEqual([]);
    },
  );

  it('leaves no timer behind when it ends while it is away', async () => {
    const world = worldWith();
    const { peer, spark } = await join(world);
    world.network.down = true;
    world.network.cut();
    await world.pass(20);
    spark.end();
    peer.client.destroy();
    await world.stop();
    await world.pass(10);
    expect(world.clock.pending).toBe(0);
  });

  it('ignores an answer of the server that is decoded when its connection is lost, and begins again', async () => {
    const world: World = worldWith(true, { parser: slowParser(5, (run, ms) => world.clock.schedule(run, ms)) });
    const { peer, outcomes, up, down } = observe(world);
    // The answer has arrived, and is being decoded.
    for (let waited = 0; (world.network.pairs[0]?.down.length ?? 0) === 0; waited++) {
      expect(waited).toBeLessThan(100);
      await world.pass(1);
    }
    await world.pass(2);
    expect(outcomes).toEqual([]);
    world.network.cut();
    for (let count = 0; count < 10; count++) peer.client.write(count);
    await world.pass(500);
    expect(outcomes).toEqual([{ type: 'fresh' }]);
    expect(up).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(down.at(-1)).toBe('welcome');
  });

  it('delivers nothing twice when a connection is lost before its answer is decoded', async () => {
    const world: World = worldWith(true, { parser: slowParser(2, (run, ms) => world.clock.schedule(run, ms)) });
    const { peer, outcomes, up, down } = observe(world);
    await world.pass(50);
    const spark = world.findSpark(peer) as Spark;
    let count = 0;
    const write = (messages: number) => {
      for (const last = count + messages; count < last; count++) {
        peer.client.write(count);
        spark.write(count);
      }
    };
    write(5);
    world.network.cut();
    for (let lost = 0; lost < 30; lost++) {
      write(5);
      // Each time the answer, and the messages behind it, have come so far.
      await world.pass(20 + lost);
      world.network.cut();
    }
    await world.pass(5_000);
    const all = Array.from({ length: count }, (_, index) => index);
    expect(up).toEqual(all);
    expect(down).toEqual(['welcome', ...all]);
    expect(outcomes.filter(({ type }) => type !== 'resumed')).toEqual([{ type: 'fresh' }]);
  });

  it('reports messages that were encoded while a server without sessions was asked', async () => {
    const world: World = worldWith(false, { parser: slowParser(5, (run, ms) => world.clock.schedule(run, ms)) });
    const { peer, outcomes, up, errors } = observe(world, { resume: true });
    await world.pass(100);
    for (let count = 0; count < 10; count++) peer.client.write(count);
    await world.pass(12);
    world.network.cut();
    await world.pass(500);
    expect(outcomes).toMatchObject([
      { type: 'gap', reason: 'unsupported', unconfirmed: 0 },
      { type: 'gap', reason: 'unsupported' },
    ]);
    const { unconfirmed, resend } = outcomes.at(-1) as Resume & { type: 'gap' };
    expect(unconfirmed).toBeGreaterThan(0);
    expect(up).toHaveLength(10 - errors.length - unconfirmed);
    resend();
    await world.pass(100);
    expect(new Set(up).size).toBe(10 - errors.length);
  });

  it('was away for no negative time when the clock is set back meanwhile', async () => {
    const world = worldWith();
    const { outcomes, changes } = await join(world);
    const { now } = world.clock;
    world.network.cut();
    await world.pass(5);
    world.clock.now = () => now.call(world.clock) - 1_000_000;
    await world.pass(100);
    expect(outcomes.at(-1)).toMatchObject({ type: 'resumed', away: 0 });
    expect(changes.at(-1)).toMatchObject({ type: 'resumed', away: 0 });
  });

  it('leaves no timer behind', async () => {
    const world = worldWith();
    const { peer, spark } = await join(world);
    spark.write(1);
    peer.client.write(2);
    world.network.cut();
    await world.pass(50);
    peer.client.destroy();
    await world.stop();
    await world.pass(10);
    expect(world.clock.pending).toBe(0);
  });
});
