import { Subject } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { latestBy } from '../../operators/latest-by.js';
import { gatedCases, states } from './gated.js';
import { marbles } from './marbles.js';

const values = { a: 'a0', b: 'b0', c: 'a1', d: 'b1', e: 'a2' };
const key = (value: string) => value[0];

describe('latestBy', () => {
  describe('the seven standing cases', () => {
    gatedCases((gate) => latestBy({ gate, key }));

    it(
      'values: passes them, or releases the latest of each key in the order of the keys',
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const gate = hot('  t---f------t-----', states);
        const source = hot('-a---cb-e-------d', values);
        const result = '    -a---------(eb)-d';

        expectObservable(source.pipe(latestBy({ gate, key }))).toBe(result, values);
        expectSubscriptions(source.subscriptions).toBe('^');
        expectSubscriptions(gate.subscriptions).toBe('^');
      }),
    );

    it(
      'error after values: does not wait for what is kept',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const gate = cold('  t--f---t', states);
        const source = cold('-a---b#', values);

        expectObservable(source.pipe(latestBy({ gate, key }))).toBe('-a----#', values);
        expectSubscriptions(gate.subscriptions).toBe('^-----!');
      }),
    );
  });

  it(
    'keeps values until the first value of the gate',
    marbles(({ cold, expectObservable }) => {
      const gate = cold('  ------t', states);
      const source = cold('a--b-c-', values);
      expectObservable(source.pipe(latestBy({ gate, key }))).toBe('------(cb)', values);
    }),
  );

  it(
    'completes after what is kept was released',
    marbles(({ cold, expectObservable }) => {
      const gate = cold('  f-----t', states);
      const source = cold('-a-c|', values);
      expectObservable(source.pipe(latestBy({ gate, key }))).toBe('------(c|)', values);
    }),
  );

  it('calls `dropped` with the values whose place a later one takes', () => {
    const dropped = vi.fn();
    const source = new Subject<string>();
    const gate = new Subject<boolean>();
    const seen: string[] = [];
    source.pipe(latestBy({ gate, key, dropped })).subscribe((value) => seen.push(value));
    for (const value of ['a0', 'b0', 'a1', 'a2']) source.next(value);
    gate.next(true);
    source.next('a3');
    expect(seen).toEqual(['a2', 'b0', 'a3']);
    expect(dropped.mock.calls).toEqual([['a0'], ['a1']]);
  });

  it('combines values of the same key', () => {
    const source = new Subject<{ of: string; count: number }>();
    const gate = new Subject<boolean>();
    const seen: unknown[] = [];
    const combine = (before: { of: string; count: number }, { count }: { count: number }) => ({ ...before, count: before.count + count });
    source.pipe(latestBy({ gate, key: (value) => value.of, combine })).subscribe((value) => seen.push(value));
    for (const count of [1, 2, 3]) source.next({ of: 'a', count });
    source.next({ of: 'b', count: 7 });
    gate.next(true);
    expect(seen).toEqual([
      { of: 'a', count: 6 },
      { of: 'b', count: 7 },
    ]);
  });

  it('keeps the rest when the gate closes during the release, and the newest of what comes meanwhile', () => {
    const source = new Subject<string>();
    const gate = new Subject<boolean>();
    const seen: string[] = [];
    source.pipe(latestBy({ gate, key })).subscribe((value) => {
      seen.push(value);
      if (value === 'a0') {
        source.next('b1');
        gate.next(false);
      }
    });
    for (const value of ['a0', 'b0', 'c0']) source.next(value);
    gate.next(true);
    expect(seen).toEqual(['a0']);
    gate.next(true);
    expect(seen).toEqual(['a0', 'b1', 'c0']);
  });

  it('has a state of its own for each subscription', () => {
    const source = new Subject<string>();
    const gate = new Subject<boolean>();
    const latest$ = source.pipe(latestBy({ gate, key }));
    const seen: string[] = [];
    latest$.subscribe((value) => seen.push(`1${value}`));
    source.next('a0');
    latest$.subscribe((value) => seen.push(`2${value}`));
    gate.next(true);
    expect(seen).toEqual(['1a0']);
  });

  it('errors when `key` throws', () => {
    const source = new Subject<string>();
    const failed = vi.fn();
    const key = () => {
      throw new Error('no key');
    };
    source.pipe(latestBy({ gate: new Subject<boolean>(), key })).subscribe({ error: failed });
    source.next('a0');
    expect(failed).toHaveBeenCalledWith(new Error('no key'));
    expect(source.observed).toBe(false);
  });
});
