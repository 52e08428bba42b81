import { describe, expect, it } from 'vitest';
import { fullJitter } from '../../operators/full-jitter.js';
import { attempts, ranges } from './attempts.js';
import { marbles } from './marbles.js';

// A policy, not an operator: the standing cases have no meaning for policies and their rules. What holds for all options is in test/properties.
describe('fullJitter', () => {
  it(
    'waits for a share of a ceiling that doubles from 1 s',
    marbles(({ scheduler, expectObservable }) => {
      const policy = fullJitter({ random: () => 0.25, retries: 3 });
      expectObservable(attempts(policy, scheduler)).toBe('c 249ms c 499ms c 999ms (cf|)');
    }),
  );

  it('waits between 0 and the ceiling, and gives up after ten attempts', () => {
    const delays = ranges((random) => fullJitter({ random }), 11);
    expect(delays.slice(0, 4)).toEqual([
      [0, 1_000],
      [0, 2_000],
      [0, 4_000],
      [0, 8_000],
    ]);
    expect(delays.slice(9)).toEqual([
      [0, 512_000],
      [false, false],
    ]);
  });

  it('takes durations as strings, and keeps its whole range at the cap', () => {
    expect(ranges((random) => fullJitter({ base: '2 s', max: '5 s', factor: 3, random }), 3)).toEqual([
      [0, 2_000],
      [0, 5_000],
      [0, 5_000],
    ]);
  });

  it('draws from Math.random by default', () => {
    const delay = fullJitter()(1);
    expect(delay).toBeGreaterThanOrEqual(0);
    expect(delay).toBeLessThanOrEqual(1_000);
  });

  it.each([{ base: 'soon' }, { base: -1 }, { max: Number.NaN }])('throws a TypeError at the call for %o', (options) => {
    expect(() => fullJitter(options)).toThrow(TypeError);
  });
});
