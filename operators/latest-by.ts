import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import { gated } from './gated.js';

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
  return gated(gate, () => {
    const waiting = new Map<unknown, T>();
    return {
      isEmpty: () => waiting.size === 0,
      keep(value) {
        const name = key(value);
        const had = waiting.has(name);
        const before = waiting.get(name) as T;
        waiting.set(name, had && combine ? combine(before, value) : value);
        if (had && !combine) dropped?.(before);
      },
      /** Goes on with the values that come meanwhile too. */
      *release(isOpen) {
        for (const [name, value] of waiting) {
          if (!isOpen()) return;
          waiting.delete(name);
          yield value;
        }
      },
    };
  });
}
