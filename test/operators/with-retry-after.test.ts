import { describe, expect, it } from 'vitest';
import { constant } from '../../operators/constant.js';
import { exponential } from '../../operators/exponential.js';
import { withRetryAfter } from '../../operators/with-retry-after.js';
import { attempts, high, ranges } from './attempts.js';
import { marbles } from './marbles.js';

const busy = { retryAfter: 10 };

describe('withRetryAfter', () => {
  it(
    'adds the delay that the server asks for and a share of half of it, and nothing to other errors',
    marbles(({ scheduler, expectObservable }) => {
      const policy = withRetryAfter({ random: () => 0.4 })(constant(5, { retries: 3 }));
      // 5, then 5 + 10 + 0.4 · 5, then 5.
      expectObservable(attempts(policy, scheduler, 'refused', busy, 'refused')).toBe('c 4ms c 16ms c 4ms (cf|)');
    }),
  );

  it('spreads clients of a policy without jitter from the delay of the server to 1.5 times that', () => {
    expect(ranges((random) => withRetryAfter({ random })(constant(500)), 1, { retryAfter: 10_000 })).toEqual([[10_500, 15_500]]);
    expect(ranges((random) => withRetryAfter({ random, spread: 0 })(constant(500)), 1, { retryAfter: 10_000 })).toEqual([[10_500, 10_500]]);
    expect(ranges((random) => withRetryAfter({ random, spread: 2 })(constant(0)), 1, { retryAfter: 10_000 })).toEqual([[10_000, 30_000]]);
  });

  it('passes number, error and previous delay on', () => {
    const seen: unknown[] = [];
    withRetryAfter()((...args) => seen.push(args))(3, busy, 200);
    expect(seen).toEqual([[3, busy, 200]]);
  });

  it('gives up when the policy does, whatever the server asks for', () => {
    expect(withRetryAfter()(exponential({ retries: 0 }))(1, busy)).toBe(false);
  });

  it('reads the delay with a function', () => {
    const policy = withRetryAfter({ retryAfter: (error) => Number((error as Error).message) * 1_000, spread: 0 })(constant(1));
    expect(policy(1, new Error('7'))).toBe(7_001);
    expect(policy(1, new Error('later'))).toBe(1);
  });

  it.each([undefined, null, 'error', {}, { retryAfter: undefined }, { retryAfter: null }, { retryAfter: Number.NaN }, { retryAfter: -5 }])(
    'adds nothing for the error %o',
    (error) => {
      expect(withRetryAfter({ random: high })(constant(500))(1, error)).toBe(500);
    },
  );

  it('counts once, however often a policy gets it', () => {
    const once = withRetryAfter({ random: high })(constant(500));
    expect(withRetryAfter({ spread: 9 })(once)).toBe(once);
  });

  it.each([-1, Number.NaN, 'half' as never])('throws a TypeError at the call for the spread %j', (spread) => {
    expect(() => withRetryAfter({ spread })).toThrow(TypeError);
  });
});
