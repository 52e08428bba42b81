import { type Duration, LONGEST_WAIT, milliseconds } from './duration.js';

/**
 * Returns the delay before attempt `attempt` (1, 2, …) in ms, or `false` to give up. `error` is the error of the last connection, `previous` the
 * delay before the last attempt of the series in ms, `undefined` for its first one. Any function of this shape is a policy.
 */
export interface Policy {
  (attempt: number, error?: unknown, previous?: number): number | false;
  /** How long a connection must last, in ms, for its series to end; the rule `untilStable` sets it. */
  readonly stable?: number;
  /** Whether the delays contain the time that a server asks for with `Retry-After`; the rule `withRetryAfter` sets it. */
  readonly retryAfter?: boolean;
}

/** Makes another policy of a policy: `withRetryAfter()`, `untilStable(…)`, `stopOn(…)`, or a function of your own. */
export type PolicyRule = (policy: Policy) => Policy;

/** The options of `fullJitter` and `equalJitter`. */
export interface JitterOptions {
  /** The ceiling of the first delay. @defaultValue 1 s */
  base?: Duration;
  /** The highest ceiling. @defaultValue Infinity */
  max?: Duration;
  /** Growth of the ceiling from one attempt to the next, at least 1. @defaultValue 2 */
  factor?: number;
  /** Attempts before giving up. @defaultValue 10 */
  retries?: number;
  /** A uniform source in [0, 1). @defaultValue Math.random */
  random?: () => number;
}

/** A policy whose delays are uniform between `low` of a ceiling and the ceiling, which grows from one attempt to the next. */
export function jittered(
  low: number,
  { base = 1_000, max = Infinity, factor = 2, retries = 10, random = Math.random }: JitterOptions,
): Policy {
  const first = milliseconds(base);
  const longest = Math.min(milliseconds(max), LONGEST_WAIT);
  return (attempt) => {
    if (attempt > retries) return false;
    const ceiling = Math.min(longest, grown(first, factor, attempt - 1));
    return between(low * ceiling, ceiling, random);
  };
}

/** `first · factor^times`; a factor below 1 counts as 1. Late attempts grow beyond all numbers, and 0 · Infinity is NaN. */
export function grown(first: number, factor: number, times: number): number {
  return first && first * Math.max(1, factor) ** times;
}

/** A uniform number of whole ms. */
export function between(shortest: number, longest: number, random: () => number): number {
  return Math.round(shortest + random() * (longest - shortest));
}
