import { LONGEST_WAIT } from './longest-wait.js';

/** How long to wait before attempt `n` (1, 2, …), in ms; `false` gives up. `cause` is what ended the last line. */
export type Policy = (attempt: number, cause?: unknown) => number | false;

/** How long the waits are. */
export interface BackoffOptions {
  /** A uniform source in [0, 1), such as `Math.random`. Required: randomness is a parameter here. */
  random: () => number;
  /** Shortest delay in ms. Default 500. */
  min?: number;
  /** Longest delay in ms; wins over `min`. Default Infinity. */
  max?: number;
  /** Growth from one attempt to the next, at least 1. Default 2. */
  factor?: number;
  /** Attempts before giving up. Default 10. */
  retries?: number;
}

/**
 * A randomised exponential back-off policy: attempt `n` waits uniformly long between `min · factor^(n-1)` and twice that.
 *
 * ```
 * attempt   1           2            3
 * delay     [500,1000]  [1000,2000]  [2000,4000]  … and at the cap [max/2,max], never below min
 * ```
 *
 * The first attempt is jittered too, so that a restarted server does not see all its clients in one instant; at the cap
 * the delay keeps half of its range, so that they do not meet there either.
 */
export function backoff({ random, min = 500, max = Infinity, factor = 2, retries = 10 }: BackoffOptions): Policy {
  const longest = Math.min(max, LONGEST_WAIT);
  // A `max` below `min` is usually one that was set beside the default `min`: it counts, and it is jittered as well.
  const shortest = min > longest ? 0 : min;
  return (attempt) => {
    if (attempt > retries) return false;
    // Late attempts grow beyond all numbers, and 0 · Infinity is none.
    const growth = Math.min(Math.max(1, factor) ** (attempt - 1), Number.MAX_VALUE);
    const ceiling = Math.min(longest, 2 * min * growth);
    const floor = Math.max(shortest, ceiling / 2);
    return Math.round(floor + random() * (ceiling - floor));
  };
}
