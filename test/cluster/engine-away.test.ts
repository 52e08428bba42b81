import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../src/cluster.js';
import { ClusterWorld, LEASE, type Node } from './cluster-world.js';

async function start(names: readonly string[] = ['n1', 'n2'], clients = 1): Promise<ClusterWorld> {
  const world = new ClusterWorld(names, clients);
  await world.pass(50);
  return world;
}

const nodeOf = (world: ClusterWorld, name: string) => world.nodes.get(name) as Node;

describe('a node that does not hear its own beats', () => {
  it('is degraded after three, connects again, and looks what it has missed', async () => {
    const world = await start();
    const { cluster, probe } = nodeOf(world, 'n2');
    const states: [ClusterState, number][] = [];
    cluster.state$.subscribe((state) => states.push([state, world.clock.now()]));
    const faults = world.engine.faultsOf('n2');
    faults.isFrozen = true;
    const frozenAt = world.clock.now();
    await world.pass(500);
    world.publish('n1', 2);
    await world.pass(2_400);
    expect(cluster.state).toBe('up');
    expect(probe.position?.offset).toBe(0);
    await world.pass(1_100);
    expect(states.at(-1)?.[0]).toBe('degraded');
    expect((states.at(-1)?.[1] ?? 0) - frozenAt).toBeLessThanOrEqual(4_000);
    faults.isFrozen = false;
    await world.pass(6_000);
    expect(states.map(([state]) => state)).toEqual(['up', 'degraded', 'up']);
    // Nothing was published since: it has asked.
    expect(probe.position?.offset).toBe(2);
    await world.converge();
    await world.destroy();
  });

  it('listens again to a topic that the engine did not confirm, and looks what it has missed', async () => {
    const world = await start();
    const [client] = world.clients;
    await world.stop('n2', false);
    world.start('n3');
    await world.pass(50);
    world.engine.faultsOf('n3').reject.listen = 1;
    world.connect(0, 'n3');
    world.subscribe(0, 'position');
    await world.pass(20);
    expect(client?.isSubscribed).toBe(true);
    world.publish('n1', 1);
    await world.pass(1_500);
    expect(client?.position?.offset).toBe(1);
    await world.converge();
    await world.destroy();
  });

  it('is up in the end when the engine takes longer to confirm the topics than three beats', async () => {
    const world = await start();
    const { slow } = world.engine.faultsOf('n3');
    slow.listen = 4_500;
    world.start('n3');
    const { cluster } = nodeOf(world, 'n3');
    const states: ClusterState[] = [];
    cluster.state$.subscribe((state) => states.push(state));
    await world.pass(12_000);
    expect(states).toEqual(['down', 'up']);
    await world.converge();
    await world.destroy();
  });

  it('is not up when the engine went away before it has confirmed the topics', async () => {
    const world = await start();
    world.engine.down();
    world.engine.faultsOf('n1').slow.listen = 500;
    world.start('n3');
    world.engine.faultsOf('n3').slow.listen = 500;
    await world.pass(50);
    world.engine.up();
    await world.pass(100);
    world.engine.down();
    await world.pass(5_000);
    for (const { cluster } of world.nodes.values()) expect(cluster.state).toBe('down');
    await world.converge();
    await world.destroy();
  });

  it('reports another node of its name', async () => {
    const world = await start(['n1']);
    const first = nodeOf(world, 'n1');
    world.nodes.delete('n1');
    world.start('n1');
    await world.pass(2_000);
    expect(world.violations.length).toBeGreaterThan(0);
    for (const violation of world.violations) expect(violation).toMatch(/has the name 'n1', too/);
    await world.stop('n1', false);
    world.nodes.set('n1', first);
    world.violations.length = 0;
    await world.destroy();
  });
});

describe('a cluster without its engine', () => {
  it('delivers within each process, queues the rest within the outbox, and counts what is lost', async () => {
    const world = await start();
    const one = nodeOf(world, 'n1');
    const two = nodeOf(world, 'n2');
    world.engine.down();
    expect(one.cluster.state).toBe('down');
    world.write('n1', 200);
    await world.pass(10);
    expect(one.probe.rooms.get(one.instance)).toHaveLength(200);
    const lost = one.losses.reduce((sum, { count }) => sum + count, 0);
    expect(lost).toBeGreaterThan(0);
    expect(one.losses.every(({ topic, reason }) => topic === 'room:room' && reason === 'outbox')).toBe(true);
    expect(one.probe.position?.offset).toBe(0);
    await expect(Promise.race([one.cluster.publish('log', 'x'), world.pass(3_000)])).rejects.toThrow('The engine has not answered');
    world.engine.up();
    await world.pass(100);
    expect(two.probe.rooms.get(one.instance)).toHaveLength(200 - lost);
    await world.converge();
    await world.destroy();
  });

  it('counts all that a queued message has', async () => {
    const world = await start();
    const { cluster, losses } = nodeOf(world, 'n1');
    world.engine.down();
    for (let count = 0; count < 10; count++) cluster.ask('name', 'x'.repeat(2_000), { timeout: 1_000 }).subscribe();
    await world.pass(2_000);
    expect(losses.length).toBeGreaterThan(0);
    world.engine.up();
    await world.pass(100);
    for (const bus of world.engine.buses) expect(bus.burst).toBeLessThan(22_000);
    await world.converge();
    await world.destroy();
  });

  it('refuses a question that JSON cannot carry, and sends what was written before', async () => {
    const world = await start();
    const one = nodeOf(world, 'n1');
    world.engine.down();
    expect(() => one.cluster.ask('name', 10n)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
    world.write('n1', 1);
    world.engine.up();
    await world.pass(100);
    expect(nodeOf(world, 'n2').probe.rooms.get(one.instance)).toEqual([1]);
    await world.destroy();
  });

  it('leaves no timer and no open question when it is closed, and ends its streams', async () => {
    const world = await start(['n1', 'n2'], 2);
    const { cluster, primus } = nodeOf(world, 'n1');
    world.engine.down();
    world.connect(0, 'n1');
    world.subscribe(0, 'position');
    await world.pass(100);
    const ended: string[] = [];
    cluster.ask('name', null, { timeout: '1 hour' }).subscribe({ complete: () => ended.push('ask') });
    cluster.nodes$.subscribe({ complete: () => ended.push('nodes$') });
    cluster.presence('log').subscribe({ complete: () => ended.push('presence') });
    cluster.state$.subscribe({ complete: () => ended.push('state$') });
    cluster.lost$.subscribe({ complete: () => ended.push('lost$') });
    await world.stop('n2', true);
    await cluster.close();
    expect(ended.sort()).toEqual(['ask', 'lost$', 'nodes$', 'presence', 'state$']);
    await world.pass(10);
    expect(world.clock.pending - world.engine.pending).toBe(0);
    cluster.write('for those who are here');
    cluster.ask('name', null, { timeout: '1 hour' }).subscribe({ complete: () => ended.push('late ask') });
    expect(ended).toContain('late ask');
    expect(primus.connected).toBe(2);
    await world.pass(2 * LEASE);
    expect(world.clock.pending - world.engine.pending).toBe(0);
    world.engine.up();
    await world.destroy();
  });
});
