import { type Duration, LONGEST_WAIT, milliseconds } from './duration.js';
import type { Policy } from './policy.js';

/** The options of `exponential`. */
export interface ExponentialOptions {
  /** Shortest delay. @defaultValue 500 ms */
  min?: Duration;
  /** Longest delay; wins over `min`. @defaultValue Infinity */
  max?: Duration;
  /** Growth from one attempt to the next, at least 1. @defaultValue 2 */
  factor?: number;
  /** Attempts before giving up. @defaultValue 10 */
  retries?: number;
  /** A uniform source in [0, 1). @defaultValue Math.random */
  random?: () => number;
}

interface InjectedOptions extends Required<ExponentialOptions> {
  min: number;
  max: number;
}

/**
 * Creates the documented policy of Primus: attempt `n` waits uniformly long between `min · factor^(n-1)` and twice that.
 *
 * ```
 * attempt   1           2            3
 * delay     [500,1000]  [1000,2000]  [2000,4000]  … and at the cap [max/2,max], never below min
 * ```
 *
 * The first attempt is jittered too, so that the clients of a restarted server do not reconnect all at once. At the cap
 * the delay keeps half of its range for the same reason. `backoff` is the older name of `exponential`.
 *
 * @throws TypeError when `min` or `max` is no duration
 *
 * @example
 * ```ts
 * import { exponential } from 'primus-rx/operators';
 *
 * const policy = exponential({ min: '1 s', max: '30 s' });
 * policy(1); // between 1,000 and 2,000
 * ```
 */
export function exponential({
  min = 500,
  max = Infinity,
  factor = 2,
  retries = 10,
  random = Math.random,
}: ExponentialOptions = {}): Policy {
  return exponentialOn({ min: milliseconds(min), max: Math.min(milliseconds(max), LONGEST_WAIT), factor, retries, random });
}

/** `exponential` for callers that inject everything. `min` and `max` are in ms. */
export function exponentialOn({ min, max, factor, retries, random }: InjectedOptions): Policy {
  // A `max` below `min` is usually one that was set beside the default `min`: it counts, and it is jittered as well.
  const shortest = min > max ? 0 : min;
  return (attempt) => {
    if (attempt > retries) return false;
    // Late attempts grow beyond all numbers, and 0 · Infinity is NaN.
    const ceiling = Math.min(max, min && 2 * min * Math.max(1, factor) ** (attempt - 1));
    const floor = Math.max(shortest, ceiling / 2);
    return Math.round(floor + random() * (ceiling - floor));
  };
}
