import { type JitterOptions, jittered, type Policy } from './policy.js';

/**
 * Creates a policy that spreads clients as widely as it can: attempt `n` waits uniformly long between 0 and its ceiling, `base · factor^(n-1)`.
 *
 * ```
 * attempt   1         2         3
 * delay     [0,1000]  [0,2000]  [0,4000]  … and at the cap [0,max]
 * ```
 *
 * A delay may be close to 0: of many clients, a few reconnect at once.
 *
 * @throws TypeError when `base` or `max` is no duration
 *
 * @example
 * ```ts
 * import { fullJitter } from 'primus-rx/operators';
 *
 * const policy = fullJitter({ max: '30 s', retries: Infinity });
 * policy(1); // between 0 and 1,000
 * ```
 */
export function fullJitter(options: JitterOptions = {}): Policy {
  return jittered(0, options);
}
