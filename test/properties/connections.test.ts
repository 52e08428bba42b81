import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Primus as Client } from '../../client/primus.js';
import { createTestWorld, type TestWorld } from '../../src/testing.js';

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

/** Connects all clients to one server. `dials` gets the time of each attempt to connect. */
async function connectAll(seed: number) {
  const world = createTestWorld({ latency: 5, seed });
  const dials: number[] = [];
  const clients = Array.from({ length: CLIENTS }, () => world.client().on('outgoing::open', () => dials.push(world.now())));
  await world.advance(20);
  expect(world.server.connected).toBe(CLIENTS);
  expect(world.network.alive).toBe(CLIENTS);
  expect(dials.splice(0)).toHaveLength(CLIENTS);
  return { world, clients, dials };
}

/** Each client is open, and has one connection: there are as many as clients at both ends. */
async function settled({ world, clients }: { world: TestWorld; clients: readonly Client[] }): Promise<void> {
  expect(world.server.connected).toBe(CLIENTS);
  expect(world.network.alive).toBe(CLIENTS);
  const links = new Set(clients.map(({ connection }) => connection.link));
  expect(links.size).toBe(CLIENTS);
  for (const client of clients) expect(client.state.name).toBe('open');
  await world.destroy();
  expect([world.pending, world.network.alive]).toEqual([0, 0]);
}

describe(`${CLIENTS} clients`, () => {
  it('reconnect after a network failure, each once, and not all at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const scene = await connectAll(seed);
        const { world, dials } = scene;
        world.network.cut();
        expect(world.network.alive).toBe(0);
        world.network.heal();
        await world.advance(2_000);
        expect(dials).toHaveLength(CLIENTS);
        expect(densest(dials, 100)).toBeLessThanOrEqual(CLIENTS / 4);
        await settled(scene);
      }),
      { numRuns: 1 },
    );
  });

  it('reconnect after a restart that takes a while, and not all at the same time', async () => {
    const scene = await connectAll(7);
    const { world, dials } = scene;
    await world.stop({ reconnect: true });
    await world.advance(5_000);
    expect(dials.length, 'each client has tried and failed').toBeGreaterThanOrEqual(CLIENTS);
    expect(densest(dials, 100)).toBeLessThanOrEqual(CLIENTS / 4);
    world.start();
    await world.advance(20_000);
    expect(densest(dials, 100)).toBeLessThanOrEqual(CLIENTS / 4);
    await settled(scene);
  });
});
