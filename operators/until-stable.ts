import { type Duration, milliseconds } from './duration.js';
import type { Policy, PolicyRule } from './policy.js';

/**
 * A rule that lets delays grow until a connection has lasted for a time: a server that accepts connections and soon loses them sees
 * fewer and fewer attempts.
 *
 * ```
 * connected   ---open--#     open--#       open------------------#     open
 * untilStable         ~1~~        ~~2~~~~                        ~1~~
 * ```
 *
 * Without the rule a connection that lasts longer than the delay before it ends a series. It must last for both times. `reconnect` and clients
 * of primus-rx read the time from the policy; the last rule counts.
 *
 * @throws TypeError when `time` is no duration
 *
 * @example
 * ```ts
 * import { composePolicy, exponential, untilStable } from 'primus-rx/operators';
 *
 * const policy = composePolicy(exponential({ max: '30 s' }), untilStable('1 minute'));
 * policy.stable; // 60,000
 * ```
 */
export function untilStable(time: Duration): PolicyRule {
  const stable = milliseconds(time);
  return (policy) => {
    const until: Policy = (...args) => policy(...args);
    return Object.assign(until, policy, { stable });
  };
}
