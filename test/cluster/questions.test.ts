import { NEVER, Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { printPacket } from '../../src/cluster/packets.js';
import { ClusterWorld, LEASE, type Node } from './cluster-world.js';

/** Two nodes, and a handler that counts the questions that it is answering, and never completes. */
async function start() {
  const world = new ClusterWorld(['n1', 'n2'], 0);
  const [one, two] = [...world.nodes.values()] as [Node, Node];
  const counts = { open: 0 };
  one.cluster.handle(
    'endless',
    () =>
      new Observable(() => {
        counts.open += 1;
        return () => {
          counts.open -= 1;
        };
      }),
  );
  two.cluster.handle('endless', () => NEVER);
  await world.pass(50);
  const ask = (id: string) =>
    world.engine.forge(
      'all',
      printPacket({ header: { kind: 'ask', from: 'n2', instance: 'i', id, name: 'endless', limit: 1e300 }, frame: undefined }),
    );
  return { world, one, two, counts, ask };
}

describe('the questions of other nodes', () => {
  it('are answered once each, however often the engine delivers them', async () => {
    const { world, counts, ask } = await start();
    for (let count = 0; count < 2_000; count++) ask('i 1');
    await world.pass(10);
    expect(counts.open).toBe(1);
    await world.destroy();
    expect(counts.open).toBe(0);
  });

  it('are bounded in number', async () => {
    const { world, counts, ask } = await start();
    for (let count = 0; count < 2_000; count++) ask(`i ${count}`);
    await world.pass(10);
    expect(counts.open).toBe(1_000);
    await world.destroy();
    expect(counts.open).toBe(0);
  });

  it.each([
    ['dies', true],
    ['leaves', false],
  ])('are answered no longer when their node %s', async (_title, dies) => {
    const { world, one, two, counts } = await start();
    two.cluster.ask('endless', null, { timeout: '1 hour' }).subscribe();
    await world.pass(50);
    expect(counts.open).toBe(1);
    await world.stop('n2', dies);
    await world.pass(2 * LEASE);
    expect(one.cluster.nodes).toEqual(['n1']);
    expect(counts.open).toBe(0);
    await world.destroy();
  });
});
