import { createClient } from 'redis';
import { asyncScheduler } from 'rxjs';
import { redis } from '../../../src/cluster/backplanes/redis.js';
import type { Bus, Delivery, Log } from '../../../src/cluster/bus.js';
import type { PrimusError } from '../../../src/core/errors.js';
import { type Engine, type RedisEngineOptions, startRedis } from '../../support/engines.js';
import { cleanup, until } from '../../support/serve.js';

/** As much history as a test needs. */
export const KEEP = { size: 10_000, ttl: 600_000 };
/** The bytes of a string. */
export const bytes = (text: string) => new TextEncoder().encode(text);
/** The string of a delivery. */
export const stringOf = ({ data }: Delivery) => new TextDecoder().decode(data);

/** A node on Redis, with everything that its bus delivered and reported. */
export interface Node {
  bus: Bus;
  log: Log;
  state: () => string | undefined;
  states: string[];
  deliveries: Delivery[];
  lost: [topic: string, count: number, reason: string][];
  errors: PrimusError[];
}

/** Starts a Redis server for one test. */
export async function engineFor(options?: RedisEngineOptions): Promise<Engine> {
  const engine = await startRedis(options);
  cleanup(() => engine.close());
  return engine;
}

/** Connects a node to a server, with options of the client. */
export function open(engine: Engine, options: object = {}, url = `redis://127.0.0.1:${engine.port}`): Node {
  return openWith(createClient({ url, ...options }));
}

/** Connects a node with a client. */
export function openWith(client: Parameters<typeof redis>[0]): Node {
  const node: Omit<Node, 'bus' | 'log'> = { state: () => node.states.at(-1), states: [], deliveries: [], lost: [], errors: [] };
  const bus = redis(client).open({
    node: 'a',
    scheduler: asyncScheduler,
    report: (error) => node.errors.push(error as PrimusError),
    lost: (...loss) => node.lost.push(loss),
  });
  bus.state$.subscribe((state) => node.states.push(state));
  bus.message$.subscribe((delivery) => node.deliveries.push(delivery));
  cleanup(() => bus.close());
  return Object.assign(node, { bus, log: bus.log as Log });
}

/** Waits until the buses of nodes are up. */
export async function up(...nodes: Node[]): Promise<void> {
  for (const { state } of nodes) await until(() => state() === 'up');
}
