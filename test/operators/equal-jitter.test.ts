import { describe, expect, it } from 'vitest';
import { equalJitter } from '../../operators/equal-jitter.js';
import { attempts, ranges } from './attempts.js';
import { marbles } from './marbles.js';

describe('equalJitter', () => {
  it(
    'waits for at least half of a ceiling that doubles from 1 s',
    marbles(({ scheduler, expectObservable }) => {
      const policy = equalJitter({ random: () => 0.5, retries: 3 });
      expectObservable(attempts(policy, scheduler)).toBe('c 749ms c 1499ms c 2999ms (cf|)');
    }),
  );

  it('waits between half of the ceiling and the ceiling, and gives up after ten attempts', () => {
    const delays = ranges((random) => equalJitter({ random }), 11);
    expect(delays.slice(0, 3)).toEqual([
      [500, 1_000],
      [1_000, 2_000],
      [2_000, 4_000],
    ]);
    expect(delays.slice(9)).toEqual([
      [256_000, 512_000],
      [false, false],
    ]);
  });

  it('takes durations as strings, and keeps half of its range at the cap', () => {
    expect(ranges((random) => equalJitter({ base: '2 s', max: '5 s', factor: 3, random }), 3)).toEqual([
      [1_000, 2_000],
      [2_500, 5_000],
      [2_500, 5_000],
    ]);
  });

  it.each([{ base: 'soon' }, { base: -1 }, { max: Number.NaN }])('throws a TypeError at the call for %o', (options) => {
    expect(() => equalJitter(options)).toThrow(TypeError);
  });
});
