import { describe, expect, it, vi } from 'vitest';
import { ClusterWorld, type Node } from './cluster-world.js';

const BUS = ['publish', 'listen', 'unlisten'] as const;
const LOG = ['append', 'read'] as const;

/** Two nodes, whose commands to the engine are counted. */
async function start(clients: number) {
  const world = new ClusterWorld(['n1', 'n2'], clients);
  await world.pass(2_000);
  const spies = [...world.engine.buses].flatMap((bus) => [
    ...BUS.map((name) => [name, vi.spyOn(bus, name)] as const),
    ...LOG.map((name) => [name, vi.spyOn(bus.log, name)] as const),
  ]);
  /** The commands of so much time, and of what happens at its beginning. */
  const during = async (ms: number, begin = () => {}) => {
    for (const [, spy] of spies) spy.mockClear();
    begin();
    await world.pass(ms);
    const counted: Record<string, number> = {};
    for (const [name, { mock }] of spies) if (mock.calls.length > 0) counted[name] = (counted[name] ?? 0) + mock.calls.length;
    return counted;
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
