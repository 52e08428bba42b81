import { createCluster } from 'redis';
import { describe, expect, it } from 'vitest';
import { missingEngine } from '../../../scripts/engines.mjs';
import { type Engine, redisCli } from '../../support/engines.js';
import { until } from '../../support/serve.js';
import { bytes, engineFor, KEEP, openWith, stringOf, up } from './redis-nodes.js';

describe.skipIf(missingEngine('redis-server'))('the Redis backplane on a Redis Cluster of two servers', () => {
  /** A cluster whose servers have half of the slots each. */
  async function twoServers(): Promise<[Engine, Engine, ids: [string, string]]> {
    const [left, right] = [await engineFor({ cluster: 'without slots' }), await engineFor({ cluster: 'without slots' })];
    await redisCli(left, 'CLUSTER', 'ADDSLOTSRANGE', '0', '8191');
    await redisCli(right, 'CLUSTER', 'ADDSLOTSRANGE', '8192', '16383');
    await redisCli(left, 'CLUSTER', 'MEET', '127.0.0.1', `${right.port}`);
    for (const engine of [left, right]) await until(async () => (await redisCli(engine, 'CLUSTER', 'INFO')).includes('cluster_state:ok'));
    const ids = await Promise.all([left, right].map(async (engine) => (await redisCli(engine, 'CLUSTER', 'MYID')).trim()));
    return [left, right, ids as [string, string]];
  }

  it('reaches every slot, and follows one that moves to another server', async () => {
    const [left, right, [, rightId]] = await twoServers();
    const rootNodes = [left, right].map(({ port }) => ({ url: `redis://127.0.0.1:${port}` }));
    const [publisher, listener] = [openWith(createCluster({ rootNodes })), openWith(createCluster({ rootNodes }))];
    await up(publisher, listener);
    const topics = Array.from({ length: 200 }, (_, index) => `topic ${index}`);
    await listener.bus.listen(topics);
    for (const topic of topics) publisher.bus.publish(topic, bytes(topic));
    await until(() => listener.deliveries.length === topics.length);
    await Promise.all(topics.map((topic) => publisher.log.append(topic, bytes(topic), KEEP)));
    await until(() => listener.deliveries.length === 2 * topics.length);
    // A topic of the left server, without keys to migrate.
    const names = Array.from({ length: 100 }, (_, index) => `moving ${index}`);
    const slots = await Promise.all(names.map(async (name) => Number(await redisCli(left, 'CLUSTER', 'KEYSLOT', `{${name}}`))));
    const index = slots.findIndex((slot) => slot < 8192);
    const [topic, slot] = [names[index] as string, `${slots[index]}`];
    await listener.bus.listen([topic]);
    publisher.bus.publish(topic, bytes('before'));
    await until(() => listener.deliveries.some((each) => each.topic === topic));
    for (const engine of [right, left]) await redisCli(engine, 'CLUSTER', 'SETSLOT', slot, 'NODE', rightId);
    await until(() => publisher.states.length >= 4 && listener.states.length >= 4);
    await up(publisher, listener);
    publisher.bus.publish(topic, bytes('after'));
    await until(() => listener.deliveries.some((each) => each.topic === topic && stringOf(each) === 'after'));
    expect(listener.deliveries).toHaveLength(2 * topics.length + 2);
  });

  it('is down while a server is away, and up when it is back', async () => {
    const [left, right] = await twoServers();
    const node = openWith(createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${left.port}` }] }));
    await up(node);
    await right.kill();
    await until(() => node.state() === 'down');
    await right.restart();
    await up(node);
    expect(node.errors[0]?.code).toBe('ERR_PRIMUS_BACKPLANE');
  });
});
