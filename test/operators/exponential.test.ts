import { describe, expect, it } from 'vitest';
import { type ExponentialOptions, exponential } from '../../operators/exponential.js';
import * as entry from '../../operators/index.js';
import { attempts, high, low } from './attempts.js';
import { marbles } from './marbles.js';

/** The shortest and the longest delay of each of the first attempts. */
function ranges(attempts: number, options: Omit<ExponentialOptions, 'random'> = {}): [number | false, number | false][] {
  const [shortest, longest] = [exponential({ ...options, random: low }), exponential({ ...options, random: high })];
  return Array.from({ length: attempts }, (_, index) => [shortest(index + 1), longest(index + 1)]);
}

// A policy, not an operator: the standing cases have no meaning here. What holds for all options is in test/properties.
describe('exponential', () => {
  it(
    'waits longer and longer',
    marbles(({ scheduler, expectObservable }) => {
      const policy = exponential({ random: () => 0.5, min: 2, retries: 3 });
      expectObservable(attempts(policy, scheduler)).toBe('c--c-----c-----------(cf|)');
    }),
  );

  it('doubles from 500 ms, and gives up after ten attempts', () => {
    expect(ranges(11)).toEqual([
      [500, 1000],
      [1000, 2000],
      [2000, 4000],
      [4000, 8000],
      [8000, 16_000],
      [16_000, 32_000],
      [32_000, 64_000],
      [64_000, 128_000],
      [128_000, 256_000],
      [256_000, 512_000],
      [false, false],
    ]);
  });

  it('grows by the factor', () => {
    expect(ranges(3, { min: 100, factor: 3 })).toEqual([
      [100, 200],
      [300, 600],
      [900, 1800],
    ]);
  });

  it('keeps half of its range at the cap', () => {
    expect(ranges(4, { min: 100, max: 500 })).toEqual([
      [100, 200],
      [200, 400],
      [250, 500],
      [250, 500],
    ]);
  });

  it('is never below min, even when the cap is close to it', () => {
    expect(ranges(2, { min: 100, max: 150 })).toEqual([
      [100, 150],
      [100, 150],
    ]);
    expect(ranges(1, { min: 100, max: 100 })).toEqual([[100, 100]]);
  });

  it('limits the delay to a max below min', () => {
    expect(ranges(2, { max: 100 })).toEqual([
      [50, 100],
      [50, 100],
    ]);
  });

  it('never shrinks', () => {
    expect(ranges(2, { min: 100, factor: 0.1 })).toEqual([
      [100, 200],
      [100, 200],
    ]);
  });

  it('is uniform in between, in whole ms', () => {
    const delays = [0.25, 0.5, 0.7501].map((random) => exponential({ random: () => random })(1));
    expect(delays).toEqual([625, 750, 875]);
  });

  it('draws anew for each attempt', () => {
    const draws = [0, 1, 0];
    const policy = exponential({ random: () => draws.shift() ?? Number.NaN });
    expect([policy(1), policy(1), policy(1)]).toEqual([500, 1000, 500]);
  });

  it('gives up at once without retries', () => {
    expect(exponential({ random: low, retries: 0 })(1)).toBe(false);
  });

  it('limits every delay to the longest that a timer can', () => {
    const longest = 2 ** 31 - 1;
    const endless = { retries: Infinity };
    for (const attempt of [23, 100, 5000]) {
      expect(exponential({ ...endless, random: low })(attempt)).toBe(2 ** 30);
      expect(exponential({ ...endless, random: high })(attempt)).toBe(longest);
      expect(exponential({ ...endless, random: high, min: 0 })(attempt)).toBe(0);
    }
    expect(exponential({ random: high, min: 2 ** 40 })(1)).toBe(longest);
  });

  it('takes durations as strings', () => {
    expect(ranges(3, { min: '1 s', max: '0.05 minutes' })).toEqual(ranges(3, { min: 1_000, max: 3_000 }));
  });

  it('has an older name', () => {
    expect(entry.backoff).toBe(entry.exponential);
  });

  it('draws from Math.random by default', () => {
    const delay = exponential()(1);
    expect(delay).toBeGreaterThanOrEqual(500);
    expect(delay).toBeLessThanOrEqual(1_000);
  });

  it.each([{ min: 'soon' }, { min: -1 }, { max: Number.NaN }, { max: '' }])('throws a TypeError at the call for %o', (options) => {
    expect(() => exponential(options)).toThrow(TypeError);
  });
});
