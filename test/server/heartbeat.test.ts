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
  const spark = world.sparkOf(peer) as Spark;
  const ended: number[] = [];
  const errors: (Error & { code?: string })[] = [];
  spark.on('end', () => ended.push(world.clock.now()));
  spark.on('error', (error) => errors.push(error));
  return { peer, spark, ended, errors };
}

describe('the heartbeat of the server', () => {
  it('asks each connection once a period, and tells how long the answer took', async () => {
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

  it('tells nothing of an answer whose listener has ended the connection', async () => {
    const { spark } = await pair();
    const events: string[] = [];
    for (const name of ['incoming::pong', 'end', 'heartbeat'] as const) spark.on(name, () => events.push(name));
    spark.on('incoming::pong', () => spark.end());
    await world.pass(2 * PERIOD);
    expect(events).toEqual(['incoming::pong', 'end']);
  });

  it('cuts a peer that is silent within two periods, with an error that says so', async () => {
    const { spark, ended, errors } = await pair();
    const gone: Spark[] = [];
    world.primus.on('disconnection', (lost) => gone.push(lost));
    const [line] = world.network.lines;
    // The client's end is gone without a word: nothing it sends arrives any more.
    Object.assign(line?.client as object, { send() {} });
    const from = world.clock.now();
    await world.pass(2 * PERIOD);
    expect(ended).toHaveLength(1);
    expect((ended[0] as number) - from).toBeLessThanOrEqual(2 * PERIOD);
    expect(errors).toMatchObject([{ name: 'LinkError', code: 'ERR_PRIMUS_SILENCE' }]);
    expect(gone).toEqual([spark]);
    expect(spark.readyState).toBe(2);
  });

  it('takes any frame that arrives for a sign of life', async () => {
    const { peer, ended } = await pair();
    const [line] = world.network.lines;
    const end = line?.client as unknown as { send(frame: string): void };
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

  it('takes a frame that cannot be decoded for a sign of life, too', async () => {
    const { ended } = await pair();
    const [line] = world.network.lines;
    const end = line?.client as unknown as { send(frame: string): void };
    const { send } = end;
    end.send = () => {};
    for (let period = 0; period < 5; period++) {
      await world.pass(PERIOD);
      send.call(end, '{');
    }
    expect(ended).toEqual([]);
  });

  it('does not blame a peer for what is not read by our own choice', async () => {
    const { spark, peer, ended } = await pair();
    spark.pause();
    await world.pass(5 * PERIOD);
    expect(ended).toEqual([]);
    expect(peer.client.readyState).toBe(3);
    spark.resume();
    await world.pass(5 * PERIOD);
    expect(ended).toEqual([]);
  });

  it('asks nobody when it is off', async () => {
    const { spark, peer, ended } = await pair({ server: { pingInterval: false } });
    const asked = vi.fn();
    spark.on('outgoing::ping', asked);
    Object.assign(world.network.lines[0]?.client as object, { send() {} });
    await world.pass(100 * PERIOD);
    expect(asked).not.toHaveBeenCalled();
    expect(ended).toEqual([]);
    expect(peer.client.options.pingTimeout).toBe(false);
  });

  it('follows pingInterval, as a text too, and the client waits one and a half of it', async () => {
    const { spark, peer } = await pair({ server: { pingInterval: '2 s' } });
    const asked: number[] = [];
    spark.on('outgoing::ping', (stamp) => asked.push(stamp));
    await world.pass(10_000);
    expect(asked).toHaveLength(5);
    expect(peer.client.options.pingTimeout).toBe(3_000);
    expect(world.primus.spec.pingInterval).toBe(2_000);
  });

  it('stamps whole milliseconds, whatever the clock', async () => {
    world = new World();
    const { clock } = world;
    const now = clock.now.bind(clock);
    clock.now = () => now() + 0.25;
    const peer = world.connect();
    await world.pass(1_000);
    const spark = world.sparkOf(peer) as Spark;
    const ended = vi.fn();
    spark.on('end', ended);
    await world.pass(5 * PERIOD);
    expect(ended).not.toHaveBeenCalled();
  });

  it('needs one timer, however many there are, and none after destroy', async () => {
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

  it('spreads a fleet over the period', async () => {
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

  it('gives neighbours in time different beats', () => {
    expect(new Set(Array.from({ length: 16 }, (_, count) => slotOf(count))).size).toBe(16);
  });
});
