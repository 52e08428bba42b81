import type { Policy, PolicyRule } from './policy.js';

/**
 * A rule that gives up at errors that no further attempt can change. A number is the `status` of an error, a string its `code`, and a
 * function decides by itself.
 *
 * ```
 * error             503   503   401
 * stopOn(401, 403)  ~1~~  ~~2~~~~  give up
 * ```
 *
 * @example
 * ```ts
 * import { composePolicy, exponential, stopOn } from 'primus-rx/operators';
 *
 * const policy = composePolicy(exponential(), stopOn(401, 403, 'ENOTFOUND', (error) => error instanceof SyntaxError));
 * policy(1, { status: 401 }); // false
 * ```
 */
export function stopOn(...causes: readonly (number | string | ((error: unknown) => boolean))[]): PolicyRule {
  return (policy) => {
    const unless: Policy = (attempt, error, previous) => {
      const { status, code } = (error ?? {}) as { status?: unknown; code?: unknown };
      const stops = causes.some((cause) => (typeof cause === 'function' ? cause(error) : cause === status || cause === code));
      return !stops && policy(attempt, error, previous);
    };
    return Object.assign(unless, policy);
  };
}
