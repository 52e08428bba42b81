import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../src/index.js';
import { type Command, checkSequences, commandsOn } from '../support/sequences.js';
import { slowParser } from '../support/slow-parser.js';
import { ClusterWorld } from './cluster-world.js';

/** The sequences of each setting. */
const RUNS = 300;

const { command, commandOf } = commandsOn<ClusterWorld>();
const NODES = ['n1', 'n2', 'n3'];

const node = fc.constantFrom(...NODES);
const client = fc.integer({ min: 0, max: 2 });
const few = fc.integer({ min: 1, max: 4 });
const since = fc.constantFrom('position' as const, 'position' as const, 'head' as const, null);
const engineCommand = fc.constantFrom('listen' as const, 'append' as const, 'read' as const);

/** The commands, by how often they occur. */
const commands = fc.oneof(
  commandOf(10, 'pass', [fc.constantFrom(0, 1, 3, 10, 100, 500, 1_200)], (world, ms) => world.pass(ms)),
  commandOf(2, 'pass', [fc.constantFrom(4_000, 7_000)], (world, ms) => world.pass(ms)),
  commandOf(6, 'write', [node, few], (world, name, count) => world.write(name, count)),
  commandOf(8, 'publish', [node, fc.constantFrom(1, 1, 2, 3, 10)], (world, name, count) => void world.publish(name, count)),
  commandOf(1, 'flood', [node], (world, name) => world.write(name, 100)),
  commandOf(2, 'ask', [node], (world, name) => world.ask(name)),
  commandOf(4, 'connect', [client, node], (world, number, name) => world.connect(number, name)),
  commandOf(2, 'disconnect', [client], (world, number) => world.disconnect(number)),
  commandOf(5, 'subscribe', [client, since], (world, number, from) => world.subscribe(number, from)),
  commandOf(2, 'unsubscribe', [client], (world, number) => world.unsubscribe(number)),
  commandOf(3, 'drop', [node, few], ({ engine }, name, count) => {
    engine.faultsOf(name).drop = count;
  }),
  commandOf(2, 'delay', [node, fc.constantFrom(0, 5, 50, 400)], ({ engine }, name, ms) => {
    engine.faultsOf(name).delay = ms;
  }),
  commandOf(2, 'split', [node, node], ({ engine }, one, other) => {
    if (one === other) return;
    engine.faultsOf(one).separated.add(other);
    engine.faultsOf(other).separated.add(one);
  }),
  commandOf(2, 'freeze', [node], ({ engine }, name) => {
    engine.faultsOf(name).isFrozen = true;
  }),
  commandOf(3, 'heal', [node], ({ engine }, name) => engine.faultsOf(name).heal()),
  commandOf(2, 'down', [], ({ engine }) => engine.down()),
  commandOf(4, 'up', [], ({ engine }) => engine.up()),
  commandOf(1, 'loseHistory', [], ({ engine }) => engine.loseHistory()),
  commandOf(1, 'restart', [], ({ engine }) => engine.restart()),
  commandOf(1, 'failOver', [few, fc.integer({ min: 0, max: 6 })], (world, lost, appended) => world.failOver(lost, appended)),
  commandOf(2, 'slow', [node, engineCommand, fc.constantFrom(10, 300, 1_500)], ({ engine }, name, what, ms) => {
    engine.faultsOf(name).slow[what] = ms;
  }),
  commandOf(2, 'reject', [node, engineCommand, few], ({ engine }, name, what, count) => {
    engine.faultsOf(name).reject[what] = count;
  }),
  commandOf(1, 'buffer', [node, fc.constantFrom(0, 1e9)], ({ engine }, name, bytes) => {
    engine.faultsOf(name).bufferedAmount = bytes;
  }),
  commandOf(1, 'kill', [node], (world, name) => world.stop(name, true)),
  commandOf(1, 'leave', [node], (world, name) => world.stop(name, false)),
  commandOf(3, 'start', [node], (world, name) => world.start(name)),
);

/** Sequences that have found something, or that seldom occur. */
const found: [string, (world: ClusterWorld) => Promise<void>][] = [
  [
    'does not deliver what was announced before a copy took over',
    async (world) => {
      world.publish('n1', 10);
      await world.pass(3);
      world.failOver(2, 0);
    },
  ],
  [
    'takes no entries of a copy for those that follow, when the last one before them is not kept any more',
    async (world) => {
      world.publish('n1', 2);
      await world.pass(100);
      world.failOver(2, 6);
      world.publish('n1', 4);
    },
  ],
  [
    'sends nothing before what waits for the engine',
    async (world) => {
      world.engine.faultsOf('n1').bufferedAmount = 1e9;
      world.write('n1', 2);
      await world.pass(5);
      world.engine.faultsOf('n1').bufferedAmount = 0;
      world.write('n1', 2);
      await world.pass(100);
    },
  ],
  [
    'has a gap for a client that was away when the history was lost',
    async (world) => {
      await away(world, () => {
        world.engine.loseHistory();
        world.publish('n1', 5);
      });
    },
  ],
  ['has a gap for a client that was away too long', (world) => away(world, () => world.publish('n1', 12))],
  [
    'ignores who was present at a node that is dead',
    async (world) => {
      world.engine.faultsOf('n1').delay = 8_000;
      world.connect(0, 'n3');
      world.subscribe(0, 'position');
      await world.pass(50);
      world.engine.faultsOf('n1').delay = 0;
      await world.stop('n3', true);
      await world.pass(3_000);
    },
  ],
  [
    'keeps a channel open that a spark joins while another one that has left was waiting for it',
    async (world) => {
      world.connect(2, 'n3');
      await world.pass(0);
      world.subscribe(2, 'position');
      world.connect(2, 'n3');
    },
  ],
  [
    'forgets who was present at a node that has left',
    async (world) => {
      world.connect(0, 'n3');
      world.subscribe(0, 'position');
      await world.pass(50);
      world.engine.faultsOf('n1').drop = 1;
      await world.stop('n3', false);
    },
  ],
];

/** Lets something happen while a client is away that has received three messages. */
async function away(world: ClusterWorld, run: () => unknown): Promise<void> {
  world.connect(0, 'n1');
  world.subscribe(0, 'position');
  world.publish('n1', 3);
  await world.pass(200);
  world.disconnect(0);
  run();
  await world.pass(200);
  world.connect(0, 'n1');
  await world.pass(200);
  expect(world.clients[0]?.gaps).toHaveLength(1);
}

const settings: [string, (world: () => ClusterWorld) => ServerOptions][] = [
  ['a parser that answers at once', () => ({})],
  ['a parser that answers later', (world) => ({ parser: slowParser(2, (run, ms) => world().clock.schedule(run, ms)) })],
];

describe.each(settings)('a cluster on a simulated engine, with %s,', (_title, optionsOf) => {
  it('keeps its laws in every sequence of faults', async () => {
    await checkSequences('cluster', { commands, runs: RUNS, maxLength: 30 }, async (sequence) => {
      await run(optionsOf, sequence);
    });
  }, 300_000);

  it.each(found)('%s', async (_title, sequence) => {
    await run(optionsOf, [command('all', sequence)]);
    expect.hasAssertions();
  });
});

async function run(optionsOf: (world: () => ClusterWorld) => ServerOptions, sequence: readonly Command<ClusterWorld>[]): Promise<void> {
  const world: ClusterWorld = new ClusterWorld(
    NODES,
    3,
    optionsOf(() => world),
  );
  await world.pass(50);
  for (const name of NODES) world.write(name, 1);
  await world.pass(0);
  for (const { run } of sequence) await run(world);
  await world.converge();
  await world.destroy();
}
