import { EMPTY, NEVER, type Observable, of, Subject, take, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { filterAsync } from '../../operators/filter-async.js';
import { endless, marbles } from './marbles.js';

const states = { f: false, t: true };

describe('filterAsync', () => {
  describe('the seven standing cases', () => {
    it(
      'values: passes them at once, or when they are answered, and none waits for another',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('a--b--c--d--|');
        const answers: Record<string, Observable<boolean>> = { b: cold('----t', states), d: cold('-f', states) };
        const result = '     a-----cb----|';

        expectObservable(source.pipe(filterAsync((value) => answers[value] ?? true))).toBe(result);
        expectSubscriptions(source.subscriptions).toBe('^-----------!');
      }),
    );

    it(
      'empty: completes at once',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('|');

        expectObservable(source.pipe(filterAsync(() => true))).toBe('|');
        expectSubscriptions(source.subscriptions).toBe('(^!)');
      }),
    );

    it(
      'error only: passes it at once',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('--#');

        expectObservable(source.pipe(filterAsync(() => true))).toBe('--#');
        expectSubscriptions(source.subscriptions).toBe('^-!');
      }),
    );

    it(
      'error after values: those without an answer are lost, and their answers given up',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('-a--#');
        const answer = cold(' ------t', states);

        expectObservable(source.pipe(filterAsync(() => answer))).toBe('----#');
        expectSubscriptions(answer.subscriptions).toBe('-^--!');
      }),
    );

    it(
      'early unsubscribe: gives up the source and the answers',
      marbles(({ cold, expectObservable, expectSubscriptions }) => {
        const source = cold('-a--b----');
        const answer = cold(' ------t-', states);

        expectObservable(source.pipe(filterAsync((value) => (value === 'a' ? answer : true))), '-----!').toBe('----b');
        expectSubscriptions(source.subscriptions).toBe('^----!');
        expectSubscriptions(answer.subscriptions).toBe('-^---!');
      }),
    );

    it(
      'chain not broken: an operator before it goes on when a consumer behind it unsubscribes',
      marbles(({ hot, expectObservable, expectSubscriptions }) => {
        const source = hot('-a-b-c-');

        expectObservable(
          source.pipe(
            filterAsync((value) => value !== 'a'),
            take(1),
          ),
        ).toBe('---(b|)');
        expectSubscriptions(source.subscriptions).toBe('^--!');
      }),
    );

    it('synchronous source stops: no more is pulled than was asked for', () => {
      const { source, pulled } = endless();
      const seen: number[] = [];

      source
        .pipe(
          filterAsync((value) => (value % 2 === 0 ? true : of(true))),
          take(4),
        )
        .subscribe((value) => seen.push(value));
      expect(seen).toEqual([0, 1, 2, 3]);
      expect(pulled()).toBe(4);
    });
  });

  it(
    'completes with the last answer, when the source is over before it',
    marbles(({ cold, expectObservable }) => {
      const source = cold('(ab|)');
      const answers: Record<string, Observable<boolean>> = { a: cold('---f', states), b: cold('-----t', states) };

      expectObservable(source.pipe(filterAsync((value) => answers[value] as Observable<boolean>))).toBe('-----(b|)');
    }),
  );

  it('takes the first answer only, and none for no', () => {
    const seen: string[] = [];
    const answer = new Subject<boolean>();
    const answers = { first: answer, none: EMPTY, never: NEVER };
    of('first', 'none', 'never')
      .pipe(filterAsync((value) => answers[value as keyof typeof answers]))
      .subscribe((value) => seen.push(value));

    answer.next(true);
    answer.next(true);
    expect(seen).toEqual(['first']);
    expect(answer.observed).toBe(false);
  });

  it('errors with what a predicate throws, and with what its answer errors with', () => {
    const errors: unknown[] = [];
    const observer = { error: (error: unknown) => errors.push(error) };
    of(1)
      .pipe(
        filterAsync(() => {
          throw 'thrown';
        }),
      )
      .subscribe(observer);
    of(1)
      .pipe(filterAsync(() => throwError(() => 'late')))
      .subscribe(observer);
    expect(errors).toEqual(['thrown', 'late']);
  });
});
