import { defer, filter, type MonoTypeOperatorFunction, mergeAll, mergeMap, type Observable, takeWhile } from 'rxjs';

/** The options of `bufferWhile`. */
export interface BufferWhileOptions<T> {
  /** `true` lets values pass, `false` buffers them. Values are buffered until its first value. */
  gate: Observable<boolean>;
  /** How many values may be buffered. @defaultValue Infinity */
  size?: number;
  /** The value that is dropped when the buffer is full. @defaultValue 'oldest' */
  drop?: 'oldest' | 'newest';
  /** Called with each value that is dropped. @defaultValue nothing is called */
  dropped?: (value: T) => void;
  /** The array that values are buffered in, for a caller that reads it. Values that it contains already come first. @defaultValue a new array */
  buffer?: T[];
}

/** Follows the last value, so that the completion waits as long as the values before it. */
const END = Symbol('end');

/**
 * Buffers values while the gate is closed and releases them, in order, when it opens.
 *
 * ```
 * gate      f------t-----f---t--
 * source    --a-b------c---d----
 * result    -------(ab)c-----d--
 * ```
 *
 * What arrives while buffered values are being released waits behind them. An error does not wait.
 *
 * @example
 * ```ts
 * import { interval, map } from 'rxjs';
 * import { bufferWhile } from 'primus-rx/operators';
 *
 * const online$ = interval(5000).pipe(map((count) => count % 2 === 0));
 * interval(1000).pipe(bufferWhile({ gate: online$, size: 100 })).subscribe(console.log);
 * ```
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
      const waiting = buffer ?? [];
      let open = false;
      let releasing = false;
      let ended = false;
      /** How many values should be released. One that its receiver puts back into the buffer waits for the next opening. */
      let due = 0;

      /** A loop that goes on while the gate is open: a gate that opens meanwhile must not begin another. */
      function* release(): Generator<T | typeof END> {
        releasing = true;
        for (due = waiting.length; open && due-- > 0 && waiting.length > 0; ) yield waiting.shift() as T;
        releasing = false;
        if (open && ended) yield END;
      }

      function opens(state: boolean): boolean {
        open = state;
        return open && !releasing && (ended || waiting.length > 0);
      }

      function passes(value: T | typeof END): boolean {
        if (open && !releasing) return true;
        if (value === END) {
          ended = true;
          return false;
        }
        waiting.push(value);
        due++;
        if (waiting.length > size) dropped?.((drop === 'oldest' ? waiting.shift() : waiting.pop()) as T);
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
