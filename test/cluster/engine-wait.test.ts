import { describe, expect, it } from 'vitest';
import { ClusterWorld, type Node } from './cluster-world.js';

/** One node whose engine does not answer, and a client that subscribes to 20 channels and then sends a message of its own. */
async function start(fault: (world: ClusterWorld) => void) {
  const world = new ClusterWorld(['n1'], 0);
  const node = world.nodes.get('n1') as Node;
  node.cluster.channels({ name: /^open\d*$/, history: { size: 3, ttl: 60_000 } });
  await world.pass(50);
  const { send, received } = world.raw(node);
  await world.pass(10);
  const delivered: unknown[] = [];
  node.primus.forEach((spark) => {
    spark.on('data', (data) => delivered.push(data));
  });
  fault(world);
  for (let number = 0; number < 20; number++) send(['primus::subscribe', `open${number}`, null]);
  send('a message of the application');
  return { world, node, received, delivered, send };
}

describe('a client that subscribes while the engine does not answer', () => {
  it.each<[string, (world: ClusterWorld) => void]>([
    ['is away', (world) => world.engine.down()],
    [
      'hangs',
      (world) => {
        const { slow } = world.engine.faultsOf('n1');
        slow.listen = slow.read = 15_000;
      },
    ],
  ])('waits once, not for every channel, when the engine %s', async (_title, fault) => {
    const { world, node, received, delivered, send } = await start(fault);
    await world.pass(10_000);
    expect(received.map(([type, channel, outcome]) => [type, channel, outcome])).toEqual(
      Array.from({ length: 20 }, (_, number) => ['primus::subscribed', `open${number}`, 'gap']),
    );
    expect(delivered).toEqual(['a message of the application']);
    // When the engine answers again, they wait for it as before.
    world.engine.heal();
    await world.pass(30_000);
    received.length = 0;
    const { slow } = world.engine.faultsOf('n1');
    slow.read = 1_000;
    send(['primus::subscribe', 'open99', null]);
    await world.pass(2_000);
    expect(received).toEqual([['primus::subscribed', 'open99', 'live', ['e1', 0]]]);
    expect(node.cluster.state).toBe('up');
    world.violations.length = 0;
    await world.destroy();
  });
});
