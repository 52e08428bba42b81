import { describe, expect, it } from 'vitest';
import type { Primus as Client } from '../../client/primus.js';
import { createTestWorld, type TestWorld } from '../../src/testing.js';

const CLIENTS = 20;

/** Creates clients, each with a query parameter that tells its sparks apart. */
function connectAll(world: TestWorld, options: ConstructorParameters<TestWorld['Client']>[1]): Client[] {
  return Array.from({ length: CLIENTS }, (_, name) => new world.Client(`http://world/?peer=${name}`, options));
}

/** The connections of each client, as the server knows them. */
function connectionsOf({ server }: TestWorld): number[] {
  const counts = new Array<number>(CLIENTS).fill(0);
  for (const spark of Object.values(server.connections)) {
    const name = Number(spark?.query.peer);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe('a server that is up for a second and down for a second', () => {
  it('has one connection of each client at most, which waits longer and longer, and no timer is left', async () => {
    const world = createTestWorld({ latency: 5 });
    const { network } = world;
    const before = Number(world.pending);
    const clients = connectAll(world, { reconnect: { retries: Infinity } });
    let most = 0;
    const attempts: number[] = [];
    for (const client of clients) client.on('reconnect', ({ attempt }) => attempts.push(attempt));
    let timers = 0;
    const watch = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 50) {
        await world.advance(50);
        most = Math.max(most, ...connectionsOf(world));
        expect(network.alive).toBeLessThanOrEqual(CLIENTS);
        timers = Math.max(timers, Number(world.pending));
      }
    };
    for (let cycle = 0; cycle < 150; cycle++) {
      await watch(1_000);
      network.cut();
      await watch(1_000);
      network.heal();
    }
    // Connections of less than a second do not end a series: at most some attempts of each client in five minutes, not 150 to 300.
    expect(attempts.length / CLIENTS).toBeLessThan(40);
    expect(Math.max(...attempts)).toBeGreaterThan(5);
    expect(most).toBe(1);
    // Each client has one wait, or a time-out and its heartbeat; frames and ends are under way.
    expect(timers).toBeLessThan(before + CLIENTS * 6);

    for (const client of clients) client.open();
    await world.advance(1_000);
    expect(connectionsOf(world)).toEqual(new Array(CLIENTS).fill(1));
    expect(network.alive).toBe(CLIENTS);
    for (const client of clients) client.end();
    await world.advance(100);
    expect([network.alive, world.server.connected, world.pending]).toEqual([0, 0, before]);
    await world.destroy();
    expect(world.pending).toBe(0);
  });

  it('gets its clients back when it drains again and again, each once', async () => {
    const world = createTestWorld({ latency: 5 });
    const { network } = world;
    connectAll(world, { reconnect: { retries: Infinity, max: '5 s' } });
    for (let cycle = 0; cycle < 50; cycle++) {
      await world.advance(3_000);
      const run = world.server.drain({ over: 500, retryAfter: 1_000 }).subscribe();
      await world.advance(1_000);
      run.unsubscribe();
      await world.restart();
    }
    await world.advance(60_000);
    expect(connectionsOf(world)).toEqual(new Array(CLIENTS).fill(1));
    expect(network.alive).toBe(CLIENTS);
    await world.destroy();
    expect(world.pending).toBe(0);
  });
});
