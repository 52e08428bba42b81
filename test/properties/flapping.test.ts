import { describe, expect, it } from 'vitest';
import { type Peer, World } from '../support/world.js';

describe('a server that is up for a second and down for a second', () => {
  it('has one connection of each client at most, which waits longer and longer, and no timer is left', async () => {
    const world = new World({ latency: 5 });
    const { clock, network } = world;
    const before = clock.pending;
    const peers = Array.from({ length: 20 }, () => world.connect({ reconnect: { retries: Infinity } }));
    const most = new Map<Peer, number>();
    const attempts: number[] = [];
    for (const { client } of peers) client.on('reconnect', ({ attempt }) => attempts.push(attempt));
    let timers = 0;
    const watch = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 50) {
        await world.pass(50);
        for (const peer of peers) most.set(peer, Math.max(most.get(peer) ?? 0, network.pairsOf(peer).length));
        timers = Math.max(timers, clock.pending);
      }
    };
    for (let cycle = 0; cycle < 150; cycle++) {
      await watch(1_000);
      network.down = true;
      network.cut();
      await watch(1_000);
      network.down = false;
    }
    // Connections of less than a second do not end a series: at most some attempts of each client in five minutes, not 150 to 300.
    expect(attempts.length / peers.length).toBeLessThan(40);
    expect(Math.max(...attempts)).toBeGreaterThan(5);
    expect([...most.values()].every((count) => count === 1)).toBe(true);
    // Each client has one wait, or a time-out and its heartbeat; frames and ends are under way.
    expect(timers).toBeLessThan(before + peers.length * 6);

    for (const { client } of peers) client.open();
    await world.pass(1_000);
    expect(world.primus.connected).toBe(peers.length);
    expect(network.alive).toBe(peers.length);
    for (const { client } of peers) client.end();
    await world.pass(100);
    expect([network.alive, world.primus.connected, clock.pending]).toEqual([0, 0, before]);
    await world.destroy();
    expect(clock.pending).toBe(0);
  });

  it('gets its clients back when it drains again and again, each once', async () => {
    const world = new World({ latency: 5 });
    const { network } = world;
    const peers = Array.from({ length: 20 }, () => world.connect({ reconnect: { retries: Infinity, max: '5 s' } }));
    for (let cycle = 0; cycle < 50; cycle++) {
      await world.pass(3_000);
      const run = world.primus.drain({ over: 500, retryAfter: 1_000 }).subscribe();
      await world.pass(1_000);
      run.unsubscribe();
      await world.stop({ reconnect: true });
      world.start();
    }
    await world.pass(60_000);
    expect(world.primus.connected).toBe(peers.length);
    expect(network.alive).toBe(peers.length);
    expect(peers.every((peer) => network.pairsOf(peer).length === 1)).toBe(true);
    await world.destroy();
    expect(world.clock.pending).toBe(0);
  });
});
