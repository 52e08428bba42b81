import { describe, expect, it } from 'vitest';
import { interactive } from '../../operators/interactive.js';
import { attempts, ranges } from './attempts.js';
import { marbles } from './marbles.js';

describe('interactive', () => {
  it(
    'waits between 0.5 s and 30 s, longer when the server asks for it, and stops when credentials are rejected',
    marbles(({ scheduler, expectObservable }) => {
      const errors = ['refused', 'refused', { retryAfter: 60_000 }, { status: 503 }, { status: 401 }];
      expectObservable(attempts(interactive({ random: () => 0 }), scheduler, ...errors)).toBe('c 499ms c 999ms c 61999ms c 3999ms (cf|)');
    }),
  );

  it('doubles up to 30 s, and never gives up', () => {
    const delays = ranges((random) => interactive({ random }), 1_000);
    expect(delays.slice(0, 6)).toEqual([
      [500, 1_000],
      [1_000, 2_000],
      [2_000, 4_000],
      [4_000, 8_000],
      [8_000, 16_000],
      [15_000, 30_000],
    ]);
    expect(delays.slice(6)).toEqual(Array.from({ length: 994 }, () => [15_000, 30_000]));
  });

  it.each([401, 403])('stops at %i, whatever the server asks for', (status) => {
    expect(interactive()(1, { status, retryAfter: 1_000 })).toBe(false);
  });

  it('takes the options of its back-off', () => {
    expect(ranges((random) => interactive({ random, min: '1 s', max: '3 s', factor: 3, retries: 2 }), 3)).toEqual([
      [1_000, 2_000],
      [1_500, 3_000],
      [false, false],
    ]);
  });

  it('throws a TypeError at the call for an option that is no duration', () => {
    expect(() => interactive({ max: 'long' })).toThrow(TypeError);
  });
});
