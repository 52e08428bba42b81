import { type Duration, LONGEST_WAIT, milliseconds } from './duration.js';
import { between, grown, type Policy } from './policy.js';

/** The options of `decorrelatedJitter`. */
export interface DecorrelatedJitterOptions {
  /** Shortest delay. @defaultValue 500 ms */
  min?: Duration;
  /** Longest delay; wins over `min`. @defaultValue Infinity */
  max?: Duration;
  /** The longest delay as a multiple of the previous one, at least 1. @defaultValue 3 */
  factor?: number;
  /** Attempts before giving up. @defaultValue 10 */
  retries?: number;
  /** A uniform source in [0, 1). @defaultValue Math.random */
  random?: () => number;
}

/**
 * Creates a policy that goes by the previous delay, not by the number of the attempt: uniformly long between `min` and `factor` times the
 * previous delay. Each client takes a course of its own.
 *
 * ```
 * previous   none        900         2000        700
 * delay      [500,1500]  [500,2700]  [500,6000]  [500,2100]  … and at the cap [min,max]
 * ```
 *
 * A delay may be shorter than the one before. A longer wait that a server asked for does not count as the previous delay: attempt `n` waits
 * at most `min · factor^n`.
 *
 * @throws TypeError when `min` or `max` is no duration
 *
 * @example
 * ```ts
 * import { decorrelatedJitter } from 'primus-rx/operators';
 *
 * const policy = decorrelatedJitter({ max: '30 s', retries: Infinity });
 * policy(2, undefined, 900); // between 500 and 2,700
 * ```
 */
export function decorrelatedJitter({
  min = 500,
  max = Infinity,
  factor = 3,
  retries = 10,
  random = Math.random,
}: DecorrelatedJitterOptions = {}): Policy {
  const longest = Math.min(milliseconds(max), LONGEST_WAIT);
  const first = milliseconds(min);
  // As with `exponential`, a `max` below `min` keeps half of its range.
  const shortest = first > longest ? longest / 2 : first;
  return (attempt, _error, previous = 0) => {
    if (attempt > retries) return false;
    const last = Math.min(Math.max(first, previous), grown(first, factor, attempt - 1));
    return between(shortest, Math.min(longest, grown(last, factor, 1)), random);
  };
}
