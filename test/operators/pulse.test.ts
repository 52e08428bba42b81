import { mergeMap, of, take, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { pulse } from '../../operators/pulse.js';
import { marbles } from './marbles.js';

const slots = { a: 0, b: 1, c: 2 };

// A source, not an operator: of the standing cases, empty and the errors have no meaning here.
describe('pulse', () => {
  it(
    'values: emits the slots in turn, evenly over the period, the first one a beat after the subscription',
    marbles(({ scheduler, expectObservable }) => {
      const unsub = ' -------------------!';
      const result = '---a--b--c--a--b--c-';
      expectObservable(pulse({ period: 9, slots: 3, scheduler }), unsub).toBe(result, slots);
    }),
  );

  it(
    'has one slot by default',
    marbles(({ scheduler, expectObservable }) => {
      const unsub = ' ----------!';
      const result = '----a---a--';
      expectObservable(pulse({ period: 4, scheduler }), unsub).toBe(result, slots);
    }),
  );

  it(
    'starts with the first slot for each subscription',
    marbles(({ scheduler, expectObservable }) => {
      const pulse$ = pulse({ period: 6, slots: 2, scheduler });
      expectObservable(pulse$, '^-------!   ').toBe('---a--b--   ', slots);
      expectObservable(pulse$, '----^------!').toBe('-------a--b-', slots);
    }),
  );

  it(
    'early unsubscribe: stops, between operators too',
    marbles(({ scheduler, expectObservable }) => {
      const unsub = ' -----!';
      const result = '--a-b-';
      const pulse$ = pulse({ period: 4, slots: 2, scheduler }).pipe(mergeMap((slot) => of(slot)));
      expectObservable(pulse$, unsub).toBe(result, slots);
    }),
  );

  it('stops with its consumer, and leaves no timer', () => {
    const scheduler = new VirtualTimeScheduler(undefined, 1000);
    const seen: number[] = [];
    pulse({ period: 4, slots: 2, scheduler })
      .pipe(take(3))
      .subscribe((slot) => seen.push(slot));

    expect(scheduler.actions).toHaveLength(1);
    scheduler.flush();
    expect(seen).toEqual([0, 1, 0]);
    expect(scheduler.now()).toBe(6);
    expect(scheduler.actions).toEqual([]);
  });

  it('leaves no timer after an unsubscription', () => {
    const scheduler = new VirtualTimeScheduler();
    pulse({ period: 4, scheduler }).subscribe().unsubscribe();
    expect(scheduler.actions).toEqual([]);
  });

  it('sets the longest timer for a longer period, which would fire at once', () => {
    const scheduler = new VirtualTimeScheduler();
    const schedule = vi.spyOn(scheduler, 'schedule');
    pulse({ period: Infinity, scheduler }).subscribe();
    expect(schedule.mock.calls.map(([, delay]) => delay)).toEqual([2 ** 31 - 1]);
  });

  it(
    'takes a period as a string, and virtual time under a TestScheduler by default',
    marbles(({ expectObservable }) => {
      expectObservable(pulse({ period: '6 ms', slots: 2 }), '^-------!').toBe('---a--b--', slots);
    }),
  );

  it.each(['soon', -1, Number.NaN, null])('throws a TypeError at the call for %o', (period) => {
    expect(() => pulse({ period: period as never })).toThrow(TypeError);
  });
});
