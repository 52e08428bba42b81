import { createClient, createCluster } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingEngine } from '../../../scripts/engines.mjs';
import { redis } from '../../../src/cluster/backplanes/redis.js';
import { backplaneContract } from '../../../src/testing.js';
import { type Engine, startRedis } from '../../support/engines.js';

/** A message longer than the output buffer that Redis has for a subscriber. */
const TOO_LONG = 33 * 2 ** 20;

describe.skipIf(missingEngine('redis-server')).each([
  { title: 'one server', cluster: false, resp: 3 },
  { title: 'one server with RESP 2', cluster: false, resp: 2 },
  { title: 'a Redis Cluster', cluster: true, resp: 3 },
] as const)('the Redis backplane on $title', ({ cluster, resp }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startRedis({ cluster });
  });
  afterAll(() => engine.close());

  it.each(backplaneContract)('$name', async ({ run }) => {
    const url = `redis://127.0.0.1:${engine.port}`;
    const client = cluster ? createCluster({ rootNodes: [{ url }] }) : createClient({ url, RESP: resp });
    await expect(run(redis(client), { tooLong: TOO_LONG })).resolves.toBeUndefined();
  });
});
