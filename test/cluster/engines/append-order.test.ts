import { setImmediate as turn } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { createClient } from 'redis';
import { asyncScheduler, filter, firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { missingEngine } from '../../../scripts/engines.mjs';
import type { Backplane, Log, Position } from '../../../src/cluster/bus.js';
import { nats, redis } from '../../../src/cluster.js';
import { redisCli, startNats, startRedis } from '../../support/engines.js';
import { cleanup } from '../../support/serve.js';

/** How often the engine forgets something under the appends of two nodes. */
const ROUNDS = 15;
const APPENDS = 40;

async function openLog(backplane: Backplane, node: string): Promise<Log> {
  const bus = backplane.open({ node, scheduler: asyncScheduler, report() {}, lost() {} });
  cleanup(() => bus.close());
  await firstValueFrom(bus.state$.pipe(filter((state) => state === 'up')));
  return bus.log as Log;
}

/** Appends entries one after the other without waiting. Returns the positions of those that were taken, in the order of the calls. */
async function append(log: Log): Promise<Position[]> {
  const appends: Promise<Position>[] = [];
  for (let count = 0; count < APPENDS; count++) {
    const position = log.append('news', Buffer.from(`${count}`), { size: 1_000, ttl: 60_000 });
    position.catch(() => {});
    appends.push(position);
    await turn();
  }
  const results = await Promise.allSettled(appends);
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

/** Has two nodes append while the engine forgets something, and checks the order of each. */
async function appendAgain(logs: readonly Log[], forget: () => Promise<void>): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const [one = [], two = []] = await Promise.all([...logs.map(append), forget()] as Promise<Position[]>[]);
    for (const positions of [one, two]) {
      const offsets = new Map<string, number[]>();
      for (const { epoch, offset } of positions) offsets.set(epoch, [...(offsets.get(epoch) ?? []), offset]);
      for (const list of offsets.values()) expect(list).toEqual([...list].sort((a, b) => a - b));
      // It does not return to an epoch that it has left.
      expect(positions.filter(({ epoch }, index) => epoch !== positions[index - 1]?.epoch)).toHaveLength(offsets.size);
    }
    // An append that is alone is done again, and succeeds.
    for (const log of logs)
      await expect(log.append('news', Buffer.from('alone'), { size: 1_000, ttl: 60_000 })).resolves.toHaveProperty('epoch');
  }
}

describe('the appends of a node keep their order', () => {
  it.skipIf(missingEngine('redis-server'))('when Redis forgets its scripts', async () => {
    const engine = await startRedis();
    cleanup(() => engine.close());
    const backplane = redis(createClient({ url: `redis://127.0.0.1:${engine.port}` }));
    const logs = [await openLog(backplane, 'one'), await openLog(backplane, 'two')];
    await appendAgain(logs, async () => void (await redisCli(engine, 'SCRIPT', 'FLUSH')));
  });

  it.skipIf(missingEngine('nats-server'))('when the stream of NATS is deleted', async () => {
    const engine = await startNats();
    cleanup(() => engine.close());
    const servers = `nats://127.0.0.1:${engine.port}`;
    const backplane = nats((settings) => connect({ ...settings, servers }));
    const logs = [await openLog(backplane, 'one'), await openLog(backplane, 'two')];
    const connection = await connect({ servers });
    cleanup(() => connection.close());
    const { streams } = await jetstreamManager(connection);
    await appendAgain(logs, async () => {
      for await (const name of streams.names()) await streams.delete(name).catch(() => {});
    });
  });
});
