import { connect, type NatsConnection } from '@nats-io/transport-node';
import { asyncScheduler } from 'rxjs';
import { afterEach } from 'vitest';
import { type NatsOptions, nats } from '../../../src/cluster/backplanes/nats.js';
import type { Backplane, Bus, BusState, Delivery, Keep, Log } from '../../../src/cluster/bus.js';
import { type Engine, type NatsEngineOptions, startNats } from '../../support/engines.js';
import { until } from '../../support/wait.js';

// Nodes on NATS, and what else is connected to it. All ends after the test.

/** A history that drops nothing in a test. */
export const KEEP: Keep = { size: 10_000, ttl: 600_000 };

let servers: Engine[] = [];
let nodes: Node[] = [];
let connections: NatsConnection[] = [];
afterEach(async () => {
  for (const server of servers) server.continue();
  await Promise.all(nodes.map(({ bus }) => bus.close()));
  await Promise.all(connections.map((connection) => connection.close()));
  await Promise.all(servers.map((server) => server.close()));
  [servers, nodes, connections] = [[], [], []];
});

/** A bus, with everything that it has emitted and reported. */
export interface Node {
  readonly bus: Bus;
  readonly log: Log;
  readonly states: BusState[];
  readonly deliveries: Delivery[];
  readonly errors: Error[];
  readonly lost: Map<string, number>;
  readonly reasons: string[];
}

/** Starts a server; it is closed after the test. */
export async function engine(options?: NatsEngineOptions): Promise<Engine> {
  const server = await startNats(options);
  servers.push(server);
  return server;
}

/** Connects a node; the test closes it. */
export function open(backplane: Backplane): Node {
  const node = {
    states: [] as BusState[],
    deliveries: [] as Delivery[],
    errors: [] as Error[],
    lost: new Map<string, number>(),
    reasons: [] as string[],
  };
  const bus = backplane.open({
    node: `node-${nodes.length}`,
    scheduler: asyncScheduler,
    report: (error) => node.errors.push(error),
    lost(topic, count, reason) {
      node.lost.set(topic, (node.lost.get(topic) ?? 0) + count);
      node.reasons.push(reason);
    },
  });
  bus.state$.subscribe((state) => node.states.push(state));
  bus.message$.subscribe((delivery) => node.deliveries.push(delivery));
  const opened = { ...node, bus, log: bus.log as Log };
  nodes.push(opened);
  return opened;
}

/** Connects a node that is up. */
export async function join(server: Engine, options?: NatsOptions): Promise<Node> {
  const node = open(nats((settings) => connect({ ...settings, reconnectTimeWait: 50, servers: urlOf(server) }), options));
  await until(() => node.states.at(-1) === 'up');
  return node;
}

/** Connects another program. */
export async function stranger(server: Engine): Promise<NatsConnection> {
  const connection = await connect({ servers: urlOf(server) });
  connections.push(connection);
  return connection;
}

export const urlOf = ({ port }: Engine) => `nats://127.0.0.1:${port}`;
export const bytes = (text: string) => new TextEncoder().encode(text);
export const stringOf = ({ data }: Delivery) => new TextDecoder().decode(data);
export const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  );
