// Measures primus-rx beside its peers and prints the table; see `--help`.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { NotInstalled, startPair } from './lib/pair.mjs';
import { limits, overview, section, summarise } from './lib/report.mjs';
import { broadcast, broadcast5k, burst } from './measures/broadcast.mjs';
import { connect } from './measures/connect.mjs';
import { echo, lone, long } from './measures/echo.mjs';
import { idle } from './measures/idle.mjs';
import { receive } from './measures/receive.mjs';
import { resume } from './measures/resume.mjs';

const MEASURES = [echo, lone, long, broadcast, broadcast5k, burst, connect, idle, receive, resume];
const PEERS = ['ws', 'primus', 'primus-rx', 'primus-rx-resume', 'primus-rx-stream', 'uws', 'primus-rx-uws', 'engine.io', 'socket.io'];
/** The package of a peer, where it has another name. */
const PACKAGES = { uws: 'uWebSockets.js' };

/** The rounds that each generation runs even when the time is over. */
const LEAST_ROUNDS = 2;

const HELP = `node bench/run.mjs [options]

  --quick               fewer and shorter rounds: a first impression in under a minute
  --only echo,connect   these measures only: ${MEASURES.map(({ name }) => name).join(', ')}
  --peers ws,primus     these peers only: ${PEERS.join(', ')}
  --set rounds=20       changes a number of all chosen measures: connections, rounds, generations, ...
  --seconds 170         when to stop adding rounds; warm-ups and two rounds per process are always run, so a busy machine takes longer
  --write               writes bench/RESULTS.md although not everything was measured
  --cpu-prof <folder>   leaves CPU profiles of the measured processes there (and slows them down)

A run without options measures everything and writes bench/RESULTS.md. The status is 1 when sessions cost more than their limits.`;

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    peers: { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
    seconds: { type: 'string' },
    write: { type: 'boolean', default: false },
    'cpu-prof': { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (flags.help) {
  console.log(HELP);
  process.exit();
}

const only = names(
  flags.only,
  MEASURES.map(({ name }) => name),
);
const measures = MEASURES.filter(({ name, optional }) => (only === undefined ? !optional : only.includes(name)));
const peers = names(flags.peers, PEERS) ?? PEERS;
const changes = Object.fromEntries(
  flags.set.map((change) => {
    const [, key, number] = /^(\w+)=(\d+)$/.exec(change) ?? fail(`--set takes name=number, not ${change}`);
    return [key, Number(number)];
  }),
);
const profiling = flags['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${flags['cpu-prof']}`];

const versions = installed();
const [busy] = os.loadavg();
const facts = `Node ${process.versions.node}, ${os.availableParallelism()} cores, load average at the start ${busy.toFixed(1)}`;
const missing = new Set();
const started = performance.now();
const deadline = started + Number(flags.seconds ?? (flags.quick ? 42 : 170)) * 1000;
if (busy > 0.5 * os.availableParallelism()) console.error('Other processes are using this machine: expect wider spreads.\n');

const results = [];
for (const [index, measure] of measures.entries()) {
  const size = { ...measure.size, ...(flags.quick ? measure.quick : {}), ...changes };
  const samples = await take(measure, size, share(deadline, measures.length - index));
  const result = { measure, size, rounds: Object.values(samples)[0]?.length ?? 0, rows: summarise(measure, samples) };
  results.push(result);
  console.log(`${section(result, versions)}\n`);
}

console.log(overview(results, versions));
const { text: sessions, isOver } = limits(results);
if (sessions) console.log(`\n${sessions}`);
if (isOver) process.exitCode = 1;
for (const peer of missing) console.log(`\n${peer} was left out: it is not ${peer.startsWith('primus-rx') ? 'built' : 'installed'}.`);
console.log(`\n${facts}, ${Math.round((performance.now() - started) / 1000)} s`);
if (flags.write || (!flags.quick && !flags.only && !flags.peers && flags.set.length === 0 && profiling.length === 0)) {
  await writeFile(new URL('RESULTS.md', import.meta.url), report());
}

/**
 * Takes the samples of one measure. Each generation is a fresh process per peer, as the compiler may optimize one process
 * better than another. Within a generation the peers take turns, and another one begins each round. Rounds go on until the
 * time is over.
 */
async function take(measure, size, until) {
  const samples = {};
  for (let generation = 0; generation < size.generations; generation++) {
    const enough = share(until, size.generations - generation);
    const pairs = [];
    let trouble;
    try {
      const able = peers.filter((peer) => !missing.has(peer) && !measure.without?.includes(peer) && (measure.only?.includes(peer) ?? true));
      for (const outcome of await Promise.allSettled(able.map((peer) => startPair(peer, measure.role, profiling)))) {
        if (outcome.status === 'fulfilled') pairs.push(outcome.value);
        else if (outcome.reason instanceof NotInstalled) missing.add(outcome.reason.peer);
        else trouble ??= outcome.reason;
      }
      if (trouble !== undefined) throw trouble;
      for (const pair of pairs) {
        samples[pair.name] ??= [];
        await measure.prepare(pair, size);
      }
      for (let round = 0; round < size.rounds && (round < LEAST_ROUNDS || performance.now() < enough); round++) {
        for (let turn = 0; turn < pairs.length; turn++) {
          const pair = pairs[(turn + round) % pairs.length];
          samples[pair.name].push(await measure.round(pair, size));
        }
      }
    } finally {
      await Promise.all(pairs.map((pair) => pair.stop()));
    }
  }
  return samples;
}

/** The deadline of one of `parts` equal shares of the time left. */
function share(until, parts) {
  const now = performance.now();
  return now + Math.max(0, until - now) / parts;
}

function report() {
  return `# Measurements

${overview(results, versions)}

${sessions}

CPU time, user and system, of all threads of the process that holds the peer: its server, or its client for \`receive\`. The
load comes from another process. Peers are taken in turn, round by round. Medians, with the quarters on either side; ratios
are taken between neighbouring rounds. Lower is better. Sessions (the option \`resume\`) are compared with the same package without them. "Of it system" is what the operating system took to move the bytes,
which only fewer system calls can lower. ${facts}.

${results.map((result) => section(result, versions)).join('\n\n')}
`;
}

/** Reads the names of a comma-separated flag. Exits when one is unknown. */
function names(flag, all) {
  const list = flag?.split(',');
  for (const name of list ?? []) if (!all.includes(name)) fail(`There is no ${name}; there are ${all.join(', ')}`);
  return list;
}

/** The versions of the installed peers; this package is the one in the tree. */
function installed() {
  const list = PEERS.flatMap((peer) => {
    try {
      // Not all packages export their package.json.
      const text = readFileSync(new URL(`../node_modules/${PACKAGES[peer] ?? peer}/package.json`, import.meta.url), 'utf8');
      return [[peer, JSON.parse(text).version]];
    } catch {
      return [];
    }
  });
  return Object.fromEntries(list);
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
