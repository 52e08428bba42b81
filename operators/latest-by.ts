import { defer, filter, type MonoTypeOperatorFunction, mergeAll, mergeMap, type Observable, takeWhile } from 'rxjs';

/** The options of `latestBy`. */
export interface LatestByOptions<T> {
  /** `true` lets values pass, `false` keeps the latest of each key. They are kept until its first value. */
  gate: Observable<boolean>;
  /** Returns the key of a value: of equal ones, by `Map`, the later value takes the place of the earlier one. */
  key: (value: T) => unknown;
  /** Returns the value that is kept for two of the same key. @defaultValue the later one */
  combine?: (before: T, value: T) => T;
  /** Called with each value whose place a later one takes, unless there is `combine`. @defaultValue nothing is called */
  dropped?: (value: T) => void;
}

/** Follows the last value, so that the completion waits as long as the values before it. */
const END = Symbol('end');

/**
 * Keeps only the latest value of each key while the gate is closed, and releases them when it opens, in the order in which the keys came.
 *
 * ```
 * gate      t---f---------t------
 * source    -a-----a1-b-a2----b--
 * result    -a------------(a2b)b-      the letter is the key
 * ```
 *
 * What is kept is bounded by the number of keys. An error does not wait.
 *
 * @example
 * ```ts
 * import { interval, map } from 'rxjs';
 * import { latestBy } from 'primus-rx/operators';
 *
 * const ready$ = interval(1000).pipe(map((count) => count % 2 === 0));
 * const price$ = interval(10).pipe(map((count) => ({ symbol: count % 2 ? 'ACME' : 'INIT', price: count })));
 * price$.pipe(latestBy({ gate: ready$, key: ({ symbol }) => symbol })).subscribe(console.log);
 * ```
 */
export function latestBy<T>({ gate, key, combine, dropped }: LatestByOptions<T>): MonoTypeOperatorFunction<T> {
  return (source) =>
    defer(() => {
      const waiting = new Map<unknown, T>();
      let open = false;
      let releasing = false;
      let ended = false;

      /** Goes on while the gate is open, with the values that come meanwhile too: a gate that opens again must not begin another. */
      function* release(): Generator<T | typeof END> {
        releasing = true;
        for (const [name, value] of waiting) {
          if (!open) break;
          waiting.delete(name);
          yield value;
        }
        releasing = false;
        if (open && ended) yield END;
      }

      function opens(state: boolean): boolean {
        open = state;
        return open && !releasing && (ended || waiting.size > 0);
      }

      function passes(value: T | typeof END): boolean {
        if (open && !releasing) return true;
        if (value === END) {
          ended = true;
          return false;
        }
        const name = key(value);
        const had = waiting.has(name);
        const before = waiting.get(name) as T;
        waiting.set(name, had && combine ? combine(before, value) : value);
        if (had && !combine) dropped?.(before);
        return false;
      }

      const source$ = defer((): [Observable<T>, [typeof END]] => [source, [END]]).pipe(mergeAll(1), filter(passes));
      // The gate first: one that is open from the start is open to a source that emits at once.
      return defer(() => [gate.pipe(filter(opens), mergeMap(release)), source$]).pipe(
        mergeAll(),
        takeWhile((value): value is T => value !== END),
      );
    });
}
