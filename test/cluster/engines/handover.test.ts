import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resume } from '../../../client/resume.js';
import { missingEngine } from '../../../scripts/engines.mjs';
import { type Backplane, clustered, memory, redis } from '../../../src/cluster.js';
import type { Spark } from '../../../src/index.js';
import { type Engine, startRedis } from '../../support/engines.js';
import { cleanup, serve, until } from '../../support/serve.js';

const TRANSFORMERS = ['websockets', 'engine.io', 'sockjs', 'faye', 'browserchannel', 'uws', 'socket.io'];

/** The messages that each end writes. */
const COUNT = 300;

/** Starts a load balancer of TCP connections, which sends all of them to one port. */
async function startBalancer(port: number) {
  const sockets = new Set<Socket>();
  let target = port;
  const server = createServer((socket) => {
    const upstream = connect(target, '127.0.0.1');
    for (const end of [socket, upstream]) {
      sockets.add(end);
      end.on('error', () => {});
      end.on('close', () => {
        sockets.delete(end);
        socket.destroy();
        upstream.destroy();
      });
    }
    socket.pipe(upstream).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const move = (to: number) => {
    target = to;
    for (const socket of sockets) socket.destroy();
  };
  cleanup(() => {
    server.close();
    move(0);
  });
  return { port: (server.address() as AddressInfo).port, move };
}

/** Lets a client move between two nodes, with messages in both directions and to its room and channel. */
async function travel(transformer: string, backplane: () => Backplane): Promise<void> {
  const resume = { identity: () => 'ada' };
  const nodes = await Promise.all(
    ['n1', 'n2'].map(async (node) => {
      const served = await serve({ transformer, resume, pingInterval: false });
      const cluster = clustered(served.primus, backplane(), { node });
      cluster.channels({ name: /^news$/, history: { size: 10_000, ttl: 60_000 } });
      const sparks: Spark[] = [];
      served.primus.on('connection', (spark) => sparks.push(spark));
      return { ...served, cluster, sparks };
    }),
  );
  const [one, two] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  await until(() => nodes.every(({ cluster }) => cluster.state === 'up' && cluster.nodes.length === 2));
  const up: unknown[] = [];
  for (const { primus } of nodes) primus.on('connection', (spark) => spark.on('data', (data) => up.push(data)));
  const balancer = await startBalancer(one.port);
  const client = new one.primus.Socket(`http://127.0.0.1:${balancer.port}`, {
    reconnect: { min: 5, max: 50, retries: Infinity },
    resume: true,
  });
  cleanup(() => client.destroy());
  const down: unknown[] = [];
  const outcomes: Resume[] = [];
  client.on('data', (data) => down.push(data));
  client.resume$.subscribe((outcome) => outcomes.push(outcome));
  await until(() => one.sparks.length === 1);
  await one.cluster.join(one.sparks[0] as Spark, 'lobby');
  for (let n = 0; n < COUNT; n++) {
    client.write(n);
    one.cluster.to({ room: 'lobby' }).write(`one ${n}`);
    two.cluster.to({ room: 'lobby' }).write(`two ${n}`);
    if (n % 100 === 50) {
      const to = n % 200 === 50 ? two : one;
      const before = to.sparks.length;
      balancer.move(to.port);
      await until(() => to.sparks.length > before);
    } else await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => down.length >= 2 * COUNT && up.length >= COUNT);
  expect(up).toEqual(Array.from({ length: COUNT }, (_, n) => n));
  for (const name of ['one', 'two'])
    expect(down.filter((text) => String(text).startsWith(name))).toEqual(Array.from({ length: COUNT }, (_, n) => `${name} ${n}`));
  expect(outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed', 'resumed', 'resumed']);
  expect(one.primus.connected + two.primus.connected).toBe(1);
}

describe.skipIf(missingEngine('redis-server'))('a session on two servers with Redis', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startRedis();
  });
  afterAll(() => engine.close());

  it('loses nothing when its client moves between them', () =>
    travel('websockets', () => redis(createClient({ url: `redis://127.0.0.1:${engine.port}` }))));
});

describe('a session on two servers', () => {
  it.each(TRANSFORMERS)('loses nothing when its client moves between them, with %s', (transformer) => {
    const backplane = memory();
    return travel(transformer, () => backplane);
  });
});
