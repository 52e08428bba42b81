import { describe, expect, it, vi } from 'vitest';
import { type Done, type Eventual, isPromise, Pending, toEventual } from '../../src/core/eventual.js';
import { fromNodeCallback } from '../../src/core/from-node-callback.js';
import { settle } from '../support/clock.js';

/** The two ways to run a function that takes a callback. A reader of a `Pending` is called in the same turn; a promise weighs less in a page. */
const ways: [string, <T>(run: (done: Done<T>) => unknown) => Eventual<T>][] = [
  ['Pending', (run) => toEventual(Pending.of(run))],
  ['fromNodeCallback', fromNodeCallback],
];

/** Creates a function that calls its callback when `answer` is called. */
function deferred<T>(): { run: (done: Done<T>) => void; answer: Done<T> } {
  let waiting: Done<T> = () => {};
  const run = (done: Done<T>): void => {
    waiting = done;
  };
  return { run, answer: (...args) => waiting(...args) };
}

const fails = (): never => {
  throw new Error('broken');
};

describe.each(ways)('%s', (_, answerOf) => {
  it('returns the value of a callback that is called at once', () => {
    expect(answerOf((done) => done(null, 42))).toBe(42);
    expect(answerOf((done) => done(undefined, 0))).toBe(0);
    expect(answerOf((done) => done())).toBeUndefined();
  });

  it('throws the error of a callback that is called at once', () => {
    expect(() => answerOf((done) => done(new Error('no')))).toThrow('no');
  });

  it('throws what the function throws', () => {
    expect(() => answerOf(fails)).toThrow('broken');
  });

  it('returns a promise when the callback is called later', async () => {
    const { run, answer } = deferred<number>();
    const later = answerOf(run);
    expect(later).toBeInstanceOf(Promise);
    answer(null, 42);
    expect(await later).toBe(42);
  });

  it('rejects when the callback is called with an error later', async () => {
    const { run, answer } = deferred<number>();
    const later = answerOf(run);
    answer(new Error('late'));
    await expect(later).rejects.toThrow('late');
  });

  it('counts only the first call of the callback, at once or later', async () => {
    expect(
      answerOf<number>((done) => {
        done(null, 1);
        done(new Error('second'));
        done(null, 3);
      }),
    ).toBe(1);
    const { run, answer } = deferred<number>();
    const later = answerOf(run);
    answer(null, 1);
    answer(new Error('second'));
    answer(null, 3);
    expect(await later).toBe(1);
  });

  it('takes the rejection of an async function as its error', async () => {
    await expect(answerOf(async () => fails())).rejects.toThrow('broken');
    await expect(answerOf(() => Promise.reject(undefined))).rejects.toThrow('undefined');
  });

  it('ignores a rejection after the callback was called', () => {
    const answered = answerOf<number>(async (done) => {
      done(null, 1);
      fails();
    });
    expect(answered).toBe(1);
  });

  it('calls its reader at once when the outcome is known', async () => {
    const pending = Pending.of<number>((done) => queueMicrotask(() => done(null, 1))) as Pending<number>;
    await settle();
    const reader = vi.fn();
    pending.read(reader);
    expect(reader.mock.calls).toEqual([[null, 1]]);
  });
});

describe('isPromise', () => {
  it('recognizes any thenable, and nothing else', () => {
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
    for (const value of [Promise.resolve(), { then() {} }]) expect(isPromise(value)).toBe(true);
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
    for (const value of [null, undefined, 0, 'then', () => {}, {}, { then: true }]) expect(isPromise(value)).toBe(false);
  });
});
