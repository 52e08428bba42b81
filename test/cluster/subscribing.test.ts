import { describe, expect, it } from 'vitest';
import type { ChannelOptions } from '../../src/cluster.js';
import { ClusterWorld, type Node } from './cluster-world.js';

/** One node, with channels of other settings than those of the laws, and a client without any check. */
async function start(options: Partial<ChannelOptions> = {}) {
  const world = new ClusterWorld(['n1'], 0);
  const node = world.nodes.get('n1') as Node;
  node.cluster.channels({ name: /^open\d*$/, ...options });
  await world.pass(50);
  return { world, node, ...world.raw(node) };
}

describe('a client that subscribes', () => {
  it('has left when the engine answers', async () => {
    const { world, node, send, drop } = await start({ presence: true });
    world.engine.faultsOf('n1').slow.listen = 1_000;
    await world.pass(1);
    send(['primus::subscribe', 'open', null]);
    await world.pass(100);
    drop();
    await world.pass(2_000);
    const present: number[] = [];
    node.cluster.presence('open').subscribe((map) => present.push(map.size));
    await world.pass(2_000);
    expect(present.every((size) => size === 0)).toBe(true);
    expect(world.listening('channel:open')).toBe(0);
    expect(node.primus.connected).toBe(1);
    await world.destroy();
  });

  it('unsubscribes before the engine has answered', async () => {
    const { world, node, send, received } = await start({ presence: true });
    world.engine.faultsOf('n1').slow.listen = 1_000;
    send(['primus::subscribe', 'open', null]);
    send(['primus::unsubscribe', 'open']);
    await world.pass(3_000);
    await node.cluster.publish('open', 'without subscribers');
    await world.pass(10);
    expect(received).toEqual([['primus::subscribed', 'open', 'live']]);
    expect(world.listening('channel:open')).toBe(0);
    await world.destroy();
  });

  it('waits no longer for the engine because another one unsubscribes', async () => {
    const { world, node, received, send } = await start({ history: { size: 3, ttl: 1_000 } });
    const other = world.raw(node);
    other.send(['primus::subscribe', 'open', null]);
    await world.pass(10);
    world.engine.faultsOf('n1').slow.listen = 100;
    world.engine.faultsOf('n1').slow.read = 100;
    other.send(['primus::unsubscribe', 'open']);
    await world.pass(1);
    other.send(['primus::subscribe', 'open', null]);
    send(['primus::subscribe', 'open', null]);
    await world.pass(50);
    other.drop();
    await world.pass(500);
    expect(received).toEqual([['primus::subscribed', 'open', 'live', ['e1', 0]]]);
    await world.destroy();
  });

  it('subscribes with others in one command, and gets each message once', async () => {
    const { world, node, send, received } = await start();
    const other = world.raw(node);
    send(['primus::subscribe', 'open', null]);
    send(['primus::subscribe', 'open', null]);
    other.send(['primus::subscribe', 'open', null]);
    await world.pass(10);
    await node.cluster.publish('open', 'x');
    await world.pass(10);
    const subscribed = ['primus::subscribed', 'open', 'live'];
    const message = ['primus::message', 'open', 'x'];
    expect(received).toEqual([subscribed, subscribed, message]);
    expect(other.received).toEqual([subscribed, message]);
    await world.destroy();
  });

  it('does not keep a server from being destroyed', async () => {
    const { world, send } = await start({ history: { size: 3, ttl: 1_000 } });
    world.engine.faultsOf('n1').slow.listen = 3_000;
    world.engine.faultsOf('n1').slow.read = 3_000;
    send(['primus::subscribe', 'open', null]);
    await world.pass(100);
    const before = world.clock.now();
    await world.stop('n1', false);
    expect(world.clock.now() - before).toBeLessThan(6_000);
    await world.pass(10);
    expect(world.clock.pending - world.engine.pending).toBe(0);
  });

  it('is not present when the function for its presence has closed it', async () => {
    const { world, node, send } = await start({ presence: (spark) => spark.end() });
    const sizes: number[] = [];
    node.cluster.presence('open').subscribe(({ size }) => sizes.push(size));
    send(['primus::subscribe', 'open', null]);
    await world.pass(2_000);
    expect(sizes).toEqual([0]);
    expect(node.primus.connected).toBe(1);
    await world.destroy();
  });

  it('subscribes to 1,000 channels, and to no more', async () => {
    const { world, send, received, drop } = await start();
    for (let number = 0; number <= 1_000; number++) send(['primus::subscribe', `open${number}`, null]);
    await world.pass(3_000);
    expect(received).toHaveLength(1_001);
    expect(received.slice(0, 1_000).every(([type]) => type === 'primus::subscribed')).toBe(true);
    expect(received[1_000]).toEqual(['primus::refused', 'open1000', 'subscribe', 'A client may subscribe to 1000 channels']);
    drop();
    await world.pass(1);
    expect(world.listening('channel:')).toBe(1);
    await world.destroy();
  });
});

describe('the setting `allow`', () => {
  it.each<[string, () => boolean | Promise<boolean>]>([
    [
      'throws',
      () => {
        throw new Error('The engine of the application is away');
      },
    ],
    ['rejects', () => Promise.reject(new Error('The engine of the application is away'))],
    ['returns something else than true', () => 'yes' as never],
  ])('refuses the client when it %s, and the connection goes on', async (_title, allow) => {
    const { world, send, received } = await start({ allow });
    send(['primus::subscribe', 'open', null]);
    send(['primus::publish', 'open', 1]);
    await world.pass(10);
    expect(received).toEqual([
      ['primus::refused', 'open', 'subscribe', 'Not allowed'],
      ['primus::refused', 'open', 'publish', 'Not allowed'],
    ]);
    await world.destroy();
  });

  it.each<[string, (close: () => unknown) => boolean | Promise<boolean>]>([
    [
      'at once',
      (close) => {
        void close();
        return true;
      },
    ],
    [
      'and then answers',
      async (close) => {
        await close();
        return true;
      },
    ],
  ])('leaves nothing behind when it closes the cluster %s', async (_title, allow) => {
    let close = (): unknown => undefined;
    const { world, node, send, received } = await start({ history: { size: 3, ttl: 1_000 }, allow: () => allow(close) });
    close = () => node.cluster.close();
    send(['primus::subscribe', 'open', null]);
    await world.pass(10_000);
    expect(received).toEqual([['primus::refused', 'open', 'subscribe', expect.any(String)]]);
    expect(world.violations).toEqual([]);
    await world.destroy();
  });

  it('may return a thenable that has no more than `then`', async () => {
    const then = (resolve: (answer: boolean) => void) => queueMicrotask(() => resolve(true));
    const thenable = { then };
    const { world, send, received } = await start({ allow: () => thenable as never });
    send(['primus::subscribe', 'open', null]);
    await world.pass(10);
    expect(received).toEqual([['primus::subscribed', 'open', 'live']]);
    await world.destroy();
  });

  it('never answers: the messages behind it are bounded, and the connection ends with the client', async () => {
    const { world, node, send, drop } = await start({ allow: () => new Promise(() => {}) });
    const other = world.raw(node);
    let taken = 0;
    await world.pass(10);
    node.primus.forEach((spark) => {
      spark.on('incoming::data', () => {
        taken += 1;
      });
    });
    for (const client of [send, other.send]) client(['primus::subscribe', 'open', null]);
    await world.pass(10);
    for (let count = 0; count < 1_000; count++) other.send('x'.repeat(10_000));
    await world.pass(10);
    expect(taken).toBeLessThan(200);
    drop();
    await world.pass(31_000);
    expect(node.primus.connected).toBe(2);
    expect(other.received).toEqual([['primus::refused', 'open', 'subscribe', 'Not allowed']]);
    // Many messages take several turns.
    for (let turns = 0; taken <= 1_000 && turns < 1_000; turns++) await world.pass(1);
    expect(taken).toBeGreaterThan(1_000);
    expect(world.violations.splice(0)).toHaveLength(2);
    await world.destroy();
  });
});
