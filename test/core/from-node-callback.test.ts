import { describe, expect, it } from 'vitest';
import type { Done } from '../../src/core/eventual.js';
import { isPromise } from '../../src/core/eventual.js';
import { fromNodeCallback } from '../../src/core/from-node-callback.js';

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

describe('fromNodeCallback', () => {
  it('returns the value of a callback that is called at once', () => {
    expect(fromNodeCallback((done) => done(null, 42))).toBe(42);
    expect(fromNodeCallback((done) => done(undefined, 0))).toBe(0);
    expect(fromNodeCallback((done) => done())).toBeUndefined();
  });

  it('throws the error of a callback that is called at once', () => {
    expect(() => fromNodeCallback((done) => done(new Error('no')))).toThrow('no');
  });

  it('throws what the function throws', () => {
    expect(() => fromNodeCallback(fails)).toThrow('broken');
  });

  it('returns a promise when the callback is called later', async () => {
    const { run, answer } = deferred<number>();
    const later = fromNodeCallback(run);
    expect(later).toBeInstanceOf(Promise);
    answer(null, 42);
    expect(await later).toBe(42);
  });

  it('rejects when the callback is called with an error later', async () => {
    const { run, answer } = deferred<number>();
    const later = fromNodeCallback(run);
    answer(new Error('late'));
    await expect(later).rejects.toThrow('late');
  });

  it('counts only the first call of the callback, at once or later', async () => {
    expect(
      fromNodeCallback<number>((done) => {
        done(null, 1);
        done(new Error('second'));
        done(null, 3);
      }),
    ).toBe(1);
    const { run, answer } = deferred<number>();
    const later = fromNodeCallback(run);
    answer(null, 1);
    answer(new Error('second'));
    answer(null, 3);
    expect(await later).toBe(1);
  });

  it('takes the rejection of an async function as its error', async () => {
    await expect(fromNodeCallback(async () => fails())).rejects.toThrow('broken');
    await expect(fromNodeCallback(() => Promise.reject(undefined))).rejects.toThrow('undefined');
  });

  it('ignores a rejection after the callback was called', () => {
    const answered = fromNodeCallback<number>(async (done) => {
      done(null, 1);
      fails();
    });
    expect(answered).toBe(1);
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
