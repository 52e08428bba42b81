import { of, Subject } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { conflate } from '../../operators/conflate.js';
import { gatedCases, states } from './gated.js';
import { marbles } from './marbles.js';

describe('conflate', () => {
  describe('the seven standing cases', () => {
    gatedCases((gate) => conflate({ gate }));

    it(
      'values: passes them, or releases the latest one',
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const gate = hot('  t---f-------t----', states);
        const source = hot('-1----2-3-4---5--');
        const result = '    -1----------4-5--';

        expectObservable(source.pipe(conflate({ gate }))).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^');
        expectSubscriptions(gate.subscriptions).toBe('^');
      }),
    );

    it(
      'error after values: does not wait for the latest one',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const gate = cold('  t--f---t', states);
        const source = cold('-1---2#');

        expectObservable(source.pipe(conflate({ gate }))).toBe('-1----#');
        expectSubscriptions(gate.subscriptions).toBe('^-----!');
      }),
    );
  });

  it('combines the values that come while the gate is closed', () => {
    const source = new Subject<number>();
    const gate = new Subject<boolean>();
    const seen: number[] = [];
    source.pipe(conflate({ gate, combine: (before, value) => before + value })).subscribe((value) => seen.push(value));
    for (const value of [2, 3, 4]) source.next(value);
    gate.next(true);
    source.next(5);
    expect(seen).toEqual([9, 5]);
  });

  it('calls `dropped` with the values whose place a later one takes', () => {
    const source = new Subject<number>();
    const dropped = vi.fn();
    source.pipe(conflate({ gate: of(false), dropped })).subscribe();
    for (const value of [2, 3, 4]) source.next(value);
    expect(dropped.mock.calls).toEqual([[2], [3]]);
  });
});
