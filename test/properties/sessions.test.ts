import fc from 'fast-check';
import { describe, it } from 'vitest';
import { type Command, checkSequences, commandsOn, play } from '../support/sequences.js';
import { SessionWorld, type Setting, WINDOW } from './session-world.js';

/** The sequences of each setting; six settings make 3,600. */
const RUNS = 600;

const { command } = commandsOn<SessionWorld>();
const path = fc.constantFrom('write', 'broadcast', '_write');
const few = fc.integer({ min: 1, max: 5 });
const size = fc.constantFrom(0, 0, 100);

/** The commands, by how often they occur. */
const commands = fc.oneof(
  { weight: 5, arbitrary: few.chain((n) => size.map((bytes) => command(`up(${n}, ${bytes})`, (world) => world.writeUp(n, bytes)))) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(few, size, path)
      .map(([n, bytes, by]) => command(`down(${n}, ${bytes}, ${by})`, (world) => world.writeDown(n, bytes, by))),
  },
  { weight: 6, arbitrary: fc.constantFrom(0, 1, 3, 10, 40, 100).map((ms) => command(`pass(${ms})`, (world) => world.pass(ms))) },
  { weight: 1, arbitrary: fc.constant(command('pass(window)', (world) => world.pass(WINDOW))) },
  {
    weight: 6,
    arbitrary: fc.constantFrom('both', 'client', 'server').map((by) => command(`lost(${by})`, (world) => world.breakLink(by))),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom('ack', 'resumed', 'resume').map((frame) => command(`lose(${frame})`, (world) => world.lose(frame))),
  },
  { weight: 2, arbitrary: fc.constantFrom(0, 2, 20).map((ms) => command(`twin(${ms})`, (world) => world.repeatResume(ms))) },
  {
    weight: 2,
    arbitrary: fc.tuple(few, fc.constantFrom(5, 40, 100)).map(([n, ms]) => command(`delay(${n}, ${ms})`, (world) => world.delay(n, ms))),
  },
  { weight: 1, arbitrary: fc.constant(command('end', (world) => world.end())) },
  { weight: 2, arbitrary: fc.boolean().map((up) => command(up ? 'network up' : 'network down', (world) => world.network(up))) },
  { weight: 1, arbitrary: fc.constant(command('thief', (world) => world.steal())) },
  { weight: 1, arbitrary: fc.constant(command('overflow down', (world) => world.writeDown(10, 1_000, 'write'))) },
  { weight: 1, arbitrary: fc.constant(command('overflow up', (world) => world.writeUp(10, 1_000))) },
  { weight: 1, arbitrary: fc.constant(command('spark.end', (world) => world.sparkEnd())) },
  { weight: 1, arbitrary: fc.constant(command('restart', (world) => world.restart())) },
  { weight: 1, arbitrary: fc.constantFrom(-1e9, 1e9).map((ms) => command(`clock ${ms}`, (world) => world.jump(ms))) },
);

async function run(setting: Setting, sequence: readonly Command<SessionWorld>[]): Promise<void> {
  const world = new SessionWorld(setting);
  await world.pass(50);
  await play(world, sequence);
  await world.settle();
  await world.destroy();
}

const settings: [string, Setting][] = [
  ['a network without latency', { latency: 0, slow: 0, isPoor: false }],
  ['a network with latency', { latency: 3, slow: 0, isPoor: false }],
  ['asynchronous parsers and message transformers', { latency: 2, slow: 10, isPoor: false }],
  ['slow message transformers', { latency: 1, slow: 0, transforming: 20, isPoor: false }],
  ['links that are soon full', { latency: 3, slow: 0, isPoor: false, maxBuffer: 400 }],
  ['little memory', { latency: 1, slow: 0, isPoor: true }],
];

describe.each(settings)('sessions, with %s,', (_title, setting) => {
  it('keep their laws in every sequence of faults', async () => {
    await checkSequences('sessions', { commands, runs: RUNS }, async (sequence) => {
      await run(setting, sequence);
    });
  }, 300_000);
});
