import { type Duration, LONGEST_WAIT, milliseconds } from './duration.js';

/** Returns the delay before attempt `n` (1, 2, …) in ms, or `false` to give up. `error` is the error of the last connection. */
export type Policy = (attempt: number, error?: unknown) => number | false;

/** The options of `backoff`. */
export interface BackoffOptions {
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

interface InjectedOptions extends Required<BackoffOptions> {
  min: number;
  max: number;
}

/**
 * Creates a randomised exponential back-off policy: attempt `n` waits uniformly long between `min · factor^(n-1)` and twice that.
 *
 * ```
 * attempt   1           2            3
 * delay     [500,1000]  [1000,2000]  [2000,4000]  … and at the cap [max/2,max], never below min
 * ```
 *
 * The first attempt is jittered too, so that the clients of a restarted server do not reconnect all at once. At the cap
 * the delay keeps half of its range for the same reason.
 *
 * @throws TypeError when `min` or `max` is no duration
 *
 * @example
 * ```ts
 * import { backoff } from 'primus-rx/operators';
 *
 * const policy = backoff({ min: '1 s', max: '30 s' });
 * policy(1); // between 1,000 and 2,000
 * ```
 */
export function backoff({ min = 500, max = Infinity, factor = 2, retries = 10, random = Math.random }: BackoffOptions = {}): Policy {
  return backoffOn({ min: milliseconds(min), max: milliseconds(max), factor, retries, random });
}

/** `backoff` for callers that inject everything. `min` and `max` are in ms. */
export function backoffOn({ min: first, max, factor, retries, random }: InjectedOptions): Policy {
  const longest = Math.min(max, LONGEST_WAIT);
  // A `max` below `min` is usually one that was set beside the default `min`: it counts, and it is jittered as well.
  const shortest = first > longest ? 0 : first;
  return (attempt) => {
    if (attempt > retries) return false;
    // Late attempts grow beyond all numbers, and 0 · Infinity is NaN.
    const growth = Math.min(Math.max(1, factor) ** (attempt - 1), Number.MAX_VALUE);
    const ceiling = Math.min(longest, 2 * first * growth);
    const floor = Math.max(shortest, ceiling / 2);
    return Math.round(floor + random() * (ceiling - floor));
  };
}
