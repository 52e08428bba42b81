import { type Duration, LONGEST_WAIT, milliseconds } from './duration.js';
import type { Policy } from './policy.js';

/** The options of `constant`. */
export interface ConstantOptions {
  /** Attempts before giving up. @defaultValue 10 */
  retries?: number;
}

/**
 * Creates a policy that waits equally long before each attempt, without jitter: for one client, a script or a test. Many clients would all
 * reconnect in the same millisecond.
 *
 * ```
 * attempt   1     2     3
 * delay     5000  5000  5000
 * ```
 *
 * @throws TypeError when `delay` is no duration
 *
 * @example
 * ```ts
 * import { constant } from 'primus-rx/operators';
 *
 * const policy = constant('5 s', { retries: 3 });
 * policy(1); // 5,000
 * ```
 */
export function constant(delay: Duration, { retries = 10 }: ConstantOptions = {}): Policy {
  const wait = Math.min(milliseconds(delay), LONGEST_WAIT);
  return (attempt) => attempt <= retries && wait;
}
