// The program behind `npm run faults`: see docs/RELIABILITY.md.
import { writeFileSync } from 'node:fs';
import { ATTACKS } from './attacks/index.js';
import { type Cost, isWithinLimits, measure } from './attacks/run.js';
import { row, table } from './attacks/table.js';
import { playCluster } from './cluster/run.js';
import { describe as describeCluster } from './cluster/text.js';
import { findCulprit, fuzz } from './fuzz/run.js';
import { playFaults } from './mixed/run.js';
import { type ProgramOptions, parseOptions } from './options.js';
import { MESSAGES, runTraffic } from './traffic/run.js';
import { describe } from './traffic/text.js';

const MODES = { attacks: attackAll, cluster: playClusters, faults: playAll, fuzz: fuzzAll, sessions: runAll };

const options = parseOptions(process.argv.slice(2));
const passed = await MODES[options.mode](options);
process.exit(passed ? 0 : 1);

/** Plays mutated inputs against each server, and returns whether all survived. */
async function fuzzAll({
  transformers,
  parsers,
  compression,
  seed,
  inputs,
  minutes,
  index,
  until,
  only,
}: ProgramOptions): Promise<boolean> {
  const targets = transformers.flatMap((transformer) =>
    (parsers ?? ['json']).flatMap((parser) => compression.map((isCompressed) => ({ transformer, parser, compression: isCompressed }))),
  );
  const begin = performance.now();
  let passed = true;
  console.log(`seed ${seed}`);
  for (const [turn, target] of targets.entries()) {
    const settings = {
      ...target,
      seed,
      only,
      from: index ?? 0,
      until: until !== undefined ? until + 1 : index !== undefined ? index + 1 : Number.POSITIVE_INFINITY,
      inputs:
        inputs !== undefined
          ? inputs / (parsers?.length ?? 1) / compression.length
          : minutes === undefined
            ? 10_000
            : Number.POSITIVE_INFINITY,
      deadline: share(minutes, begin, targets.length - turn),
    };
    const result = await fuzz(settings);
    const name = `${target.transformer}, ${target.parser}, compression ${target.compression ? 'on' : 'off'}`;
    const rate = Math.round(result.inputs / result.seconds);
    const cost = `${result.seconds.toFixed(1)} s, ${rate} a second, longest stall ${result.stall.toFixed(0)} ms`;
    console.log(`${name}: ${result.inputs} inputs in ${result.cases} cases, ${cost}`);
    if (result.failure === undefined) continue;
    passed = false;
    console.log(`FAILED: ${result.failure}`);
    const culprit = await findCulprit(settings, result.suspects);
    const [first = 0, last = first] = [Math.min(...result.suspects), Math.max(...result.suspects)];
    const cases = culprit !== undefined ? `--index ${culprit}` : `--index ${first} --until ${last}`;
    const how = `--transformer ${target.transformer} --parser ${target.parser} --compression ${target.compression ? 'on' : 'off'}`;
    console.log(`Repeat it with: npm run faults -- ${how} --seed ${seed} ${cases}${only && ` --only ${only}`}`);
  }
  return passed;
}

/** Plays mixed faults against each server, and returns whether all survived without a leak. */
async function playAll({ transformers, compression, seed, inputs, minutes, index, only }: ProgramOptions): Promise<boolean> {
  const targets = transformers.flatMap((transformer) => compression.map((isCompressed) => ({ transformer, compression: isCompressed })));
  const begin = performance.now();
  let passed = true;
  console.log(`seed ${seed}`);
  for (const [turn, target] of targets.entries()) {
    const settings = {
      ...target,
      seed,
      only,
      from: index ?? 0,
      faults: index !== undefined ? 1 : (inputs ?? (minutes === undefined ? 1_000 : Number.POSITIVE_INFINITY)) / compression.length,
      deadline: share(minutes, begin, targets.length - turn),
    };
    const { faults, seconds, stall, heap, descriptors, kinds, failure, index: failed } = await playFaults(settings);
    const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
    console.log(
      `${target.transformer}, compression ${target.compression ? 'on' : 'off'}: ${faults} faults in ${seconds.toFixed(0)} s, ` +
        `heap ${megabytes(heap.before)} before, ${megabytes(heap.after)} after; ` +
        `descriptors ${descriptors.before} before, ${descriptors.after} after; longest stall ${stall.toFixed(0)} ms`,
    );
    if (only === '')
      console.log(
        `  ${Object.entries(kinds)
          .map(([kind, count]) => `${count} ${kind}`)
          .join(', ')}`,
      );
    if (failure === undefined) continue;
    passed = false;
    console.log(`FAILED${failed === undefined ? '' : ` in fault ${failed}`}: ${failure}`);
  }
  return passed;
}

/** Sends messages through a faulty network to each server, and returns whether everything has arrived as promised. */
async function runAll({ transformers, parsers, seed, inputs, minutes, messages, resume, only }: ProgramOptions): Promise<boolean> {
  const targets = transformers.flatMap((transformer) => (parsers ?? ['json']).map((parser) => ({ transformer, parser })));
  const begin = performance.now();
  let passed = true;
  console.log(`seed ${seed}`);
  for (const [turn, target] of targets.entries()) {
    const result = await runTraffic({
      ...target,
      resume,
      seed,
      only,
      faults: inputs ?? (minutes === undefined ? 1_000 : Number.POSITIVE_INFINITY),
      messages: messages ?? MESSAGES,
      deadline: share(minutes, begin, targets.length - turn),
    });
    console.log(`${target.transformer}, ${target.parser}: ${describe(result)}`);
    if (result.failure === undefined) continue;
    passed = false;
    console.log(`FAILED: ${result.failure}`);
    const how = `--sessions --transformer ${target.transformer} --parser ${target.parser} --inputs ${result.faults} --seed ${seed}`;
    console.log(`Repeat it with: npm run faults -- ${how}${only && ` --only '${only}'`}`);
  }
  return passed;
}

/** Plays faults on a cluster with each engine, and returns whether all was as promised. */
async function playClusters({ engines, seed, inputs, minutes, only, longest }: ProgramOptions): Promise<boolean> {
  const begin = performance.now();
  let passed = true;
  console.log(`seed ${seed}`);
  for (const [turn, engine] of engines.entries()) {
    const faults = inputs ?? (minutes === undefined ? 20 : Number.POSITIVE_INFINITY);
    const deadline = share(minutes, begin, engines.length - turn);
    const result = await playCluster({ engine, seed, only, faults, deadline, longest: longest && longest * 1_000 });
    console.log(`${engine}: ${describeCluster(result)}`);
    if (result.failure === undefined) continue;
    passed = false;
    console.log(`FAILED: ${result.failure}`);
    console.log(
      `Repeat it with: npm run faults -- cluster --engine ${engine} --inputs ${result.faults} --seed ${seed}${only && ` --only '${only}'`}`,
    );
  }
  return passed;
}

/** An equal share of the time that is left, as a moment of `performance.now()`. */
function share(minutes: number | undefined, begin: number, parts: number): number {
  if (minutes === undefined) return Number.POSITIVE_INFINITY;
  const now = performance.now();
  return now + (minutes * 60_000 - (now - begin)) / parts;
}

/** Measures all attacks, prints them, and returns whether all are within the limits. */
async function attackAll({ transformers, parsers, compression, only, seconds, tries, write }: ProgramOptions): Promise<boolean> {
  const costs: Cost[] = [];
  for (const transformer of transformers) {
    for (const parser of parsers ?? [undefined]) {
      for (const isCompressed of compression) {
        for (const attack of ATTACKS.filter(({ name }) => name.includes(only))) {
          const cost = await measure(attack, { transformer, parser, compression: isCompressed, duration: seconds * 1_000, tries });
          if (cost === undefined) continue;
          costs.push(cost);
          console.log(row(cost));
        }
      }
    }
  }
  if (write !== undefined) writeFileSync(write, `${table(costs)}\n`);
  const over = costs.filter((cost) => !isWithinLimits(cost));
  console.log(`\n${costs.length} attacks, ${over.length} over the limits`);
  return over.length === 0;
}
