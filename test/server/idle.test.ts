import { afterEach, describe, expect, it } from 'vitest';
import type { ServerOptions, Spark } from '../../src/index.js';
import { World } from '../support/world.js';
import { watchForCrashes } from './crashes.js';

watchForCrashes();

let world: World;

afterEach(() => world?.destroy());

const LIMIT = 60_000;

async function pair(options: ServerOptions = {}) {
  world = new World({ server: { idleTimeout: LIMIT, ...options } });
  const events: string[] = [];
  const peer = world.connect();
  peer.client.on('reconnected', () => events.push('reconnected'));
  await world.pass(100);
  const spark = world.findSpark(peer) as Spark;
  const errors: Error[] = [];
  spark.on('error', (error) => errors.push(error));
  spark.on('end', () => events.push(`end at ${world.clock.now()}`));
  return { peer, spark, events, errors };
}

describe('idleTimeout', () => {
  it('ends a connection whose client answers pings only, with the reason, and the client connects again', async () => {
    const { spark, events, errors } = await pair();
    await world.pass(LIMIT - 100);
    expect(spark.readyState).toBe(3);
    await world.pass(LIMIT / 2);
    expect(spark.readyState).toBe(2);
    expect(errors).toMatchObject([
      { code: 'ERR_PRIMUS_SILENCE', reason: 'idle', message: 'The client has sent no message for 60000 ms (`idleTimeout`)' },
    ]);
    await world.pass(30_000);
    expect(events).toEqual([expect.stringMatching(/^end at/), 'reconnected']);
  });

  it('starts again with every message', async () => {
    const { peer, spark, events } = await pair();
    for (let count = 0; count < 10; count++) {
      await world.pass(LIMIT * 0.9);
      peer.client.write('still here');
      await world.pass(1);
    }
    expect(events).toEqual([]);
    // What the server sends does not count, nor do control messages of the client.
    for (let count = 0; count < 4; count++) {
      await world.pass(LIMIT / 3);
      spark.write('hello?');
      peer.client.id(() => {});
    }
    await world.pass(LIMIT / 4);
    expect(events).toHaveLength(2);
  });

  it('does not end a connection that the application has paused, or whose listeners have not answered', async () => {
    const { spark, events } = await pair();
    spark.connection.pause(true);
    await world.pass(10 * LIMIT);
    expect(events).toEqual([]);
    spark.connection.pause(false);
    await world.pass(LIMIT * 1.5);
    expect(events[0]).toMatch(/^end/);
    await world.destroy();
    world = new World({ server: { idleTimeout: 1_000, connectionTimeout: 60_000 } });
    world.primus.on('connection', (_spark, _next) => {});
    world.connect();
    await world.pass(30_000);
    expect(world.primus.connected).toBe(1);
  });

  it('is off by default, with false and with 0', async () => {
    for (const idleTimeout of [undefined, false, 0] as const) {
      const { events } = await pair({ idleTimeout } as ServerOptions);
      await world.pass(100 * LIMIT);
      expect(events).toEqual([]);
      await world.destroy();
    }
  });

  it('ends 1,000 idle connections, a part at a time', async () => {
    world = new World({ server: { idleTimeout: LIMIT } });
    const sparks: Spark[] = [];
    world.primus.on('connection', (spark) => sparks.push(spark));
    for (let count = 0; count < 1_000; count++) world.connect({ strategy: false });
    await world.pass(100);
    const ends = new Map<number, number>();
    for (const spark of sparks) spark.on('end', () => ends.set(world.clock.now(), (ends.get(world.clock.now()) ?? 0) + 1));
    await world.pass(LIMIT * 1.5);
    expect(world.primus.connected).toBe(0);
    expect(Math.max(...ends.values())).toBeLessThan(100);
  });
});
