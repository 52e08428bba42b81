// Measures a room over two nodes through Redis, beside Socket.IO with its adapter: `node bench/cluster.mjs`, after a build.
import { parseArgs } from 'node:util';
import { findProgram } from '../scripts/apt.mjs';
import { freePort } from '../scripts/ports.mjs';
import { kill, removeFolder, start as startProgram, temporaryFolder } from '../scripts/processes.mjs';
import { settled } from './lib/pair.mjs';
import { start } from './lib/rpc.mjs';
import { spread } from './lib/stats.mjs';

const { values: flags } = parseArgs({
  options: {
    members: { type: 'string', default: '500' },
    messages: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '10' },
    samples: { type: 'string', default: '1000' },
  },
});
const [members, messages, rounds, samples] = [flags.members, flags.messages, flags.rounds, flags.samples].map(Number);

/** The messages of a turn, as a tick of a game or a batch from a queue has them. */
const BURST = 10;

const PEERS = ['primus-rx', 'socket.io'];
const file = (name) => new URL(name, import.meta.url).pathname;

const redis = await startRedis();
try {
  const clusters = [];
  for (const peer of PEERS) clusters.push(await startCluster(peer));
  const single = await measure(clusters, rounds, (cluster) => perDelivery(cluster, 1));
  const bursts = await measure(clusters, rounds, (cluster) => perDelivery(cluster, BURST));
  const latency = await measure(clusters, 1, acrossNodes);
  report(single, bursts, latency);
  await Promise.all(clusters.map(({ stop }) => stop()));
} finally {
  await redis.stop();
}

/** Takes one round of each cluster after the other, so that a machine that slows down slows all of them. */
async function measure(clusters, count, round) {
  const taken = Object.fromEntries(clusters.map(({ peer }) => [peer, []]));
  for (let number = -1; number < count; number++) {
    for (const cluster of clusters) {
      const value = await round(cluster);
      // The first round warms up.
      if (number >= 0) taken[cluster.peer].push(value);
    }
  }
  return taken;
}

/** The CPU time of both nodes per delivered message, in µs. So many messages in a turn, the next ones when all have these. */
async function perDelivery({ nodes, loads }, burst) {
  await settled();
  await Promise.all(loads.map((load) => load.wake()));
  const before = await Promise.all(nodes.map((node) => node.cpu()));
  for (let number = 0; number < messages; number++) {
    await Promise.all(loads.map((load) => load.expect(burst)));
    await nodes[number % 2].write(burst);
    await Promise.all(loads.map((load) => load.arrived()));
  }
  const after = await Promise.all(nodes.map((node) => node.cpu()));
  await Promise.all(loads.map((load) => load.sleep()));
  const used = after.reduce((sum, { user, system }, at) => sum + user + system - before[at].user - before[at].system, 0);
  return used / (messages * burst * members);
}

/** The times from a write on one node to the arrival at a client of the other one, in ms. */
async function acrossNodes({ nodes, probe }) {
  const times = [];
  for (let number = 0; number < samples; number++) {
    await probe.expect(1);
    const written = await nodes[0].write(1);
    times.push((Number(await probe.arrived()) - written) / 1e6);
  }
  return times.sort((a, b) => a - b);
}

async function startCluster(peer) {
  const { wire } = await import(`./cluster/${peer}.mjs`);
  const nodes = [0, 1].map(() => start(file('cluster/node.mjs'), [peer, redis.url]));
  const ports = [];
  for (const node of nodes) ports.push(await node.serve());
  const loads = [0, 1].map(() => start(file('load.mjs')));
  for (const [at, load] of loads.entries()) {
    await load.target(ports[at], wire);
    await load.open(members / 2);
  }
  // One more member, of the second node.
  const probe = start(file('load.mjs'));
  await probe.target(ports[1], wire);
  await probe.open(1);
  // The members of the other node are known when its engine has confirmed.
  await settled(500);
  return { peer, nodes, loads, probe, stop: () => Promise.all([...nodes, ...loads, probe].map((process) => process.stop())) };
}

function report(single, bursts, latency) {
  console.log(`A room of ${members} members over two nodes through Redis; ${messages} turns a round, ${rounds} rounds\n`);
  console.log(
    `| peer | one message in a turn | ratio | ${BURST} in a turn | ratio | p50 across nodes | p99 |\n|---|---:|---:|---:|---:|---:|---:|`,
  );
  for (const peer of PEERS) {
    const times = latency[peer][0];
    const at = (q) => `${times[Math.floor(q * (times.length - 1))].toFixed(2)} ms`;
    console.log(`| ${[peer, ...cost(single, peer), ...cost(bursts, peer), at(0.5), at(0.99)].join(' | ')} |`);
  }
}

/** The server CPU per delivery of a peer, and its ratio to the other one, taken round by round. */
function cost(taken, peer) {
  const other = taken[PEERS.at(-1)];
  const ratio = spread(taken[peer].map((value, at) => value / other[at]));
  const { median } = spread(taken[peer]);
  return [`${median.toFixed(2)} µs`, `**${ratio.median.toFixed(2)}** (${ratio.low.toFixed(2)} – ${ratio.high.toFixed(2)})`];
}

async function startRedis() {
  const program = findProgram('redis-server');
  if (program === undefined) throw new Error('There is no redis-server. Is it installed? Run: apt-get install redis-server');
  const folder = temporaryFolder('bench-redis');
  const port = await freePort();
  const process = startProgram(program, ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder], { stdio: 'ignore' });
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      await kill(process);
      removeFolder(folder);
    },
  };
}
