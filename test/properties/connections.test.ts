import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { World } from '../support/world.js';

const CLIENTS = 1_000;

/** The largest number of times within any window of so many ms. */
function densest(times: readonly number[], width: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  let first = 0;
  return sorted.reduce((most, time, last) => {
    while ((sorted[first] as number) <= time - width) first++;
    return Math.max(most, last - first + 1);
  }, 0);
}

/** Connects all clients to one server. */
async function connectAll(seed: number): Promise<World> {
  const world = new World({ latency: 5, seed });
  for (let count = 0; count < CLIENTS; count++) world.connect();
  await world.pass(20);
  expect(world.primus.connected).toBe(CLIENTS);
  expect(world.network.alive).toBe(CLIENTS);
  return world;
}

async function settled(world: World): Promise<void> {
  expect(world.primus.connected).toBe(CLIENTS);
  expect(world.network.alive).toBe(CLIENTS);
  for (const peer of world.peers) {
    expect(peer.client.state.name).toBe('open');
    expect(world.network.pairsOf(peer)).toHaveLength(1);
  }
  await world.destroy();
  expect([world.clock.pending, world.network.alive]).toEqual([0, 0]);
}

describe(`${CLIENTS} clients`, () => {
  it('reconnect after a network failure, each once, and not all at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const world = await connectAll(seed);
        world.network.dials.length = 0;
        world.network.cut();
        expect(world.network.alive).toBe(0);
        await world.pass(2_000);
        expect(world.network.dials).toHaveLength(CLIENTS);
        expect(densest(world.network.dials, 100)).toBeLessThanOrEqual(CLIENTS / 4);
        await settled(world);
      }),
      { numRuns: 1 },
    );
  });

  it('reconnect after a restart that takes a while, and not all at the same time', async () => {
    const world = await connectAll(7);
    world.network.dials.length = 0;
    await world.stop({ reconnect: true });
    await world.pass(5_000);
    expect(world.network.dials.length, 'each client has tried and failed').toBeGreaterThanOrEqual(CLIENTS);
    expect(densest(world.network.dials, 100)).toBeLessThanOrEqual(CLIENTS / 4);
    world.start();
    await world.pass(20_000);
    expect(densest(world.network.dials, 100)).toBeLessThanOrEqual(CLIENTS / 4);
    await settled(world);
  });
});
