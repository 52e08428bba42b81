// One node of the cluster program, in a process of its own: it publishes numbered messages, and counts those of the rooms.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import Primus from 'primus-rx';
import { type Backplane, clustered, nats, redis } from 'primus-rx/cluster';
import { answerCalls } from '../child.js';
import type { EngineName } from './engine.js';
import { HISTORIES, type Hole, type Numbered, PRESENCE, ROOMS, Sequence } from './sequence.js';

export interface ClusterNodeSettings {
  node: string;
  /** The name of the process: messages of an earlier one of this node are others. */
  run: string;
  engine: EngineName;
  /** The port of the proxy to the engine. */
  enginePort: number;
  /** The outbox in bytes. */
  outbox: number;
}

/** The time between two messages of a topic, in ms. */
const EVERY = 40;
/** How many publications may wait for the engine. */
const WAITING = 200;

const { node, run, engine, enginePort, outbox } = JSON.parse(process.argv[2] as string) as ClusterNodeSettings;
const server = createServer();
const primus = new Primus(server, { transformer: 'websockets', pingInterval: false });
const errors: string[] = [];
primus.on('log', (level: string, message: unknown) => {
  if (level === 'error' && errors.length < 1_000) errors.push(String(message));
});
process.on('unhandledRejection', (error) => {
  console.error(`${node}: unhandled rejection`, error);
  process.exit(2);
});

const cluster = clustered(primus, await backplaneOf(), { node, outbox });
cluster.channels({ name: /^history\//, history: { size: 2_000, ttl: '10 min' } });
cluster.channels({ name: new RegExp(`^${PRESENCE}$`), presence: (spark) => spark.query.name });
cluster.handle('name', () => [node]);

// A connection within this process is in all rooms: nothing but the cluster can lose its messages.
primus.on('connection', (spark) => {
  if (spark.query.local) for (const room of ROOMS) void cluster.join(spark, room);
});

const rooms = new Sequence();
const holes: Hole[] = [];
const lost: Record<string, number> = {};
cluster.lost$.subscribe(({ topic, count, reason }) => {
  const key = `${topic} ${reason}`;
  lost[key] = (lost[key] ?? 0) + count;
});
let present: [string, unknown][] = [];
cluster.presence(PRESENCE).subscribe((next) => {
  present = [...next];
});

/** The publications of each history, and those that were rejected or have no answer yet. */
const published: Record<string, { count: number; rejected: number[]; open: number[] }> = {};
const written: Record<string, number> = {};
const asked = { started: 0, completed: 0, wrong: 0 };
let traffic: NodeJS.Timeout | undefined;

function publish(topic: string): void {
  published[topic] ??= { count: 0, rejected: [], open: [] };
  const state = published[topic];
  if (state.open.length >= WAITING) return;
  const n = ++state.count;
  state.open.push(n);
  cluster
    .publish(topic, { run, topic, n } satisfies Numbered)
    .catch(() => state.rejected.push(n))
    .finally(() => state.open.splice(state.open.indexOf(n), 1));
}

function write(room: string): void {
  const n = (written[room] ?? 0) + 1;
  written[room] = n;
  cluster.to({ room }).write({ run, topic: room, n } satisfies Numbered);
}

function ask(): void {
  const nodes = new Set(cluster.nodes);
  asked.started++;
  cluster.ask<string>('name', null, { timeout: 1_000 }).subscribe({
    next(answer) {
      for (const each of 'missing' in answer ? answer.missing : [answer.node]) if (!nodes.delete(each)) asked.wrong++;
    },
    complete() {
      asked.completed++;
      if (nodes.size > 0) asked.wrong++;
    },
  });
}

async function backplaneOf(): Promise<Backplane> {
  if (engine === 'nats') {
    const { connect } = await import('@nats-io/transport-node');
    return nats((settings) => connect({ ...settings, servers: `nats://127.0.0.1:${enginePort}` }));
  }
  const { createClient } = await import('redis');
  return redis(createClient({ url: `redis://127.0.0.1:${enginePort}` }));
}

function heap(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const methods = {
  async listen(port: number): Promise<number> {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const at = (server.address() as AddressInfo).port;
    const local = new primus.Socket(`http://127.0.0.1:${at}/?local=1`, { pingTimeout: false });
    local.on('data', (message: Numbered) => {
      const hole = rooms.take(message);
      if (hole !== undefined) holes.push(hole);
    });
    await once(local as never, 'open');
    return at;
  },
  /** Publishes to all topics, or no longer. */
  busy(next: boolean): void {
    clearInterval(traffic);
    let turn = 0;
    if (next)
      traffic = setInterval(() => {
        methods.mark();
        if (turn++ % 5 === 0) ask();
      }, EVERY);
  },
  /** Publishes one more message to each topic. */
  mark(): void {
    for (const topic of HISTORIES) publish(topic);
    for (const room of ROOMS) write(room);
  },
  view: () => ({ nodes: cluster.nodes, state: cluster.state, present }),
  report: () => ({
    published,
    written,
    rooms: { doubled: rooms.doubled, reordered: rooms.reordered, received: rooms.received },
    holes,
    lost,
    asked,
    errors: errors.splice(0),
  }),
  /** The numbers of the last messages of a publisher that have arrived in the rooms. */
  arrived: (from: string) => ROOMS.map((room) => rooms.last(from, room) ?? 0),
  /** Writes so many messages to a room in each second, and returns the memory before, and the most of it meanwhile. */
  async flood(rate: number, seconds: number): Promise<{ before: number; most: number; lost: number }> {
    const before = heap();
    let most = before;
    for (let turn = 1; turn <= seconds * 10; turn++) {
      const due = performance.now() + 100;
      for (let count = 0; count < rate / 10; count++)
        cluster.to({ room: 'flood' }).write({ text: 'A message of a hundred bytes, as many are.', turn, count });
      if (turn % 10 === 0) most = Math.max(most, heap());
      await pause(Math.max(0, due - performance.now()));
    }
    return { before, most, lost: Object.values(lost).reduce((sum, count) => sum + count, 0) };
  },
  /** Leaves the cluster, as a node that is replaced does. */
  leave(): Promise<void> {
    clearInterval(traffic);
    return new Promise((resolve) => primus.destroy({ reconnect: true }, resolve));
  },
};

export type ClusterNodeMethods = typeof methods;
export type NodeReport = ReturnType<ClusterNodeMethods['report']>;
export type NodeView = ReturnType<ClusterNodeMethods['view']>;

answerCalls(methods);
