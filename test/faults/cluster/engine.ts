import { type Engine, redisCli, startNats, startRedis } from '../../support/engines.js';

export const ENGINES = ['redis', 'nats'] as const;
export type EngineName = (typeof ENGINES)[number];

/** An engine, and how its data gets lost. */
export interface BreakableEngine {
  readonly server: Engine;
  /** Deletes all histories, as a careless operator does. */
  loseHistories(): Promise<void>;
  /** Deletes what the server keeps of the histories, but for their entries; missing where there is no such thing. */
  loseMeta?(): Promise<void>;
}

const START: Record<EngineName, () => Promise<BreakableEngine>> = { redis: startBreakableRedis, nats: startBreakableNats };

/** Starts an engine. Redis keeps its data in memory, NATS in files. */
export function startEngine(name: EngineName): Promise<BreakableEngine> {
  return START[name]();
}

async function startBreakableRedis(): Promise<BreakableEngine> {
  const server = await startRedis();
  return {
    server,
    loseHistories: async () => void (await redisCli(server, 'FLUSHALL')),
    async loseMeta() {
      const keys = (await redisCli(server, 'KEYS', '*')).split('\n').filter(Boolean);
      for (const key of keys) if ((await redisCli(server, 'TYPE', key)).trim() === 'hash') await redisCli(server, 'DEL', key);
    },
  };
}

async function startBreakableNats(): Promise<BreakableEngine> {
  const server = await startNats();
  return {
    server,
    async loseHistories() {
      const [{ connect }, { jetstreamManager }] = await Promise.all([import('@nats-io/transport-node'), import('@nats-io/jetstream')]);
      const connection = await connect({ servers: `nats://127.0.0.1:${server.port}` });
      const { streams } = await jetstreamManager(connection);
      for await (const name of streams.names()) await streams.delete(name);
      await connection.close();
    },
  };
}
