import { describe, expect, it } from 'vitest';
import type { Done } from '../../src/core/parser.js';
import { isPromise, Later, settle, settlePromise } from '../../src/core/settle.js';
import { settle as turn } from '../support/clock.js';

/** What a Later came to. */
function outcome<T>(later: unknown): { values: T[]; errors: unknown[]; completed: boolean } {
  const seen = { values: [] as T[], errors: [] as unknown[], completed: false };
  (later as Later<T>).subscribe({
    next: (value) => seen.values.push(value),
    error: (error) => seen.errors.push(error),
    complete: () => {
      seen.completed = true;
    },
  });
  return seen;
}

/** A function that answers when it is told to. */
function held<T>(): { run: (done: Done<T>) => void; answer: Done<T> } {
  let waiting: Done<T> = () => {};
  const run = (done: Done<T>): void => {
    waiting = done;
  };
  return { run, answer: (...args) => waiting(...args) };
}

describe('settle', () => {
  it('returns an answer that comes at once', () => {
    expect(settle((done) => done(null, 42))).toBe(42);
    expect(settle((done) => done(undefined, 0))).toBe(0);
    expect(settle((done) => done())).toBeUndefined();
  });

  it('throws an error that comes at once', () => {
    expect(() => settle((done) => done(new Error('no')))).toThrow('no');
  });

  it('throws what the function throws', () => {
    expect(() =>
      settle(() => {
        throw new Error('broken');
      }),
    ).toThrow('broken');
  });

  it('is a Later when the answer is still to come: one value, and the end', () => {
    const { run, answer } = held<number>();
    const later = settle(run);
    expect(later).toBeInstanceOf(Later);
    const seen = outcome(later);
    expect(seen).toEqual({ values: [], errors: [], completed: false });
    answer(null, 42);
    expect(seen).toEqual({ values: [42], errors: [], completed: true });
  });

  it('keeps a late answer for whoever asks later still', () => {
    const { run, answer } = held<number>();
    const later = settle(run);
    answer(null, 42);
    expect(outcome(later)).toEqual({ values: [42], errors: [], completed: true });
  });

  it('errors when the late answer is an error', () => {
    const { run, answer } = held<number>();
    const seen = outcome(settle(run));
    const error = new Error('late');
    answer(error);
    expect(seen).toEqual({ values: [], errors: [error], completed: false });
  });

  it('counts only the first answer, at once or late', () => {
    expect(
      settle<number>((done) => {
        done(null, 1);
        done(new Error('second'));
        done(null, 3);
      }),
    ).toBe(1);
    const { run, answer } = held<number>();
    const seen = outcome(settle(run));
    answer(null, 1);
    answer(new Error('second'));
    answer(null, 3);
    expect(seen).toEqual({ values: [1], errors: [], completed: true });
  });

  it('takes the rejection of an async function for its answer, unless it has answered', async () => {
    const rejecting = settle(async () => Promise.reject(undefined));
    const seen = outcome(rejecting);
    await turn();
    expect(seen.errors).toEqual([new Error('undefined')]);
    const answered = settle<number>(async (done) => {
      done(null, 1);
      throw new Error('second');
    });
    expect(answered).toBe(1);
    await turn();
  });

  it('does not take an Observable, or a promise, that is a value for an answer that is late', () => {
    const promise = Promise.resolve();
    expect(settle((done) => done(null, promise))).toBe(promise);
  });
});

describe('settlePromise', () => {
  it('is the value, later', async () => {
    const seen = outcome(settlePromise(Promise.resolve(42)));
    expect(seen.values).toEqual([]);
    await Promise.resolve();
    expect(seen).toEqual({ values: [42], errors: [], completed: true });
  });

  it('is the rejection, later', async () => {
    const seen = outcome(settlePromise(Promise.reject(new Error('no'))));
    await Promise.resolve();
    expect(seen).toEqual({ values: [], errors: [new Error('no')], completed: false });
  });
});

describe('isPromise', () => {
  it('knows any thenable, and nothing else', () => {
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
    for (const value of [Promise.resolve(), { then() {} }]) expect(isPromise(value)).toBe(true);
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
    for (const value of [null, undefined, 0, 'then', () => {}, {}, { then: true }]) expect(isPromise(value)).toBe(false);
  });
});
