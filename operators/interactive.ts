import { composePolicy } from './compose-policy.js';
import { type ExponentialOptions, exponential } from './exponential.js';
import type { Policy } from './policy.js';
import { stopOn } from './stop-on.js';
import { withRetryAfter } from './with-retry-after.js';

/**
 * Creates the policy for an application that a person looks at: it never gives up, waits for at most 30 s unless the server asks for more,
 * and stops when the server rejects the credentials, with 401 or 403.
 *
 * ```
 * attempt   1           2            3            4            5             6 and later
 * delay     [500,1000]  [1000,2000]  [2000,4000]  [4000,8000]  [8000,16000]  [15000,30000]
 * ```
 *
 * It is `composePolicy(exponential({ max: '30 s', retries: Infinity }), withRetryAfter(), stopOn(401, 403))`. Options change its back-off. In a
 * client of primus-rx, the option `reconnect: { max: '30 s', retries: Infinity }` does the same.
 *
 * @throws TypeError when `min` or `max` is no duration
 *
 * @example
 * ```ts
 * import { Primus } from 'primus-rx/client';
 * import { interactive } from 'primus-rx/operators';
 *
 * const primus = new Primus('https://example.com', { reconnect: interactive() });
 * ```
 */
export function interactive({ random = Math.random, ...options }: ExponentialOptions = {}): Policy {
  const backoff = exponential({ max: '30 s', retries: Infinity, ...options, random });
  return composePolicy(backoff, withRetryAfter({ random }), stopOn(401, 403));
}
