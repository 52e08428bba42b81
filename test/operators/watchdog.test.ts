import { mergeMap, NEVER, of, Subject, take, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { watchdog } from '../../operators/watchdog.js';
import { endless, marbles } from './marbles.js';

const error = () => 'silence';

describe('watchdog', () => {
  describe('the seven standing cases', () => {
    it(
      'values: passes them, counts each as activity, and errors at the end of the silence after the last one',
      marbles(({ hot, scheduler, expectObservable, expectSubscriptions }) => {
        const source = hot('--a---b-------c');
        const result = '    --a---b----#   ';

        expectObservable(source.pipe(watchdog({ due: 5, error, scheduler }))).toBe(result, undefined, 'silence');
        expectSubscriptions(source.subscriptions).toBe('^----------!');
      }),
    );

    it(
      'empty: completes with the source',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const source = cold('--|');
        expectObservable(source.pipe(watchdog({ due: 5, error, scheduler }))).toBe('--|');
        expectSubscriptions(source.subscriptions).toBe('^-!');
      }),
    );

    it(
      'error only: passes the error of the source',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const source = cold('--#');
        expectObservable(source.pipe(watchdog({ due: 5, error, scheduler }))).toBe('--#');
        expectSubscriptions(source.subscriptions).toBe('^-!');
      }),
    );

    it(
      'error after values: passes both',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const source = cold('-a--b-#');
        expectObservable(source.pipe(watchdog({ due: 4, error, scheduler }))).toBe('-a--b-#');
        expectSubscriptions(source.subscriptions).toBe('^-----!');
      }),
    );

    it(
      'early unsubscribe: unsubscribes from the source, and does not error any more',
      marbles(({ hot, scheduler, expectObservable, expectSubscriptions }) => {
        const source = hot('-a--b----');
        const unsub = '     ---!-----';
        const result = '    -a-------';

        expectObservable(source.pipe(watchdog({ due: 4, error, scheduler })), unsub).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^--!');
      }),
    );

    it(
      'chain not broken: an unsubscription passes through it, between operators',
      marbles(({ hot, scheduler, expectObservable, expectSubscriptions }) => {
        const source = hot('-a--b----');
        const unsub = '     ---!-----';
        const result = '    -a-------';
        const same = mergeMap((value: string) => of(value));

        expectObservable(source.pipe(same, watchdog({ due: 4, error, scheduler }), same), unsub).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^--!');
      }),
    );

    it('synchronous source stops', () => {
      const scheduler = new VirtualTimeScheduler();
      const { source, pulled } = endless();

      source.pipe(watchdog({ due: 5, error, scheduler }), take(1)).subscribe();
      expect(pulled()).toBe(1);
      expect(scheduler.actions).toEqual([]);
    });
  });

  it(
    'counts the silence from the subscription',
    marbles(({ hot, scheduler, expectObservable, expectSubscriptions }) => {
      const source = hot('a---------');
      const sub = '       --^-------';
      const result = '    -------#  ';

      expectObservable(source.pipe(watchdog({ due: 5, error, scheduler })), sub).toBe(result, undefined, 'silence');
      expectSubscriptions(source.subscriptions).toBe('--^----!');
    }),
  );

  it(
    'accepts a value at the last moment',
    marbles(({ hot, scheduler, expectObservable }) => {
      const source = hot('-----a----b-----');
      const result = '    -----a----b----#';
      expectObservable(source.pipe(watchdog({ due: 5, error, scheduler }))).toBe(result, undefined, 'silence');
    }),
  );

  it(
    'accepts any value, undefined too',
    marbles(({ hot, scheduler, expectObservable }) => {
      const source = hot('---a---b---|', { a: undefined, b: null });
      expectObservable(source.pipe(watchdog({ due: 5, error, scheduler }))).toBe('---a---b---|', { a: undefined, b: null });
    }),
  );

  it('makes its error when it is due, and once', () => {
    const scheduler = new VirtualTimeScheduler();
    let made = 0;
    const seen: unknown[] = [];
    NEVER.pipe(watchdog({ due: 5, error: () => [++made, scheduler.now()], scheduler })).subscribe({ error: (value) => seen.push(value) });

    expect(made).toBe(0);
    scheduler.flush();
    expect(seen).toEqual([[1, 5]]);
  });

  it('has one timer, whatever the number of values', () => {
    const scheduler = new VirtualTimeScheduler();
    const schedule = vi.spyOn(scheduler, 'schedule');
    const source = new Subject<number>();
    const subscription = source.pipe(watchdog({ due: 5, error, scheduler })).subscribe();
    for (let value = 0; value < 1000; value++) source.next(value);

    expect(schedule).toHaveBeenCalledTimes(1);
    expect(scheduler.actions).toHaveLength(1);
    subscription.unsubscribe();
    expect(scheduler.actions).toEqual([]);
  });

  it.each([
    ['completion', (source: Subject<string>) => source.complete()],
    ['error', (source: Subject<string>) => source.error('error')],
  ])('leaves no timer after an %s of the source', (_, end) => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<string>();
    source.pipe(watchdog({ due: 5, error, scheduler })).subscribe({ error: () => {} });

    expect(scheduler.actions).toHaveLength(1);
    end(source);
    expect(scheduler.actions).toEqual([]);
  });

  it('shares nothing between two subscriptions', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<string>();
    const guarded$ = source.pipe(watchdog({ due: 5, error, scheduler }));
    const log: [number, number][] = [];
    guarded$.subscribe({ error: () => log.push([1, scheduler.now()]) });
    scheduler.schedule(() => guarded$.subscribe({ error: () => log.push([2, scheduler.now()]) }), 3);

    scheduler.flush();
    expect(log).toEqual([
      [1, 5],
      [2, 8],
    ]);
  });

  describe('a clock on the wall', () => {
    /** When, on the timers' clock, the silence is noticed if the wall clock is moved by `shift` at 6, one after the last value. */
    function noticed(shift: number): number {
      const scheduler = new VirtualTimeScheduler();
      let moved = 0;
      scheduler.now = () => 1_000_000 + scheduler.frame + moved;
      const source = new Subject<string>();
      let at = Number.NaN;
      source.pipe(watchdog({ due: 10, error, scheduler })).subscribe({ error: () => (at = scheduler.frame) });
      scheduler.schedule(() => source.next('a'), 5);
      scheduler.schedule(() => (moved = shift), 6);
      scheduler.flush();
      return at;
    }

    it('errors in time', () => expect(noticed(0)).toBe(15));
    it('delays the error by no more than `due` when it is set back', () => expect(noticed(-3_600_000)).toBe(20));
    it('errors at the next reading when it is set forward', () => expect(noticed(3_600_000)).toBe(10));
  });

  it.each([Infinity, 2 ** 40])('sets the longest timer for a silence of %d ms, which would fire at once', (due) => {
    const scheduler = new VirtualTimeScheduler();
    const schedule = vi.spyOn(scheduler, 'schedule');
    NEVER.pipe(watchdog({ due, error, scheduler })).subscribe();
    expect(schedule.mock.calls.map(([, delay]) => delay)).toEqual([2 ** 31 - 1]);
  });

  it('counts what waited to be read while the process was busy', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<string>();
    const log: unknown[] = [];
    source.pipe(watchdog({ due: 10, scheduler, error: () => `silent at ${scheduler.now()}` })).subscribe({
      next: (value) => log.push(`${value} at ${scheduler.now()}`),
      error: (error) => log.push(error),
    });
    // Timers that are overdue fire first, then the process reads.
    scheduler.schedule(() => source.next('read'), 10);
    scheduler.flush();
    expect(log).toEqual(['read at 10', 'silent at 20']);
  });

  it('errors after a silence that is longer than any timer', () => {
    const scheduler = new VirtualTimeScheduler(undefined, Infinity);
    let at = Number.NaN;
    NEVER.pipe(watchdog({ due: 2 ** 33, error, scheduler })).subscribe({ error: () => (at = scheduler.now()) });
    scheduler.flush();
    expect(at).toBe(2 ** 33);
  });

  it(
    'takes a duration as a string',
    marbles(({ hot, scheduler, expectObservable }) => {
      expectObservable(hot('--a').pipe(watchdog({ due: '5 ms', error, scheduler }))).toBe('--a----#', undefined, 'silence');
    }),
  );

  it(
    'names the time in its error by default, in virtual time under a TestScheduler',
    marbles(({ hot, expectObservable }) => {
      const silence = new Error('The source was silent for 5 ms');
      expectObservable(hot('--a').pipe(watchdog({ due: 5 }))).toBe('--a----#', undefined, silence);
    }),
  );

  it.each(['soon', -1, Number.NaN, null])('throws a TypeError at the call for %o', (due) => {
    expect(() => watchdog({ due: due as never })).toThrow(TypeError);
  });
});
