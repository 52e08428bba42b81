import {
  defer,
  filter,
  isObservable,
  type MonoTypeOperatorFunction,
  map,
  merge,
  mergeAll,
  type Observable,
  Subject,
  take,
  tap,
} from 'rxjs';

/**
 * `filter` with a predicate that may answer later: by the first value of an observable, whose completion without one means no.
 *
 * ```
 * source       --a--b--c---|
 * b's answer        ----t
 * result       --a-----cb--|
 * ```
 *
 * A value that is answered at once passes at once, without a subscription. No value waits for the answer to another one.
 *
 * @example
 * ```ts
 * import { from, of } from 'rxjs';
 * import { filterAsync } from 'primus-rx/operators';
 *
 * const isAllowed = async (name: string) => name !== 'eve';
 * of('ada', 'eve').pipe(filterAsync((name) => from(isAllowed(name)))).subscribe(console.log); // ada
 * ```
 */
export function filterAsync<T>(predicate: (value: T) => boolean | Observable<boolean>): MonoTypeOperatorFunction<T> {
  return (source) =>
    defer(() => {
      const late = new Subject<Observable<T>>();
      const prompt = source.pipe(
        filter((value) => {
          const answer = predicate(value);
          if (!isObservable(answer)) return answer;
          late.next(
            answer.pipe(
              take(1),
              filter(Boolean),
              map(() => value),
            ),
          );
          return false;
        }),
        tap({ complete: () => late.complete() }),
      );
      // The late first: a source may emit as it is subscribed to.
      return merge(late.pipe(mergeAll()), prompt);
    });
}
