import { describe, expect, it } from 'vitest';
import { decorrelatedJitter } from '../../operators/decorrelated-jitter.js';
import { attempts, ranges } from './attempts.js';
import { marbles } from './marbles.js';

describe('decorrelatedJitter', () => {
  it(
    'goes by the previous delay: up to three times that, and shorter ones too',
    marbles(({ scheduler, expectObservable }) => {
      // 500 + 0.5 · 1,000, then 500 + 0.5 · 2,500, then the shortest, then 500 + 1 · 1,000.
      const draws = [0.5, 0.5, 0, 1];
      const policy = decorrelatedJitter({ random: () => draws.shift() as number, retries: 4 });
      expectObservable(attempts(policy, scheduler)).toBe('c 999ms c 1749ms c 499ms c 1499ms (cf|)');
    }),
  );

  it('begins between min and three times that', () => {
    expect(ranges((random) => decorrelatedJitter({ random }), 1)).toEqual([[500, 1_500]]);
    expect(ranges((random) => decorrelatedJitter({ random, min: '1 s', factor: 2 }), 1)).toEqual([[1_000, 2_000]]);
  });

  it('waits between min and three times the previous delay', () => {
    const [, , third] = ranges((random) => decorrelatedJitter({ random }), 3, undefined, 2_000);
    expect(third).toEqual([500, 6_000]);
  });

  it('does not take a longer wait, which a server asked for, for its own', () => {
    expect(ranges((random) => decorrelatedJitter({ random }), 3, undefined, 3_600_000)).toEqual([
      [500, 1_500],
      [500, 4_500],
      [500, 13_500],
    ]);
  });

  it('keeps its whole range at the cap', () => {
    const [, , , fourth] = ranges((random) => decorrelatedJitter({ random, max: '5 s' }), 4, undefined, 5_000);
    expect(fourth).toEqual([500, 5_000]);
  });

  it('limits the delay to a max below min, and keeps half of that', () => {
    expect(ranges((random) => decorrelatedJitter({ random, max: 100 }), 2, undefined, 100)).toEqual([
      [50, 100],
      [50, 100],
    ]);
  });

  it('gives up after ten attempts', () => {
    expect(ranges((random) => decorrelatedJitter({ random }), 11).findIndex(([shortest]) => shortest === false)).toBe(10);
  });

  it.each([{ min: 'soon' }, { min: -1 }, { max: Number.NaN }])('throws a TypeError at the call for %o', (options) => {
    expect(() => decorrelatedJitter(options)).toThrow(TypeError);
  });
});
