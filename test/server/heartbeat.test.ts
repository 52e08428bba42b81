import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Spark } from '../../src/index.js';
import { slotOf } from '../../src/server/heartbeat.js';
import { World, type WorldOptions } from '../support/world.js';
import { watchForCrashes } from './crashes.js';

watchForCrashes();

const PERIOD = 30_000;

let world: World;

afterEach(() => world?.destroy());

/** A world with one client that is connected, and its spark. */
async function pair(options: WorldOptions = {}) {
  world = new World(options);
  const peer = world.connect();
  await world.pass(1_000);
  const spark = world.findSpark(peer) as Spark;
  const ended: number[] = [];
  const errors: (Error & { code?: string })[] = [];
  spark.on('end', () => ended.push(world.clock.now()));
  spark.on('error', (error) => errors.push(error));
  return { peer, spark, ended, errors };
}

describe('the heartbeat of the server', () => {
  it('pings each connection once a period, and emits the latency', async () => {
    const { spark, peer, ended } = await pair({ latency: 20 });
    const asked: number[] = [];
    const latencies: number[] = [];
    const stamps: number[] = [];
    const heartbeats: number[] = [];
    spark.on('outgoing::ping', (stamp) => asked.push(stamp));
    spark.on('heartbeat', (latency) => latencies.push(latency));
    spark.heartbeat$.subscribe((latency) => heartbeats.push(latency));
    peer.client.on('incoming::ping', (stamp) => stamps.push(stamp));
    await world.pass(10 * PERIOD);
    expect(asked).toHaveLength(10);
    expect(asked.slice(1).map((stamp, index) => stamp - (asked[index] as number))).toEqual(Array(9).fill(PERIOD));
    expect(stamps).toEqual(asked);
    expect(latencies).toEqual(Array(10).fill(40));
    expect(heartbeats).toEqual(latencies);
    expect(ended).toEqual([]);
  });

  it('sends the time, which the client sends back unchanged', async () => {
    const { spark } = await pair({ latency: 20 });
    const asked: number[] = [];
    const answered: number[] = [];
    spark.on('outgoing::ping', (stamp) => asked.push(stamp)).on('incoming::pong', (stamp) => answered.push(stamp));
    const [link] = world.network.pairs;
    const from = world.clock.now();
    await world.pass(2 * PERIOD);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toBeGreaterThan(from);
    expect(answered).toEqual(asked);
    expect(link?.down.slice(-2)).toEqual(asked.map((stamp) => `"primus::ping::${stamp}"`));
    expect(link?.up.slice(-2)).toEqual(asked.map((stamp) => `"primus::pong::${stamp}"`));
  });

  it('calls a heartbeat that was replaced, in place of the ping, and reports its error', async () => {
    const { spark, errors } = await pair();
    const { heartbeat } = spark;
    const pings: number[] = [];
    const calls: unknown[] = [];
    spark.on('outgoing::ping', (stamp) => pings.push(stamp));
    spark.heartbeat = function (...args: []) {
      calls.push([this === spark, args.length]);
      if (calls.length > 1) throw new Error('no heartbeat');
      heartbeat.call(this);
    };
    await world.pass(2 * PERIOD);
    expect([calls, pings.length, errors.map(({ message }) => message)]).toEqual([
      [
        [true, 0],
        [true, 0],
      ],
      1,
      ['no heartbeat'],
    ]);
  });

  it('pings a connection on demand, and terminates it on the next demand if nothing was received', async () => {
    const { spark, errors, ended } = await pair();
    const pings: number[] = [];
    spark.on('outgoing::ping', (stamp) => pings.push(stamp));
    spark.heartbeat();
    spark.heartbeat();
    spark.heartbeat();
    expect([pings.length, errors.map(({ code }) => code), ended.length]).toEqual([1, ['ERR_PRIMUS_SILENCE'], 1]);
  });

  it('emits no heartbeat when a listener of incoming::pong has ended the connection', async () => {
    const { spark } = await pair();
    const events: string[] = [];
    for (const name of ['incoming::pong', 'end', 'heartbeat'] as const) spark.on(name, () => events.push(name));
    spark.on('incoming::pong', () => spark.end());
    await world.pass(2 * PERIOD);
    expect(events).toEqual(['incoming::pong', 'end']);
  });

  it('terminates a silent connection within two periods, with the error ERR_PRIMUS_SILENCE', async () => {
    const { spark, ended, errors } = await pair();
    const gone: Spark[] = [];
    world.primus.on('disconnection', (lost) => gone.push(lost));
    const [link] = world.network.pairs;
    // The connection is dead: no frame of the client arrives any more.
    Object.assign(link?.client as object, { send() {} });
    const from = world.clock.now();
    await world.pass(2 * PERIOD);
    expect(ended).toHaveLength(1);
    expect((ended[0] as number) - from).toBeLessThanOrEqual(2 * PERIOD);
    expect(errors).toMatchObject([{ name: 'LinkError', code: 'ERR_PRIMUS_SILENCE' }]);
    expect(gone).toEqual([spark]);
    expect(spark.readyState).toBe(2);
  });

  it('counts every frame as activity', async () => {
    const { peer, ended } = await pair();
    const [link] = world.network.pairs;
    const end = link?.client as unknown as { send(frame: string): void };
    const { send } = end;
    // A client whose pongs are lost, but not its messages.
    end.send = function (frame) {
      if (!frame.includes('primus::pong')) send.call(this, frame);
    };
    for (let period = 0; period < 10; period++) {
      await world.pass(PERIOD);
      peer.client.write('still here');
    }
    expect(ended).toEqual([]);
    await world.pass(2 * PERIOD);
    expect(ended).toHaveLength(1);
  });

  it('counts a frame that cannot be decoded as activity', async () => {
    const { ended } = await pair();
    const [link] = world.network.pairs;
    const end = link?.client as unknown as { send(frame: string): void };
    const { send } = end;
    end.send = () => {};
    for (let period = 0; period < 5; period++) {
      await world.pass(PERIOD);
      send.call(end, '{');
    }
    expect(ended).toEqual([]);
  });

  it('keeps a connection that is paused on the server', async () => {
    const { spark, peer, ended } = await pair();
    spark.pause();
    await world.pass(5 * PERIOD);
    expect(ended).toEqual([]);
    expect(peer.client.readyState).toBe(3);
    spark.resume();
    await world.pass(5 * PERIOD);
    expect(ended).toEqual([]);
  });

  it('sends no pings when pingInterval is false', async () => {
    const { spark, peer, ended } = await pair({ server: { pingInterval: false } });
    const asked = vi.fn();
    spark.on('outgoing::ping', asked);
    Object.assign(world.network.pairs[0]?.client as object, { send() {} });
    await world.pass(100 * PERIOD);
    expect(asked).not.toHaveBeenCalled();
    expect(ended).toEqual([]);
    expect(peer.client.options.pingTimeout).toBe(false);
  });

  it('follows pingInterval, also as a string, and the client waits 1.5 times as long', async () => {
    const { spark, peer } = await pair({ server: { pingInterval: '2 s' } });
    const asked: number[] = [];
    spark.on('outgoing::ping', (stamp) => asked.push(stamp));
    await world.pass(10_000);
    expect(asked).toHaveLength(5);
    expect(peer.client.options.pingTimeout).toBe(3_000);
    expect(world.primus.spec.pingInterval).toBe(2_000);
  });

  it('sends whole milliseconds with any clock', async () => {
    world = new World();
    const { clock } = world;
    const now = clock.now.bind(clock);
    clock.now = () => now() + 0.25;
    const peer = world.connect();
    await world.pass(1_000);
    const spark = world.findSpark(peer) as Spark;
    const ended = vi.fn();
    spark.on('end', ended);
    await world.pass(5 * PERIOD);
    expect(ended).not.toHaveBeenCalled();
  });

  it('needs one timer for all connections, and none after destroy', async () => {
    world = new World();
    const before = world.clock.pending;
    for (let count = 0; count < 50; count++) world.connect({ pingTimeout: false, timeout: Number.POSITIVE_INFINITY });
    await world.pass(1_000);
    expect(world.primus.connected).toBe(50);
    // Timers that were cancelled stay on the clock until they are due.
    await world.pass(20 * PERIOD);
    expect(world.clock.pending).toBe(before);
    await world.destroy();
    await world.pass(PERIOD);
    expect(world.clock.pending).toBe(0);
  });

  it('spreads many connections over the period', async () => {
    world = new World();
    for (let count = 0; count < 160; count++) world.connect();
    await world.pass(1_000);
    const asked = new Map<number, number>();
    world.primus.forEach((spark) => {
      spark.on('outgoing::ping', (stamp) => asked.set(stamp, (asked.get(stamp) ?? 0) + 1));
    });
    await world.pass(PERIOD);
    expect([...asked.values()].reduce((sum, count) => sum + count)).toBe(160);
    expect(Math.max(...asked.values())).toBeLessThanOrEqual(20);
  });

  it('gives connections that follow each other different slots', () => {
    expect(new Set(Array.from({ length: 16 }, (_, count) => slotOf(count))).size).toBe(16);
  });
});
