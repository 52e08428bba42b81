import { concat, NEVER, type Observable, of, Subject, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type BufferWhileOptions, bufferWhile } from '../../operators/buffer-while.js';
import { gatedCases, states } from './gated.js';
import { marbles } from './marbles.js';

describe('bufferWhile', () => {
  describe('the seven standing cases', () => {
    gatedCases((gate) => bufferWhile({ gate }));

    it(
      'values: passes them, or buffers and releases them in order',
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const gate = hot('  f------t-----f---t--', states);
        const source = hot('--a-b------c---d----');
        const result = '    -------(ab)c-----d--';

        expectObservable(source.pipe(bufferWhile({ gate }))).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^');
        expectSubscriptions(gate.subscriptions).toBe('^');
      }),
    );

    it(
      'error after values: leaves the buffered values in the buffer',
      marbles(({ cold, flush, expectObservable, expectSubscriptions }) => {
        const buffer: string[] = [];
        const gate = cold('  t--f---t', states);
        const source = cold('-a---b#');

        expectObservable(source.pipe(bufferWhile({ gate, buffer }))).toBe('-a----#');
        expectSubscriptions(gate.subscriptions).toBe('^-----!');
        flush();
        expect(buffer).toEqual(['b']);
      }),
    );
  });

  describe('the gate', () => {
    it(
      'holds until its first value',
      marbles(({ cold, expectObservable }) => {
        const gate = cold('  ----t', states);
        const source = cold('a--b--');
        expectObservable(source.pipe(bufferWhile({ gate }))).toBe('----(ab)');
      }),
    );

    it(
      'that is open from the start is open to a source that emits at once',
      marbles(({ expectObservable }) => {
        expectObservable(of('a', 'b').pipe(bufferWhile({ gate: concat(of(true), NEVER) }))).toBe('(ab|)');
      }),
    );

    it(
      'may say the same twice',
      marbles(({ hot, expectObservable }) => {
        const gate = hot('  f-f-t-t-f-f-t', states);
        const source = hot('-a---b---c---');
        const result = '    ----ab------c';
        expectObservable(source.pipe(bufferWhile({ gate }))).toBe(result);
      }),
    );

    it(
      'that errors ends the result',
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const gate = hot('  t-#', states);
        const source = hot('-a-b');
        expectObservable(source.pipe(bufferWhile({ gate }))).toBe('-a#');
        expectSubscriptions(source.subscriptions).toBe('^-!');
      }),
    );

    it(
      'that completes stays as it is: open',
      marbles(({ hot, expectObservable }) => {
        const gate = hot('  t|', states);
        const source = hot('--a-|');
        expectObservable(source.pipe(bufferWhile({ gate }))).toBe('--a-|');
      }),
    );

    it(
      'stays closed when it completes, and the result completes without the values that can never be released',
      marbles(({ hot, flush, expectObservable }) => {
        const buffer: string[] = [];
        const gate = hot('  f|', states);
        const source = hot('--a-|');
        expectObservable(source.pipe(bufferWhile({ gate, buffer }))).toBe('----|');
        flush();
        expect(buffer).toEqual(['a']);
      }),
    );
  });

  describe('completion', () => {
    it(
      'waits as long as the values before it',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const gate = cold('  f---t', states);
        const source = cold('-a-|');
        expectObservable(source.pipe(bufferWhile({ gate }))).toBe('----(a|)');
        expectSubscriptions(gate.subscriptions).toBe('^---!');
      }),
    );

    it(
      'waits even when no value does',
      marbles(({ cold, expectObservable }) => {
        const gate = cold('  f---t', states);
        const source = cold('-|');
        expectObservable(source.pipe(bufferWhile({ gate }))).toBe('----|');
      }),
    );

    it(
      'takes no place among the values',
      marbles(({ cold, flush, expectObservable }) => {
        const buffer: string[] = [];
        const dropped: string[] = [];
        const gate = cold('  f---', states);
        const source = cold('-ab|');
        expectObservable(source.pipe(bufferWhile({ gate, buffer, size: 2, dropped: (value) => dropped.push(value) }))).toBe('----');
        flush();
        expect(buffer).toEqual(['a', 'b']);
        expect(dropped).toEqual([]);
      }),
    );
  });

  describe('while values are being released', () => {
    /** Holds `first`, opens the gate, and calls back with each value as it leaves. */
    function releasing(first: string[], react: (value: string, source: Subject<string>, gate: Subject<boolean>) => void): string[] {
      const gate = new Subject<boolean>();
      const source = new Subject<string>();
      const log: string[] = [];
      source.pipe(bufferWhile({ gate })).subscribe({
        next: (value) => {
          log.push(value);
          react(value, source, gate);
          log.push(`/${value}`);
        },
        complete: () => log.push('|'),
      });
      for (const value of first) source.next(value);
      gate.next(true);
      return log;
    }

    it('what arrives waits behind them', () => {
      const log = releasing(['a', 'b'], (value, source) => value === 'a' && source.next('c'));
      expect(log).toEqual(['a', '/a', 'b', '/b', 'c', '/c']);
    });

    it('what arrives with the last of them waits too', () => {
      const log = releasing(['a'], (value, source) => value === 'a' && source.next('b'));
      expect(log).toEqual(['a', '/a', 'b', '/b']);
    });

    it('a gate that closes holds the rest', () => {
      const log = releasing(['a', 'b', 'c'], (value, _, gate) => value === 'b' && gate.next(false));
      expect(log).toEqual(['a', '/a', 'b', '/b']);
    });

    it('a gate that closes and opens goes on with the rest, one at a time', () => {
      const log = releasing(['a', 'b', 'c'], (value, _, gate) => {
        if (value !== 'a') return;
        gate.next(false);
        gate.next(true);
      });
      expect(log).toEqual(['a', '/a', 'b', '/b', 'c', '/c']);
    });

    it('the completion waits behind them', () => {
      const log = releasing(['a', 'b'], (value, source) => value === 'a' && source.complete());
      expect(log).toEqual(['a', '/a', 'b', '/b', '|']);
    });

    it('a gate that closes holds the completion too', () => {
      const log = releasing(['a', 'b'], (value, source, gate) => {
        if (value === 'a') source.complete();
        else gate.next(false);
      });
      expect(log).toEqual(['a', '/a', 'b', '/b']);
    });

    it('a consumer that unsubscribes stops the release', () => {
      const buffer = ['a', 'b', 'c'];
      const seen: string[] = [];
      NEVER.pipe(bufferWhile<string>({ gate: of(true), buffer }), take(2)).subscribe((value) => seen.push(value));
      expect(seen).toEqual(['a', 'b']);
      expect(buffer).toEqual(['c']);
    });

    it('any number of values leaves without deepening the stack', () => {
      const seen: number[] = [];
      const gate = new Subject<boolean>();
      const buffer = Array.from({ length: 20_000 }, (_, index) => index);
      NEVER.pipe(bufferWhile<number>({ gate, buffer })).subscribe((value) => {
        seen.push(value);
        gate.next(false);
        gate.next(true);
      });
      gate.next(true);
      expect(seen).toHaveLength(20_000);
    });
  });

  describe('size', () => {
    function overfill(options: Omit<BufferWhileOptions<string>, 'gate' | 'dropped'>): { released: string[]; dropped: string[] } {
      const released: string[] = [];
      const dropped: string[] = [];
      const gate = new Subject<boolean>();
      of('a', 'b', 'c', 'd')
        .pipe(bufferWhile({ ...options, gate, dropped: (value) => dropped.push(value) }))
        .subscribe((value) => released.push(value));
      gate.next(true);
      return { released, dropped };
    }

    it('drops the oldest by default', () => {
      expect(overfill({ size: 2 })).toEqual({ released: ['c', 'd'], dropped: ['a', 'b'] });
    });

    it('drops the newest with `drop: newest`', () => {
      expect(overfill({ size: 2, drop: 'newest' })).toEqual({ released: ['a', 'b'], dropped: ['c', 'd'] });
    });

    it.each(['oldest', 'newest'] as const)('0 holds nothing (%s)', (drop) => {
      expect(overfill({ size: 0, drop })).toEqual({ released: [], dropped: ['a', 'b', 'c', 'd'] });
    });

    it('drops nothing when it just fits', () => {
      expect(overfill({ size: 4 })).toEqual({ released: ['a', 'b', 'c', 'd'], dropped: [] });
    });

    it('has no limit by default', () => {
      expect(overfill({})).toEqual({ released: ['a', 'b', 'c', 'd'], dropped: [] });
    });
  });

  describe('buffer', () => {
    it('shows the buffered values', () => {
      const buffer: string[] = [];
      const gate = new Subject<boolean>();
      const source = new Subject<string>();
      source.pipe(bufferWhile({ gate, buffer })).subscribe();

      source.next('a');
      source.next('b');
      expect(buffer).toEqual(['a', 'b']);
      gate.next(true);
      expect(buffer).toEqual([]);
      source.next('c');
      expect(buffer).toEqual([]);
    });

    it('that is not empty goes first', () => {
      const seen: string[] = [];
      of('c')
        .pipe(bufferWhile({ gate: of(true), buffer: ['a', 'b'] }))
        .subscribe((value) => seen.push(value));
      expect(seen).toEqual(['a', 'b', 'c']);
    });

    it('outlives a subscription: the next one releases what the last one left', () => {
      const buffer: string[] = [];
      const gate = new Subject<boolean>();
      const source = new Subject<string>();
      const held$: Observable<string> = source.pipe(bufferWhile({ gate, buffer }));
      const first = held$.subscribe();
      source.next('a');
      first.unsubscribe();

      const seen: string[] = [];
      held$.subscribe((value) => seen.push(value));
      gate.next(true);
      expect(seen).toEqual(['a']);
    });

    it('is its own for each subscription when none is given', () => {
      const gate = new Subject<boolean>();
      const held$ = of('a').pipe(bufferWhile({ gate }));
      const seen: string[] = [];
      held$.subscribe((value) => seen.push(`1${value}`));
      held$.subscribe((value) => seen.push(`2${value}`));
      gate.next(true);
      expect(seen).toEqual(['1a', '2a']);
    });
  });

  it('releases each buffered value once: one that its receiver puts back waits, in order, for the next opening', () => {
    const gate = new Subject<boolean>();
    const source = new Subject<string>();
    const buffer: string[] = [];
    const received: string[] = [];
    source.pipe(bufferWhile({ gate, buffer })).subscribe((value) => {
      received.push(value);
      if (received.length <= 3) buffer.push(value);
    });
    gate.next(false);
    for (const value of ['a', 'b', 'c']) source.next(value);
    gate.next(true);
    expect([received, buffer]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ]);
    gate.next(false);
    source.next('d');
    gate.next(true);
    expect([received.slice(3), buffer]).toEqual([['a', 'b', 'c', 'd'], []]);
  });
});
