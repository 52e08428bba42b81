import { connect, defer, EMPTY, endWith, filter, from, merge, mergeMap, type MonoTypeOperatorFunction, type Observable, takeWhile } from 'rxjs';

export interface HoldOptions<T> {
  /** `true` lets values pass, `false` holds them. Held until its first value. */
  gate: Observable<boolean>;
  /** How many values may be held. Default Infinity. */
  size?: number;
  /** Which value gives way when the hold is full. Default 'oldest'. */
  drop?: 'oldest' | 'newest';
  /** Told of each value that had to give way. */
  dropped?: (value: T) => void;
  /** Where the held values are kept, for those who want to see them. Default an array of its own. */
  buffer?: T[];
}

/** Travels behind the last value, so that the completion is held as long as the values before it. */
const END = Symbol('end');

/**
 * Holds values back while the gate is closed and releases them, in order, when it opens.
 *
 * ```
 * gate      f------t-----f---t--
 * source    --a-b------c---d----
 * result    -------(ab)c-----d--
 * ```
 *
 * What arrives while held values are being released waits behind them.
 */
export function hold<T>({ gate, size = Infinity, drop = 'oldest', dropped, buffer }: HoldOptions<T>): MonoTypeOperatorFunction<T> {
  return (source) =>
    defer(() => {
      const held = (buffer ?? []) as (T | typeof END)[];
      let open = false;

      function* release(): Generator<T | typeof END> {
        while (open && held.length > 0) yield held.shift() as T;
      }

      function passes(value: T | typeof END): boolean {
        if (open && held.length === 0) return true;
        held.push(value);
        if (held.length > size && value !== END) dropped?.((drop === 'oldest' ? held.shift() : held.pop()) as T);
        return false;
      }

      return source.pipe(
        endWith(END),
        connect((values) =>
          merge(
            values.pipe(filter(passes)),
            gate.pipe(
              mergeMap((state) => {
                open = state;
                return state ? from(release()) : EMPTY;
              }),
            ),
          ),
        ),
        takeWhile((value): value is T => value !== END),
      );
    });
}
