import fc from 'fast-check';
import { expect } from 'vitest';

/** A command on a world, by its name: what fast-check prints of a sequence that fails. */
export interface Command<World> extends fc.WithToStringMethod {
  readonly name: string;
  readonly run: (world: World) => Promise<void> | void;
}

/** Returns what makes the commands on one kind of world. */
export function commandsOn<World>() {
  const command = (name: string, run: Command<World>['run']): Command<World> => ({ name, run, [fc.toStringMethod]: () => name });

  /** Creates commands with arguments, and says how often they occur. */
  function commandOf<T extends unknown[]>(
    weight: number,
    name: string,
    args: { [Index in keyof T]: fc.Arbitrary<T[Index]> },
    run: (world: World, ...args: T) => Promise<void> | void,
  ) {
    const arbitrary = fc.tuple<T>(...args).map((values) => command(`${name}(${values.join(', ')})`, (world) => run(world, ...values)));
    return { weight, arbitrary };
  }

  return { command, commandOf };
}

/** Random sequences of commands: how many, and how long they are at most. */
export interface Sequences<World> {
  readonly commands: fc.Arbitrary<Command<World>>;
  readonly runs: number;
  readonly maxLength?: number;
}

/** Plays a sequence in a world, whose history has the names of what was played so far. */
export async function play<World extends { readonly history: string[] }>(world: World, sequence: readonly Command<World>[]): Promise<void> {
  for (const { name, run } of sequence) {
    world.history.push(name);
    await run(world);
  }
}

/** Checks random sequences. The variables `SEED` and `RUNS` repeat them, or take more: the seed is printed. */
export async function checkSequences<World>(
  what: string,
  { commands, runs, maxLength = 25 }: Sequences<World>,
  check: (sequence: readonly Command<World>[]) => Promise<void>,
): Promise<void> {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`${what}: seed ${seed}`);
  let sequences = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(commands, { minLength: 3, maxLength }), async (sequence) => {
      sequences += 1;
      await check(sequence);
    }),
    { numRuns: Number(process.env.RUNS ?? runs), seed },
  );
  expect(sequences).toBeGreaterThan(0);
}
