import { type JitterOptions, jittered, type Policy } from './policy.js';

/**
 * Creates a policy with a floor: attempt `n` waits uniformly long between one half of its ceiling, `base · factor^(n-1)`, and the ceiling.
 *
 * ```
 * attempt   1           2            3
 * delay     [500,1000]  [1000,2000]  [2000,4000]  … and at the cap [max/2,max]
 * ```
 *
 * `exponential` has the same delays, by their shortest one: `exponential({ min })` is `equalJitter({ base: 2 * min })`, but for a `max` that is
 * close to `min`.
 *
 * @throws TypeError when `base` or `max` is no duration
 *
 * @example
 * ```ts
 * import { equalJitter } from 'primus-rx/operators';
 *
 * const policy = equalJitter({ base: '2 s', max: '1 minute' });
 * policy(1); // between 1,000 and 2,000
 * ```
 */
export function equalJitter(options: JitterOptions = {}): Policy {
  return jittered(0.5, options);
}
