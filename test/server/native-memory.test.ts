import { fromEvent, of } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import type { HeartbeatTargets } from '../../src/server/heartbeat.js';
import { limitNativeMemory, nativeMemory } from '../../src/server/native-memory.js';
import { type Peer, World } from '../support/world.js';
import { watchForCrashes } from './crashes.js';

watchForCrashes();

const LIMIT = 1_000_000;

let world: World;
let memory: number;
let log: string[];
let subscription: ReturnType<typeof limitNativeMemory>;

beforeEach(() => {
  world = new World({ server: { pingInterval: false } });
  memory = 500_000;
  log = [];
  const targets: HeartbeatTargets = {
    get byId() {
      return new Map(Object.entries(world.primus.connections));
    },
    sharesPing: () => true,
    ping: (connections) => {
      for (const connection of connections) connection.ping();
    },
  };
  subscription = limitNativeMemory({
    targets,
    arrival$: fromEvent(world.primus, 'connection'),
    limit: LIMIT,
    scheduler: world.clock,
    log: (_level, message) => log.push(message),
    measure: () => memory,
  });
});

afterEach(async () => {
  subscription.unsubscribe();
  await world.destroy();
});

/** Two clients, one of which answers nothing from now on. */
async function pair() {
  const [peer, silent] = [world.connect(), world.connect()];
  await world.pass(100);
  const [spark, other] = [world.findSpark(peer), world.findSpark(silent)] as [Spark, Spark];
  const errors: unknown[] = [];
  other.on('error', (error) => errors.push(error));
  let pings = 0;
  spark.on('outgoing::ping', () => pings++);
  return { peer, silent, spark, other, errors, pings: () => pings };
}

describe('limitNativeMemory', () => {
  it('terminates the clients that answer nothing once memory has grown by the limit, and leaves the others', async () => {
    const { silent, spark, errors } = await pair();
    for (const { client } of world.network.pairsOf(silent)) client.send = () => {};
    memory += LIMIT + 1;
    await world.pass(7_000);
    expect(spark.readyState).toBe(3);
    expect(errors).toMatchObject([{ code: 'ERR_PRIMUS_MEMORY', reason: 'memory' }]);
    expect(log).toEqual([
      `The engine has taken ${LIMIT + 1} bytes (\`maxMemory\` is ${LIMIT}): 1 clients that answered nothing were terminated`,
    ]);
  });

  it('leaves sessions alone that are away, before or meanwhile', async () => {
    await world.destroy();
    world = new World({ server: { pingInterval: false, resume: true } });
    const sparks: Spark[] = [];
    world.primus.on('connection', (spark: Spark) => sparks.push(spark));
    for (let count = 0; count < 2; count++)
      world.network.dial({
        url: 'http://world/primus?_primus_session=0',
        maxLength: 1_000,
        accepted: (link) => {
          link.subscribe({});
          link.send(JSON.stringify('primus::ack::0'));
        },
        rejected: () => {},
      });
    await world.pass(100);
    const ends = world.network.pairs;
    subscription.unsubscribe();
    subscription = limitNativeMemory({
      targets: { byId: new Map(sparks.map((spark) => [spark.id, spark])), sharesPing: () => true, ping: () => {} },
      arrival$: of(0),
      limit: LIMIT,
      scheduler: world.clock,
      log: (_level, message) => log.push(message),
      measure: () => memory,
    });
    world.network.breakPair(ends[0] as never);
    memory += LIMIT + 1;
    await world.pass(3_000);
    world.network.breakPair(ends[1] as never);
    await world.pass(4_000);
    expect(sparks.map(({ away, readyState }) => [away, readyState])).toEqual([
      [true, 3],
      [true, 3],
    ]);
    expect(log).toEqual([]);
  });

  describe('where the engine keeps buffers', () => {
    /** Three clients, for which so many bytes are kept, and what becomes of them. */
    async function retaining(...bytes: number[]) {
      const peers = bytes.map(() => world.connect({ reconnect: { min: 60_000 } }));
      await world.pass(100);
      const sparks = peers.map((peer) => world.findSpark(peer) as Spark);
      const pinged: boolean[] = [];
      for (const [index, spark] of sparks.entries()) {
        Object.assign(spark.connection.link as object, { retained: bytes[index] });
        spark.on('end', () => (memory -= bytes[index] as number));
        spark.on('outgoing::ping', () => (pinged[index] = true));
      }
      return { peers, pinged, open: () => sparks.map(({ readyState }) => readyState === 3) };
    }

    it('closes the connections with the largest ones, as many as it needs to, and asks no other', async () => {
      const { open, pinged } = await retaining(600_000, 800_000, 700_000);
      memory += 2_100_000;
      await world.pass(10_000);
      expect(open()).toEqual([true, false, false]);
      expect(pinged).toEqual([]);
      expect(log).toEqual([
        `The engine has taken 2100000 bytes (\`maxMemory\` is ${LIMIT}): 2 clients that had needed the largest buffers were closed, as it keeps those`,
      ]);
    });

    it('asks all clients when that is not enough', async () => {
      const { peers, open } = await retaining(600_000, 0, 0);
      for (const { client } of world.network.pairsOf(peers[1] as Peer)) client.send = () => {};
      memory += 3_000_000;
      await world.pass(6_500);
      expect(open()).toEqual([false, false, true]);
    });

    it('closes those of which it is not sure, as they are small, when all have answered', async () => {
      const { open, pinged } = await retaining(500_000, 400_000, 0);
      memory += LIMIT + 1;
      await world.pass(5_800);
      expect(open()).toEqual([true, true, true]);
      await world.pass(1_000);
      expect(open()).toEqual([false, true, true]);
      expect(pinged).toEqual([true, true, true]);
    });
  });

  it('asks no client below the limit', async () => {
    const { pings } = await pair();
    memory += LIMIT;
    await world.pass(3_000);
    expect(pings()).toBe(0);
    expect(log).toEqual([]);
  });

  it('leaves all clients that answer, and counts what comes on top again', async () => {
    const { spark, other, pings } = await pair();
    memory += LIMIT + 1;
    await world.pass(30_000);
    expect([spark.readyState, other.readyState, log]).toEqual([3, 3, []]);
    const before = pings();
    memory += LIMIT;
    await world.pass(2_000);
    expect(pings()).toBeGreaterThan(before);
  });

  it('reads the memory of the process', () => {
    expect(nativeMemory()).toBeGreaterThan(0);
  });
});
