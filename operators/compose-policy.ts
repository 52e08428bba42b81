import type { Policy, PolicyRule } from './policy.js';

/**
 * Applies rules to a policy, one after the other: the last one decides first.
 *
 * ```
 * composePolicy(exponential(), withRetryAfter(), stopOn(401))      is stopOn(401)(withRetryAfter()(exponential()))
 * ```
 *
 * @example
 * ```ts
 * import { composePolicy, fullJitter, stopOn, untilStable, withRetryAfter } from 'primus-rx/operators';
 *
 * const policy = composePolicy(fullJitter({ max: '1 minute' }), withRetryAfter(), untilStable('10 s'), stopOn(404));
 * ```
 */
export function composePolicy(policy: Policy, ...rules: readonly PolicyRule[]): Policy {
  return rules.reduce((composed, rule) => rule(composed), policy);
}
