import { describe, expect, it, onTestFinished } from 'vitest';
import type { ServerOptions } from '../../src/index.js';
import { HandoverWorld } from './handover-world.js';

async function worldOf(names: readonly string[] = ['n1', 'n2', 'n3'], server: ServerOptions = {}): Promise<HandoverWorld> {
  const world = new HandoverWorld(names, server);
  onTestFinished(() => world.destroy());
  await world.pass(20);
  return world;
}

describe('a session on several servers', () => {
  it('resumes on another node, with what was written on both ends meanwhile', async () => {
    const world = await worldOf();
    const ada = world.join('n1');
    await world.pass(50);
    const old = world.last;
    old.spark.write(1);
    ada.client.write('a');
    await world.pass(20);
    old.spark.write(2);
    ada.client.write('b');
    world.move(ada, 'n2');
    await world.pass(2);
    old.spark.write(3);
    ada.client.write('c');
    await world.pass(100);
    expect(world.sparks).toHaveLength(2);
    const { spark, up, changes, events } = world.last;
    expect(spark.id).toMatch(/^n2\./);
    spark.write(4);
    ada.client.write('d');
    await world.pass(2_000);
    expect(ada.down).toEqual([1, 2, 3, 4]);
    expect([...old.up, ...up]).toEqual(['a', 'b', 'c', 'd']);
    expect(ada.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
    expect(old.events).toEqual(['connection', 'disconnection', 'end']);
    expect(old.changes).toEqual([]);
    expect(events).toEqual(['connection']);
    expect(changes).toEqual([expect.objectContaining({ type: 'resumed', resent: 2 })]);
    expect(world.node('n1').primus.connected).toBe(0);
    expect(world.errors).toEqual([]);
  });
});
