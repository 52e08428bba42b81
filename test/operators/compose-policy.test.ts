import { describe, expect, it } from 'vitest';
import { composePolicy } from '../../operators/compose-policy.js';
import { constant } from '../../operators/constant.js';
import type { PolicyRule } from '../../operators/policy.js';
import { stopOn } from '../../operators/stop-on.js';
import { withRetryAfter } from '../../operators/with-retry-after.js';
import { attempts } from './attempts.js';
import { marbles } from './marbles.js';

describe('composePolicy', () => {
  it(
    'applies rules one after the other',
    marbles(({ scheduler, expectObservable }) => {
      const policy = composePolicy(constant(3), withRetryAfter({ spread: 0 }), stopOn(403));
      expectObservable(attempts(policy, scheduler, 'refused', { retryAfter: 5 }, { status: 403 })).toBe('c--c-------(cf|)');
    }),
  );

  it('lets the last rule decide first', () => {
    const calls: string[] = [];
    const noted =
      (name: string): PolicyRule =>
      (policy) =>
      (...args) => {
        calls.push(name);
        return policy(...args);
      };
    composePolicy(() => calls.push('policy'), noted('first'), noted('last'))(1);
    expect(calls).toEqual(['last', 'first', 'policy']);
  });

  it('is the policy itself without rules', () => {
    const policy = constant(3);
    expect(composePolicy(policy)).toBe(policy);
  });
});
