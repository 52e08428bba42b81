// Measures a room over two nodes through Redis, beside Socket.IO with its adapter: `node bench/cluster.mjs`, after a build.
import { parseArgs } from 'node:util';
import { requireProgram } from '../scripts/apt.mjs';
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
    rates: { type: 'string', default: '100,300,600' },
  },
});
const [members, messages, rounds, samples] = [flags.members, flags.messages, flags.rounds, flags.samples].map(Number);

/** How many messages a second both nodes together write at random times. */
const rates = flags.rates.split(',').map(Number);

/** The members of the room in which nothing but the way between the nodes takes time. */
const FEW = 2;

/** The messages of a turn, as a tick of a game or a batch from a queue has them. */
const BURST = 10;

/** The last one is what the others are compared with. */
const PEERS = ['primus-rx', 'primus-rx-uws', 'socket.io'];
const file = (name) => new URL(name, import.meta.url).pathname;

const redis = await startRedis();
try {
  const clusters = [];
  for (const peer of PEERS) clusters.push(await startCluster(peer));
  const single = await measure(clusters, rounds, (cluster) => perDelivery(cluster, 1));
  const bursts = await measure(clusters, rounds, (cluster) => perDelivery(cluster, BURST));
  const traffic = [];
  for (const rate of rates) traffic.push(await measure(clusters, Math.ceil(rounds / 2), (cluster) => underTraffic(cluster, rate)));
  const latency = await measure(clusters, 1, acrossNodes);
  await Promise.all(clusters.map(({ stop }) => stop()));
  const small = [];
  for (const peer of PEERS) small.push(await startCluster(peer, FEW));
  const quick = await measure(small, 1, acrossNodes);
  await Promise.all(small.map(({ stop }) => stop()));
  report([single, bursts, ...traffic], [quick, latency]);
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
async function perDelivery(cluster, burst) {
  const { nodes, loads } = cluster;
  const used = await cpuOf(cluster, async () => {
    for (let number = 0; number < messages; number++) {
      await Promise.all(loads.map((load) => load.expect(burst)));
      await nodes[number % 2].write(burst);
      await Promise.all(loads.map((load) => load.arrived()));
    }
  });
  return used / (messages * burst * members);
}

/** The same, while both nodes write at random times, whether the clients have what was before or not. */
async function underTraffic(cluster, rate) {
  const { nodes, loads } = cluster;
  // About two seconds.
  const each = rate;
  const used = await cpuOf(cluster, async () => {
    await Promise.all(loads.map((load) => load.expect(each * nodes.length)));
    await Promise.all(nodes.map((node) => node.play(each, rate / nodes.length)));
    await Promise.all(loads.map((load) => load.arrived()));
  });
  return used / (each * nodes.length * members);
}

/** The CPU time that both nodes take for something, in µs. */
async function cpuOf({ nodes, loads }, run) {
  await settled();
  await Promise.all(loads.map((load) => load.wake()));
  const before = await Promise.all(nodes.map((node) => node.cpu()));
  await run();
  const after = await Promise.all(nodes.map((node) => node.cpu()));
  await Promise.all(loads.map((load) => load.sleep()));
  return after.reduce((sum, { user, system }, at) => sum + user + system - before[at].user - before[at].system, 0);
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

async function startCluster(peer, size = members) {
  const { wire } = await import(`./cluster/${peer}.mjs`);
  const nodes = [0, 1].map(() => start(file('cluster/node.mjs'), [peer, redis.url]));
  const ports = [];
  for (const node of nodes) ports.push(await node.serve());
  const loads = [0, 1].map(() => start(file('load.mjs')));
  for (const [at, load] of loads.entries()) {
    await load.target(ports[at], wire);
    await load.open(size / 2);
  }
  // One more member, of the second node.
  const probe = start(file('load.mjs'));
  await probe.target(ports[1], wire);
  await probe.open(1);
  // The members of the other node are known when its engine has confirmed.
  await settled(500);
  return { peer, nodes, loads, probe, stop: () => Promise.all([...nodes, ...loads, probe].map((process) => process.stop())) };
}

function report(costs, [quick, latency]) {
  console.log(`A room of ${members} members over two nodes through Redis; ${messages} turns a round, ${rounds} rounds\n`);
  const loads = ['one message in a turn', `${BURST} in a turn`, ...rates.map((rate) => `${rate} a second at random`)];
  console.log(
    `| server CPU per delivery | ${PEERS.map((peer) => `${peer} | ratio`).join(' | ')} |\n|---|${'---:|---:|'.repeat(PEERS.length)}`,
  );
  for (const [at, taken] of costs.entries()) console.log(`| ${[loads[at], ...PEERS.flatMap((peer) => cost(taken, peer))].join(' | ')} |`);
  console.log(
    `\n| from node to node | ${PEERS.map((peer) => `${peer}: p50 | p99`).join(' | ')} |\n|---|${'---:|---:|'.repeat(PEERS.length)}`,
  );
  for (const [name, taken] of [
    [`a room of ${FEW} members`, quick],
    [`a room of ${members}`, latency],
  ]) {
    const at = (peer, q) => `${taken[peer][0][Math.floor(q * (samples - 1))].toFixed(2)} ms`;
    console.log(`| ${[name, ...PEERS.flatMap((peer) => [at(peer, 0.5), at(peer, 0.99)])].join(' | ')} |`);
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
  const folder = temporaryFolder('bench-redis');
  const port = await freePort();
  const process = startProgram(
    requireProgram('redis-server'),
    ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder],
    { stdio: 'ignore' },
  );
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      await kill(process);
      removeFolder(folder);
    },
  };
}
