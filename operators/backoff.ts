/** How long to wait before attempt `n` (1, 2, …), in ms; `false` gives up. `cause` is what ended the last line. */
export type Policy = (attempt: number, cause?: unknown) => number | false;

export interface BackoffOptions {
  /** A uniform source in [0, 1), such as `Math.random`. Required: randomness is a parameter here. */
  random: () => number;
  /** Shortest delay in ms. Default 500. */
  min?: number;
  /** Longest delay in ms. Default Infinity. */
  max?: number;
  /** Growth from one attempt to the next. Default 2. */
  factor?: number;
  /** Attempts before giving up. Default 10. */
  retries?: number;
}

/**
 * A randomised exponential back-off policy: attempt `n` waits uniformly long between `min · factor^(n-1)` and twice that.
 *
 * ```
 * attempt   1          2               3
 * delay     [500,1000] [1000,   2000]  [2000,           4000]   … capped at max, never below min
 * ```
 *
 * The first attempt is jittered too, so that a restarted server does not see all its clients in one instant; at the cap
 * the delay keeps half of its range (`[max/2, max]`), so that they do not meet there either.
 */
export function backoff({ random, min = 500, max = Infinity, factor = 2, retries = 10 }: BackoffOptions): Policy {
  return (attempt) => {
    if (attempt > retries) return false;
    const ceiling = Math.max(min, Math.min(max, 2 * min * factor ** (attempt - 1), Number.MAX_SAFE_INTEGER));
    const floor = Math.max(min, ceiling / 2);
    return Math.round(floor + random() * (ceiling - floor));
  };
}
