import { describe, expect, it, vi } from 'vitest';
import { ClusterWorld, type Node } from './cluster-world.js';

const BUS = ['publish', 'listen', 'unlisten'] as const;
const LOG = ['append', 'read'] as const;

/** Two nodes, whose commands to the engine are counted. */
async function start(clients: number) {
  const world = new ClusterWorld(['n1', 'n2'], clients);
  await world.pass(2_000);
  const counted: Record<string, number> = {};
  for (const bus of world.engine.buses) {
    for (const [target, names] of [
      [bus, BUS],
      [bus.log, LOG],
    ] as const)
      for (const name of names) {
        const spied = target as unknown as Record<string, (...args: unknown[]) => unknown>;
        const original = spied[name] as (...args: unknown[]) => unknown;
        vi.spyOn(spied, name).mockImplementation((...args) => {
          counted[name] = (counted[name] ?? 0) + 1;
          return original.apply(target, args);
        });
      }
  }
  /** The commands of so much time, and of what happens at its beginning. */
  const during = async (ms: number, begin = () => {}) => {
    for (const name of Object.keys(counted)) delete counted[name];
    begin();
    await world.pass(ms);
    return { ...counted };
  };
  return { world, during };
}

describe('the engine of a cluster', () => {
  it('gets no command for a connection', async () => {
    const { world, during } = await start(50);
    const idle = await during(10_000);
    expect(idle).toEqual({ publish: expect.any(Number) });
    for (const number of world.clients.keys()) world.connect(number, number % 2 === 0 ? 'n1' : 'n2');
    const connecting = await during(10_000);
    expect(world.nodes.get('n1')?.primus.connected).toBe(26);
    expect(connecting).toEqual(idle);
    for (const number of world.clients.keys()) world.disconnect(number);
    expect(await during(10_000)).toEqual(idle);
    await world.destroy();
  });

  it('is asked once for what many clients have missed at the same time', async () => {
    const { world, during } = await start(50);
    for (const number of world.clients.keys()) {
      world.connect(number, 'n1');
      world.subscribe(number, 'position');
    }
    await world.pass(100);
    for (const number of world.clients.keys()) world.disconnect(number);
    await world.pass(100);
    world.publish('n2', 5);
    await world.pass(100);
    for (const number of world.clients.keys()) world.connect(number, 'n1');
    const { read = 0 } = await during(1_000);
    expect(read).toBeLessThanOrEqual(1);
    expect(world.clients.every(({ position }) => position?.offset === 5)).toBe(true);
    await world.destroy();
  });

  it('gets a message to a room once, however many members that has', async () => {
    const { world, during } = await start(50);
    const idle = await during(1_000);
    for (const number of world.clients.keys()) world.connect(number, 'n1');
    await world.pass(100);
    const written = await during(1_000, () => world.write('n1', 3));
    expect(written).toEqual({ publish: (idle.publish ?? 0) + 3 });
    const [one] = world.nodes.values() as unknown as [Node];
    expect(world.clients.every(({ rooms }) => rooms.get(one.instance)?.length === 3)).toBe(true);
    await world.destroy();
  });
});
