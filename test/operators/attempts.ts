import { concatMap, defer, EMPTY, type Observable, of, type SchedulerLike, throwError } from 'rxjs';
import type { Policy } from '../../operators/policy.js';
import { reconnect } from '../../operators/reconnect.js';

/** The smallest and the largest number of a uniform source in [0, 1). */
export const low = (): number => 0;
export const high = (): number => 1 - Number.EPSILON;

/**
 * The attempts of a source that fails at once, the n-th time with the n-th error and then with the last one: `c` at each
 * subscription, the first one included, `f` when the policy gives up.
 */
export function attempts(policy: Policy, scheduler: SchedulerLike, ...errors: unknown[]): Observable<string> {
  return defer(() => {
    let count = 0;
    const source = throwError(() => errors[Math.min(count++, errors.length - 1)]);
    return source.pipe(
      reconnect({ policy, scheduler }),
      concatMap(({ type }) => (type === 'connecting' ? of('c') : type === 'failed' ? of('f') : EMPTY)),
    );
  });
}

/** The shortest and the longest delay of each of the first attempts. */
export function ranges(
  create: (random: () => number) => Policy,
  count: number,
  ...rest: [error?: unknown, previous?: number]
): (number | false)[][] {
  const policies = [create(low), create(high)];
  return Array.from({ length: count }, (_, index) => policies.map((policy) => policy(index + 1, ...rest)));
}
