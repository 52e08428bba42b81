import { defer, endWith, filter, type MonoTypeOperatorFunction, merge, mergeMap, type Observable, takeWhile } from 'rxjs';

/** What is held back, and for how long. */
export interface BufferWhileOptions<T> {
  /** `true` lets values pass, `false` holds them. Held until its first value. */
  gate: Observable<boolean>;
  /** How many values may be held. Default Infinity. */
  size?: number;
  /** Which value gives way when the hold is full. Default 'oldest'. */
  drop?: 'oldest' | 'newest';
  /** Told of each value that had to give way. */
  dropped?: (value: T) => void;
  /** Where the held values are kept, for those who want to see them; what it holds already goes first. Default an array of its own. */
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
 * What arrives while held values are being released waits behind them. An error waits for nobody.
 */
export function bufferWhile<T>({
  gate,
  size = Infinity,
  drop = 'oldest',
  dropped,
  buffer,
}: BufferWhileOptions<T>): MonoTypeOperatorFunction<T> {
  return (source) =>
    defer(() => {
      const held = buffer ?? [];
      let open = false;
      let releasing = false;
      let ended = false;
      /** How many values are to be released. One that its receiver puts back into the buffer waits for the next opening. */
      let due = 0;

      /** A loop that goes on while the gate is open: whoever opens it meanwhile need not, and must not, begin another. */
      function* release(): Generator<T | typeof END> {
        releasing = true;
        for (due = held.length; open && due-- > 0 && held.length > 0; ) yield held.shift() as T;
        releasing = false;
        if (open && ended) yield END;
      }

      function opens(state: boolean): boolean {
        open = state;
        return open && !releasing && (ended || held.length > 0);
      }

      function passes(value: T | typeof END): boolean {
        if (open && !releasing) return true;
        if (value === END) {
          ended = true;
          return false;
        }
        held.push(value);
        due++;
        if (held.length > size) dropped?.((drop === 'oldest' ? held.shift() : held.pop()) as T);
        return false;
      }

      // The gate first: one that is open from the start is open to a source that emits at once.
      return merge(gate.pipe(filter(opens), mergeMap(release)), source.pipe(endWith(END), filter(passes))).pipe(
        takeWhile((value): value is T => value !== END),
      );
    });
}
