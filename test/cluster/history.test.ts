import { describe, expect, it } from 'vitest';
import { ClusterWorld } from './cluster-world.js';

/** Two nodes, and a client of the first one that has received one message. */
async function start(): Promise<ClusterWorld> {
  const world = new ClusterWorld(['n1', 'n2'], 1);
  world.connect(0, 'n1');
  world.subscribe(0, 'position');
  await world.pass(50);
  world.publish('n1', 1);
  await world.pass(50);
  return world;
}

describe('the history of a channel', () => {
  it('does not deliver again what a client has received from a faster node', async () => {
    const world = await start();
    world.engine.faultsOf('n2').delay = 400;
    world.publish('n1', 2);
    await world.pass(50);
    world.connect(0, 'n2');
    await world.pass(1_000);
    expect(world.clients[0]?.gaps).toEqual([]);
    await world.converge();
    await world.destroy();
  });

  it('has no gap for a client that knows a new epoch before its node does', async () => {
    const world = await start();
    world.engine.faultsOf('n2').delay = 400;
    world.engine.loseHistory();
    world.publish('n1', 2);
    await world.pass(50);
    expect(world.clients[0]?.gaps).toEqual(['epoch']);
    world.connect(0, 'n2');
    await world.pass(1_000);
    expect(world.clients[0]?.gaps).toEqual(['epoch']);
    await world.converge();
    await world.destroy();
  });

  it('does not deliver again what a client has received before it subscribed without an engine', async () => {
    const world = await start();
    await world.stop('n2', false);
    world.engine.down();
    world.start('n2');
    world.connect(0, 'n2');
    await world.pass(6_000);
    expect(world.clients[0]?.gaps).toEqual(['engine']);
    world.engine.up();
    await world.pass(3_000);
    expect(world.clients[0]?.gaps).toEqual(['engine', 'engine']);
    await world.converge();
    await world.destroy();
  });

  it('delivers nothing again when the engine is restarted, and what was published while the node was away', async () => {
    const world = await start();
    world.publish('n1', 4);
    await world.pass(50);
    world.engine.faultsOf('n1').drop = 1;
    world.publish('n2', 1);
    await world.pass(50);
    expect(world.clients[0]?.position?.offset).toBe(5);
    world.engine.restart();
    world.engine.up();
    await world.pass(1_000);
    expect(world.clients[0]?.gaps).toEqual(['epoch']);
    expect(world.clients[0]?.offsets).toEqual([6]);
    world.subscribe(0, null);
    await world.pass(50);
    expect(world.clients[0]?.offsets).toEqual([1, 2, 3, 4, 5, 6]);
    await world.converge();
    await world.destroy();
  });

  it('gives a late joiner what a copy has that took over', async () => {
    const world = await start();
    world.publish('n1', 4);
    await world.pass(50);
    world.failOver(2, 1);
    world.engine.up();
    await world.pass(1_000);
    expect(world.clients[0]?.gaps).toEqual(['epoch']);
    world.subscribe(0, null);
    await world.pass(50);
    expect(world.clients[0]?.offsets).toEqual([1, 2, 3, 4]);
    await world.converge();
    await world.destroy();
  });

  it.each([0, 1])('notices two copies that take over one after the other, with %i entries of their own', async (appended) => {
    const world = await start();
    world.publish('n1', 4);
    await world.pass(50);
    for (let count = 0; count < 2; count++) {
      world.failOver(1, appended);
      world.engine.up();
      await world.pass(1_000);
    }
    expect(world.clients[0]?.gaps).toEqual(['epoch', 'epoch']);
    await world.converge();
    await world.destroy();
  });
});
