import { type MonoTypeOperatorFunction, map, mergeMap, type Observable, of, take } from 'rxjs';
import { expect, it } from 'vitest';
import { endless, marbles } from './marbles.js';

/** The values of a gate in marbles. */
export const states = { f: false, t: true };

/** The standing cases in which all operators with a gate do the same. */
export function gatedCases(operator: (gate: Observable<boolean>) => MonoTypeOperatorFunction<string>): void {
  it(
    'empty: completes at once',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const gate = cold('  t', states);
      const source = cold('|');

      expectObservable(source.pipe(operator(gate))).toBe('|');
      expectSubscriptions(source.subscriptions).toBe('(^!)');
      expectSubscriptions(gate.subscriptions).toBe('(^!)');
    }),
  );

  it(
    'error only: passes it at once',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const gate = cold('  ----t', states);
      const source = cold('--#');

      expectObservable(source.pipe(operator(gate))).toBe('--#');
      expectSubscriptions(source.subscriptions).toBe('^-!');
      expectSubscriptions(gate.subscriptions).toBe('^-!');
    }),
  );

  it(
    'early unsubscribe: leaves source and gate',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const gate = hot('  f-t----', states);
      const source = hot('-a-b-cd');
      const unsub = '     -----!-';

      expectObservable(source.pipe(operator(gate)), unsub).toBe('--ab---');
      expectSubscriptions(source.subscriptions).toBe('^----!');
      expectSubscriptions(gate.subscriptions).toBe('^----!');
    }),
  );

  it(
    'chain not broken: an unsubscription passes through it, between operators',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const gate = hot('  t---f----', states);
      const source = hot('-a-b--c-d');
      const unsub = '     -------!-';
      const same = mergeMap((value: string) => of(value));

      expectObservable(source.pipe(same, operator(gate), same), unsub).toBe('-a-b-----');
      expectSubscriptions(source.subscriptions).toBe('^------!');
      expectSubscriptions(gate.subscriptions).toBe('^------!');
    }),
  );

  it('synchronous source stops', () => {
    const { source, pulled } = endless();
    const seen: string[] = [];

    source.pipe(map(String), operator(of(true)), take(1)).subscribe((value) => seen.push(value));
    expect(seen).toEqual(['0']);
    expect(pulled()).toBe(1);
  });
}
