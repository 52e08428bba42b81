import { describe, expect, it } from 'vitest';
import type { Parser } from '../../src/core/parser.js';
import { ClusterWorld, type Node } from './cluster-world.js';

/** One node with a channel that has presence, whose parser counts. */
async function start(later = false) {
  const counts = { encoded: 0 };
  const encode = (data: unknown) => {
    counts.encoded += 1;
    return JSON.stringify(data);
  };
  const parser: Parser = {
    encoder: (data, done) => (later ? queueMicrotask(() => done(null, encode(data))) : done(null, encode(data))),
    decoder: (frame, done) => done(null, JSON.parse(String(frame))),
    ...(later ? {} : { encode, decode: (frame) => JSON.parse(String(frame)) }),
  };
  const world = new ClusterWorld(['n1'], 0, { parser });
  const node = world.nodes.get('n1') as Node;
  node.cluster.channels({ name: /^open$/, presence: true });
  await world.pass(50);
  return { world, node, counts };
}

describe('the presence that clients watch', () => {
  it.each([
    ['answers at once', false],
    ['answers later', true],
  ])('is encoded once for all of them, with a parser that %s', async (_title, later) => {
    const { world, node, counts } = await start(later);
    const watchers = Array.from({ length: 50 }, () => world.raw(node));
    for (const { send } of watchers) send(['primus::subscribe', 'open', null, { presence: true }]);
    await world.pass(100);
    const sizes = watchers.map(({ received }) => {
      const present = new Set<unknown>();
      for (const [type, , joined, left] of received as [string, string, [string][], string[]][]) {
        if (type !== 'primus::presence') continue;
        for (const [id] of joined) present.add(id);
        for (const id of left) present.delete(id);
      }
      return present.size;
    });
    expect(sizes).toEqual(Array(50).fill(50));
    counts.encoded = 0;
    const { send } = world.raw(node);
    for (let count = 0; count < 10; count++) {
      send(['primus::subscribe', 'open', null]);
      send(['primus::unsubscribe', 'open']);
    }
    await world.pass(100);
    // The answers to the subscriptions, and two changes for each.
    expect(counts.encoded).toBeLessThan(50);
    const changes = watchers[0]?.received.slice(-2) as unknown[][];
    expect(changes.map(([, , joined, left]) => [(joined as unknown[]).length, (left as unknown[]).length])).toEqual([
      [1, 0],
      [0, 1],
    ]);
    await world.destroy();
  });

  it('is watched no longer by a client that ends as it is sent who is present', async () => {
    const { world, node } = await start();
    node.primus.on('connection', (spark) => {
      spark.on('outgoing::data', (frame) => String(frame).includes('primus::presence') && spark.end());
    });
    const { send } = world.raw(node);
    send(['primus::subscribe', 'open', null, { presence: true }]);
    await world.pass(10_000);
    expect(node.primus.connected).toBe(1);
    expect(world.listening('presence:open')).toBe(0);
    await world.destroy();
  });

  it('is up to date for who watches it after changes without watchers', async () => {
    const { world, node } = await start();
    const { send } = world.raw(node);
    send(['primus::subscribe', 'open', null]);
    await world.pass(10);
    const sizes: number[] = [];
    node.cluster.presence('open').subscribe(({ size }) => sizes.push(size));
    expect(sizes).toEqual([1]);
    send(['primus::unsubscribe', 'open']);
    await world.pass(10);
    expect(sizes).toEqual([1, 0]);
    await world.destroy();
  });
});

describe('a message to many', () => {
  it.each([
    ['answers at once', false],
    ['answers later', true],
  ])('is encoded once, for this node and the others, with a parser that %s', async (_title, later) => {
    const { world, node, counts } = await start(later);
    const clients = Array.from({ length: 5 }, () => world.raw(node));
    await world.pass(50);
    counts.encoded = 0;
    node.cluster.write(['to all']);
    node.cluster.to({ room: 'room' }).write(['to a room']);
    await world.pass(10);
    for (const { received } of clients) expect(received).toEqual([['to all'], ['to a room']]);
    expect(counts.encoded).toBe(2);
    await world.destroy();
  });
});
