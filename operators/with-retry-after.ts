import type { PolicyRule } from './policy.js';

/** The options of `withRetryAfter`. */
export interface WithRetryAfterOptions {
  /** The time that a server asks for with an error, in ms; anything but a positive number is none. @defaultValue the property `retryAfter` of the error */
  retryAfter?: (error: unknown) => number | undefined;
  /** How far to spread the clients, as a share of that time, at least 0. @defaultValue 0.5 */
  spread?: number;
  /** A uniform source in [0, 1). @defaultValue Math.random */
  random?: () => number;
}

/**
 * A rule that waits at least as long as the server asks for. The server gives all clients the same time, so it is spread: up to one half of
 * it is added, and the delay of the policy.
 *
 * ```
 * attempt        1           2                        3
 * Retry-After    none        10 s                     none
 * delay          [500,1000]  10000+[0,5000]+[1000,2000]  [2000,4000]
 * ```
 *
 * A policy that gives up does so whatever the server says. The rule counts once, however often a policy gets it; clients of primus-rx apply
 * it to policies without it.
 *
 * @throws TypeError when `spread` is no number of at least 0
 *
 * @example
 * ```ts
 * import { composePolicy, exponential, withRetryAfter } from 'primus-rx/operators';
 *
 * const policy = composePolicy(exponential(), withRetryAfter({ spread: 1 }));
 * policy(1, { retryAfter: 10_000 }); // between 10,500 and 21,000
 * ```
 */
export function withRetryAfter({ retryAfter = retryAfterOf, spread = 0.5, random = Math.random }: WithRetryAfterOptions = {}): PolicyRule {
  if (!(spread >= 0)) throw new TypeError(`\`spread\` must be a number of at least 0, got ${String(spread)}`);
  return (policy) => {
    if (policy.retryAfter) return policy;
    const after: typeof policy = (attempt, error, previous) => {
      const wait = policy(attempt, error, previous);
      const asked = Number(retryAfter(error));
      if (wait === false || !(asked > 0)) return wait;
      return wait + Math.round(asked * (1 + spread * random()));
    };
    return Object.assign(after, policy, { retryAfter: true });
  };
}

function retryAfterOf(error: unknown): number | undefined {
  return (error as { retryAfter?: number } | null | undefined)?.retryAfter;
}
