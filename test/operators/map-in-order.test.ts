import { concat, EMPTY, map, mergeMap, NEVER, type Observable, of, range, Subject, take, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { mapInOrder } from '../../operators/map-in-order.js';
import { endless, type Marbles, marbles } from './marbles.js';

const upper = (value: string): string => value.toUpperCase();

/** Answers at once, but to those named only after some time. */
function slow(delays: Record<string, number>, scheduler: Marbles['scheduler']): (value: string) => string | Observable<string> {
  return (value) => {
    const delay = delays[value];
    return delay === undefined ? upper(value) : timer(delay, scheduler).pipe(map(() => upper(value)));
  };
}

describe('through', () => {
  describe('the seven standing cases', () => {
    it(
      'values: take no detour when the answer comes at once',
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const source = hot('--a--b--(cd)--|');
        const result = '    --A--B--(CD)--|';

        expectObservable(source.pipe(mapInOrder(upper))).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^-------------!');
      }),
    );

    it(
      'empty',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('---|');
        expectObservable(source.pipe(mapInOrder(upper))).toBe('---|');
        expectSubscriptions(source.subscriptions).toBe('^--!');
      }),
    );

    it(
      'error only',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('---#');
        expectObservable(source.pipe(mapInOrder(upper))).toBe('---#');
        expectSubscriptions(source.subscriptions).toBe('^--!');
      }),
    );

    it(
      'error after values: does not wait for answers',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const answer = cold(' ----B|');
        const source = cold('-a-b-#');
        const result = '     -A---#';

        expectObservable(source.pipe(mapInOrder((value) => (value === 'b' ? answer : upper(value))))).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^----!');
        expectSubscriptions(answer.subscriptions).toBe('---^-!');
      }),
    );

    it(
      'early unsubscribe: leaves the source and the answer under way',
      marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
        const answer = cold(' ----B|');
        const source = hot(' -a-b-c-');
        const unsub = '      ------!';
        const result = '     -A-----';

        expectObservable(source.pipe(mapInOrder((value) => (value === 'b' ? answer : upper(value)))), unsub).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^-----!');
        expectSubscriptions(answer.subscriptions).toBe('---^--!');
      }),
    );

    it(
      'chain not broken: an unsubscription passes through it, between operators',
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const source = hot('-a-b-c-d');
        const unsub = '     ----!---';
        const result = '    -A-B----';
        const same = mergeMap((value: string) => of(value));

        expectObservable(source.pipe(same, mapInOrder(upper), same), unsub).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^---!');
      }),
    );

    it('synchronous source stops', () => {
      const { source, pulled } = endless();
      const stepped: number[] = [];

      source
        .pipe(
          mapInOrder((value) => stepped.push(value)),
          take(1),
        )
        .subscribe();
      expect(stepped).toEqual([0]);
      expect(pulled()).toBe(1);
    });
  });

  describe('order', () => {
    it(
      'holds when answers come at once and later',
      marbles(({ hot, scheduler, expectObservable }) => {
        const source = hot('--a--b--c------d--');
        const result = '    --A--------(BC)D--';
        expectObservable(source.pipe(mapInOrder(slow({ b: 6 }, scheduler)))).toBe(result);
      }),
    );

    it(
      'holds when a later answer is the quicker one',
      marbles(({ hot, scheduler, expectObservable }) => {
        const source = hot('(abc)-----|');
        const result = '    -----A-BC-|';
        expectObservable(source.pipe(mapInOrder(slow({ a: 5, b: 2, c: 1 }, scheduler)))).toBe(result);
      }),
    );

    it(
      'is one step at a time, each begun when the one before it is done',
      marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
        const answers = { a: cold('--A--|'), b: cold('-B|') };
        const source = hot('  -(ab)------');
        const result = '      ---A---B---';

        expectObservable(source.pipe(mapInOrder((value) => answers[value as 'a' | 'b']))).toBe(result);
        expectSubscriptions(answers.a.subscriptions).toBe('-^----!');
        expectSubscriptions(answers.b.subscriptions).toBe('------^-!');
      }),
    );

    it(
      'includes the completion, which waits for the last answer',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const source = cold('-a-(b|)');
        const result = '     -----A---(B|)';

        expectObservable(source.pipe(mapInOrder(slow({ a: 4, b: 4 }, scheduler)))).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^--!');
      }),
    );

    it('holds when a step makes the source emit', () => {
      const source = new Subject<string>();
      const seen: string[] = [];
      const step = (value: string) => {
        if (value === 'a') source.next('b');
        return upper(value);
      };
      source.pipe(mapInOrder(step)).subscribe((value) => seen.push(value));
      source.next('a');
      expect(seen).toEqual(['A', 'B']);
    });

    it('holds when a consumer makes the source emit', () => {
      const source = new Subject<string>();
      const log: string[] = [];
      source.pipe(mapInOrder(upper)).subscribe((value) => {
        log.push(value);
        if (value === 'A') source.next('b');
        log.push(`/${value}`);
      });
      source.next('a');
      expect(log).toEqual(['A', '/A', 'B', '/B']);
    });

    it.each([
      ['answer at once', (value: number) => value],
      ['answer at once, as streams', (value: number) => of(value)],
      ['have no answer', () => EMPTY],
    ])('holds for any number that waited and now %s', (_, answer) => {
      const source = new Subject<number>();
      const first = new Subject<number>();
      const stepped: number[] = [];
      let completed = false;
      const step = (value: number) => {
        stepped.push(value);
        return value === 0 ? first : answer(value);
      };
      source.pipe(mapInOrder<number, number>(step)).subscribe({ complete: () => (completed = true) });

      range(0, 20_000).subscribe(source);
      expect(stepped).toEqual([0]);
      first.complete();
      expect(stepped).toHaveLength(20_000);
      expect(stepped.every((value, index) => value === index)).toBe(true);
      expect(completed).toBe(true);
    });
  });

  describe('answers', () => {
    it(
      'may be none or many',
      marbles(({ hot, cold, expectObservable }) => {
        const answers: Record<string, Observable<string>> = { a: cold('-|'), b: cold('-x-y|') };
        const source = hot('a-b-----|');
        const result = '    ---x-y--|';
        expectObservable(source.pipe(mapInOrder((value) => answers[value] ?? EMPTY))).toBe(result);
      }),
    );

    it('may be undefined or null: only a stream is waited for', () => {
      const seen: unknown[] = [];
      of(undefined, null, 0)
        .pipe(mapInOrder((value) => value))
        .subscribe((value) => seen.push(value));
      expect(seen).toEqual([undefined, null, 0]);
    });

    it(
      'that error end it, and what waits is not stepped',
      marbles(({ hot, flush, expectObservable, expectSubscriptions }) => {
        const stepped: string[] = [];
        const source = hot('(ab)----c');
        const result = '    --#';
        const step = (value: string) => {
          stepped.push(value);
          return timer(2).pipe(mergeMap(() => throwError(() => 'error')));
        };

        expectObservable(source.pipe(mapInOrder(step))).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^-!');
        flush();
        expect(stepped).toEqual(['a']);
      }),
    );

    it(
      'may be thrown',
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const source = hot('-a-b-');
        const step = (value: string) => {
          if (value === 'b') throw new Error('refused');
          return upper(value);
        };
        expectObservable(source.pipe(mapInOrder(step))).toBe('-A-#', undefined, new Error('refused'));
        expectSubscriptions(source.subscriptions).toBe('^--!');
      }),
    );
  });

  describe('pressure', () => {
    type Signals = [number, boolean][];

    /** When `pressure` was called, and with what. */
    function signals({ scheduler }: Marbles): { log: Signals; pressure: (high: boolean) => void } {
      const log: Signals = [];
      return { log, pressure: (high) => log.push([scheduler.now(), high]) };
    }

    it(
      'rises with the first value above `high` and falls with the last one',
      marbles((helpers) => {
        const { hot, scheduler, flush, expectObservable } = helpers;
        const { log, pressure } = signals(helpers);
        const source = hot('-abcd-------------');
        const result = '    -----A---B---C---D';
        const step = slow({ a: 4, b: 4, c: 4, d: 4 }, scheduler);

        expectObservable(source.pipe(mapInOrder(step, { high: 2, pressure }))).toBe(result);
        flush();
        expect(log).toEqual([
          [3, true],
          [17, false],
        ]);
      }),
    );

    it(
      'is none at `high`',
      marbles((helpers) => {
        const { hot, scheduler, flush, expectObservable } = helpers;
        const { log, pressure } = signals(helpers);
        const source = hot('(ab)---|');

        expectObservable(source.pipe(mapInOrder(slow({ a: 2, b: 2 }, scheduler), { high: 2, pressure }))).toBe('--A-B--|');
        flush();
        expect(log).toEqual([]);
      }),
    );

    it(
      'rises again',
      marbles((helpers) => {
        const { hot, scheduler, flush, expectObservable } = helpers;
        const { log, pressure } = signals(helpers);
        const source = hot('(ab)----(ab)');
        const step = slow({ a: 1, b: 1 }, scheduler);

        expectObservable(source.pipe(mapInOrder(step, { high: 1, pressure }))).toBe('-AB------AB');
        flush();
        expect(log).toEqual([
          [0, true],
          [2, false],
          [8, true],
          [10, false],
        ]);
      }),
    );

    it('is 16 by default', () => {
      const count = (values: number): boolean[] => {
        const log: boolean[] = [];
        concat(range(0, values), NEVER)
          .pipe(mapInOrder(() => NEVER, { pressure: (high) => log.push(high) }))
          .subscribe();
        return log;
      };
      expect(count(16)).toEqual([]);
      expect(count(17)).toEqual([true]);
    });

    it('is none while answers come at once', () => {
      const log: boolean[] = [];
      range(0, 100)
        .pipe(mapInOrder((value) => value, { high: 1, pressure: (high) => log.push(high) }))
        .subscribe();
      expect(log).toEqual([]);
    });

    it('that falls may bring the next value at once', () => {
      const source = new Subject<string>();
      const answers: Subject<string>[] = [];
      const stepped: string[] = [];
      const step = (value: string) => {
        stepped.push(value);
        const answer = new Subject<string>();
        answers.push(answer);
        return answer;
      };
      source.pipe(mapInOrder(step, { high: 1, pressure: (high) => high || source.next('c') })).subscribe();
      source.next('a');
      source.next('b');
      answers[0]?.complete();
      answers[1]?.complete();
      expect(stepped).toEqual(['a', 'b', 'c']);
    });

    it.each([
      ['an unsubscription', (stop: () => void, _: Subject<string>) => stop()],
      ['an error', (_: () => void, source: Subject<string>) => source.error('error')],
    ])('is taken back by %s', (_, end) => {
      const log: boolean[] = [];
      const source = new Subject<string>();
      const subscription = source
        .pipe(mapInOrder(() => NEVER, { high: 1, pressure: (high) => log.push(high) }))
        .subscribe({ error: () => {} });
      source.next('a');
      source.next('b');
      source.next('c');
      expect(log).toEqual([true]);
      end(() => subscription.unsubscribe(), source);
      expect(log).toEqual([true, false]);
    });
  });

  it('shares nothing between two subscriptions', () => {
    const source = new Subject<string>();
    const seen: string[] = [];
    const through$ = source.pipe(mapInOrder((value) => (value === 'a' ? NEVER : upper(value))));
    through$.subscribe((value) => seen.push(`1${value}`));
    source.next('a');
    through$.subscribe((value) => seen.push(`2${value}`));
    source.next('b');
    expect(seen).toEqual(['2B']);
  });
});
