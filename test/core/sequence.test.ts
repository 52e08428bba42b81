import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type Done, Pending, toEventual } from '../../src/core/eventual.js';
import { sequence } from '../../src/core/sequence.js';

const error = new Error('broken');

/** The ways in which a step can answer with a value, and with an error. */
const answers = {
  'at once': (value: unknown) => value,
  'by a callback at once': (value: unknown) => Pending.of<unknown>((done) => done(null, value)),
  'by a callback later': (value: unknown) => Pending.of<unknown>((done) => queueMicrotask(() => done(null, value))),
  'by a promise': (value: unknown) => Promise.resolve(value),
  'by a thenable': (value: unknown) => ({
    // biome-ignore lint/suspicious/noThenProperty: some libraries have their own promises.
    then: (resolve: (value: unknown) => void) => resolve(value),
  }),
} satisfies Record<string, (value: unknown) => unknown>;

const failures = {
  'throws at once': () => {
    throw error;
  },
  'calls back with an error at once': () => Pending.of((done) => done(error)),
  'calls back with an error later': () => Pending.of((done) => queueMicrotask(() => done(error))),
  rejects: () => Promise.reject(error),
} satisfies Record<string, () => unknown>;

type Way = keyof typeof answers;
const ways = Object.keys(answers) as Way[];

/** Runs a sequence to its end, whether that comes at once or later. */
async function run<T>(items: Iterable<T>, step: (item: T) => unknown, stop?: unknown): Promise<boolean> {
  return toEventual(sequence(items, step, stop));
}

describe('sequence', () => {
  it('answers at once while every step answers at once', () => {
    const seen: number[] = [];
    expect(sequence([1, 2, 3], (item) => seen.push(item))).toBe(true);
    expect(seen).toEqual([1, 2, 3]);
    expect(sequence([], () => false)).toBe(true);
    expect(sequence([1, 2, 3], (item) => item !== 2)).toBe(false);
  });

  it('runs any mix of steps in the same order and with the same result as a plain loop', async () => {
    const step = fc.record({ way: fc.constantFrom(...ways), value: fc.constantFrom(undefined, null, 0, '', true, false, 'data') });
    await fc.assert(
      fc.asyncProperty(fc.array(step), fc.constantFrom(true, false), fc.boolean(), async (steps, stop, asArray) => {
        const last = steps.findIndex(({ value }) => value === stop);
        const expected = last === -1 ? steps : steps.slice(0, last + 1);
        const seen: unknown[] = [];
        const passes = await run(
          asArray ? steps : new Set(steps),
          (item) => {
            seen.push(item);
            return answers[item.way](item.value);
          },
          stop,
        );
        expect(seen).toEqual(expected);
        expect(passes).toBe(last === -1);
      }),
    );
  });

  it('fails with the first error of any mix of steps, and runs none behind it', async () => {
    const way = fc.constantFrom(...ways);
    const failure = fc.constantFrom(...(Object.keys(failures) as (keyof typeof failures)[]));
    await fc.assert(
      fc.asyncProperty(fc.array(way), failure, fc.array(way), async (before, failing, after) => {
        const steps = [...before.map((name) => answers[name]), failures[failing], ...after.map((name) => answers[name])];
        let count = 0;
        const ended = run(steps, (answer) => {
          count++;
          return answer('data');
        });
        await expect(ended).rejects.toBe(error);
        expect(count).toBe(before.length + 1);
      }),
    );
  });

  it.each(['at once', 'by a callback at once', 'by a callback later', 'by a promise'] satisfies Way[])(
    'runs 100,000 steps that answer %s without growing the stack',
    async (way) => {
      const items = Array.from({ length: 100_000 }, (_, index) => index);
      const depths = new Set<number>();
      const step = (item: number): unknown => {
        if (item % 10_000 === 0) depths.add(new Error().stack?.split('\n').length ?? 0);
        return answers[way]('data');
      };
      Error.stackTraceLimit = 200;
      for (const source of [items, new Set(items)]) expect(await run(source, step)).toBe(true);
      Error.stackTraceLimit = 10;
      expect(Math.max(...depths)).toBeLessThan(60);
    },
  );

  it('goes on in the turn in which a callback is called', () => {
    const seen: unknown[] = [];
    const callbacks: Done<unknown>[] = [];
    const pending = sequence([1, 2, 3], (item) => {
      seen.push(item);
      return item === 3 ? undefined : Pending.of((done) => void callbacks.push(done));
    }) as Pending<boolean>;
    pending.read((failure, passes) => seen.push([failure, passes]));
    expect(seen).toEqual([1]);
    callbacks[0]?.();
    expect(seen).toEqual([1, 2]);
    callbacks[1]?.();
    expect(seen).toEqual([1, 2, 3, [null, true]]);
  });

  it('counts only the first call of a callback', async () => {
    const step = vi.fn((item: number) =>
      Pending.of((done) => {
        const answer = () => {
          done();
          done(error);
          done(null, false);
        };
        if (item === 1) answer();
        else queueMicrotask(answer);
      }),
    );
    expect(await run([1, 2, 3], step)).toBe(true);
    expect(step.mock.calls).toEqual([[1], [2], [3]]);
  });

  it('counts only the first answer of a thenable', async () => {
    const step = vi.fn(() => ({
      // biome-ignore lint/suspicious/noThenProperty: some libraries have their own promises.
      then: (resolve: (value: unknown) => void) => {
        resolve('data');
        resolve(false);
      },
    }));
    expect(await run([1, 2], step)).toBe(true);
    expect(step).toHaveBeenCalledTimes(2);
  });

  it('includes items that join before their turn, and leaves out those that leave', async () => {
    const change = (item: number, items: { add(item: number): unknown; delete(item: number): unknown }) => {
      if (item === 1) items.delete(2);
      if (item === 3) items.add(4);
      return answers[item % 3 ? 'at once' : 'by a callback later']('data');
    };
    const set = new Set([1, 2, 3]);
    const seen: number[] = [];
    await run(set, (item) => {
      seen.push(item);
      return change(item, set);
    });
    expect(seen).toEqual([1, 3, 4]);
    const list = [1, 2];
    await run(list, (item) => {
      if (item < 4) list.push(item + 2);
      return answers['by a promise']('data');
    });
    expect(list).toEqual([1, 2, 3, 4, 5]);
  });

  it.each([undefined, null, 0, ''])('fails when a step rejects with %j, or throws it behind a late one', async (thrown) => {
    await expect(run([1], () => Promise.reject(thrown))).rejects.toThrow(String(thrown));
    const late = run([1, 2], (item) => {
      if (item === 2) throw thrown;
      return answers['by a promise']('data');
    });
    await expect(late).rejects.toBeInstanceOf(Error);
  });

  it('does not take what its reader throws for an error of a step', async () => {
    let answer: Done<unknown> = () => {};
    const reader = vi.fn(() => {
      throw error;
    });
    const pending = sequence([1], () =>
      Pending.of((done) => {
        answer = done;
      }),
    ) as Pending<boolean>;
    pending.read(reader);
    expect(() => answer()).toThrow(error);
    expect(reader.mock.calls).toEqual([[null, true]]);
  });
});
