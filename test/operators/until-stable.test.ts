import { concatMap, defer, EMPTY, of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Policy } from '../../operators/policy.js';
import { type ReconnectOptions, reconnect } from '../../operators/reconnect.js';
import { untilStable } from '../../operators/until-stable.js';
import { type Marbles, marbles } from './marbles.js';

/** Waits for as many ms as the number of the attempt. */
const counting: Policy = (attempt) => attempt;

/** The first values of connections that last for 4 ms each. */
function opened({ cold, scheduler, expectObservable }: Marbles, expected: string, options: ReconnectOptions | Policy): void {
  let connections = 4;
  const source = defer(() => (connections-- > 0 ? cold('o---#') : throwError(() => 'over')));
  const given = typeof options === 'function' ? { policy: options } : options;
  const open$ = source.pipe(
    reconnect({ ...given, scheduler, when: (error) => error !== 'over' }),
    concatMap(({ type }) => (type === 'open' ? of('o') : EMPTY)),
  );
  expectObservable(open$).toBe(expected);
}

describe('untilStable', () => {
  it(
    'lets the delays grow as long as connections last shorter',
    marbles((helpers) => opened(helpers, 'o----o-----o------o-------|', untilStable(5)(counting))),
  );

  it(
    'ends a series with a connection that lasts as long',
    marbles((helpers) => opened(helpers, 'o----o----o----o----|', untilStable(4)(counting))),
  );

  it(
    'is a default: the option `stable` of `reconnect` wins',
    marbles((helpers) => opened(helpers, 'o----o----o----o----|', { policy: untilStable(5)(counting), stable: 4 })),
  );

  it('decides like its policy, and gives its time', () => {
    const seen: unknown[] = [];
    const policy = untilStable('2 s')((...args) => seen.push(args));
    expect(policy(3, 'error', 200)).toBe(1);
    expect(seen).toEqual([[3, 'error', 200]]);
    expect(policy.stable).toBe(2_000);
  });

  it('leaves the policy that it was given alone, and the last rule counts', () => {
    const first = untilStable(1)(counting);
    expect(untilStable(2)(first).stable).toBe(2);
    expect([first.stable, counting.stable]).toEqual([1, undefined]);
  });

  it.each(['soon', -1, Number.NaN])('throws a TypeError at the call for %j', (time) => {
    expect(() => untilStable(time)).toThrow(TypeError);
  });
});
