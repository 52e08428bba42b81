import { mergeMap, NEVER, of, Subject, take, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { watchdog } from '../../operators/watchdog.js';
import { endless, marbles } from './marbles.js';

const error = () => 'silence';

describe('watchdog', () => {
  describe('the seven standing cases', () => {
    it(
      'values: pass, each proves life, and the silence after the last one is an error at its very end',
      marbles(({ hot, scheduler, expectObservable, expectSubscriptions }) => {
        const source = hot('--a---b-------c');
        const result = '    --a---b----#   ';

        expectObservable(source.pipe(watchdog({ due: 5, error, scheduler }))).toBe(result, undefined, 'silence');
        expectSubscriptions(source.subscriptions).toBe('^----------!');
      }),
    );

    it(
      'empty',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const source = cold('--|');
        expectObservable(source.pipe(watchdog({ due: 5, error, scheduler }))).toBe('--|');
        expectSubscriptions(source.subscriptions).toBe('^-!');
      }),
    );

    it(
      'error only: its own error',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const source = cold('--#');
        expectObservable(source.pipe(watchdog({ due: 5, error, scheduler }))).toBe('--#');
        expectSubscriptions(source.subscriptions).toBe('^-!');
      }),
    );

    it(
      'error after values: its own error',
      marbles(({ cold, scheduler, expectObservable, expectSubscriptions }) => {
        const source = cold('-a--b-#');
        expectObservable(source.pipe(watchdog({ due: 4, error, scheduler }))).toBe('-a--b-#');
        expectSubscriptions(source.subscriptions).toBe('^-----!');
      }),
    );

    it(
      'early unsubscribe: leaves the source, and silence is no error any more',
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
    'counts from the subscription',
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

    it('that keeps time', () => expect(noticed(0)).toBe(15));
    it('that is set back delays the error by no more than `due`', () => expect(noticed(-3_600_000)).toBe(20));
    it('that is set forward errors at the next look', () => expect(noticed(3_600_000)).toBe(10));
  });

  it.each([Infinity, 2 ** 40])('a silence of %d ms may be tolerated: no timer that fires at once', (due) => {
    const scheduler = new VirtualTimeScheduler();
    const schedule = vi.spyOn(scheduler, 'schedule');
    NEVER.pipe(watchdog({ due, error, scheduler })).subscribe();
    expect(schedule.mock.calls.map(([, delay]) => delay)).toEqual([2 ** 31 - 1]);
  });

  it('a silence longer than any timer is noticed when it is due', () => {
    const scheduler = new VirtualTimeScheduler(undefined, Infinity);
    let at = Number.NaN;
    NEVER.pipe(watchdog({ due: 2 ** 33, error, scheduler })).subscribe({ error: () => (at = scheduler.now()) });
    scheduler.flush();
    expect(at).toBe(2 ** 33);
  });
});
