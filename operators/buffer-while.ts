import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import { gated } from './gated.js';

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
  return gated(gate, () => {
    const waiting = buffer ?? [];
    /** How many values should be released. One that its receiver puts back into the buffer waits for the next opening. */
    let due = 0;
    return {
      isEmpty: () => waiting.length === 0,
      keep(value) {
        waiting.push(value);
        due++;
        if (waiting.length > size) dropped?.((drop === 'oldest' ? waiting.shift() : waiting.pop()) as T);
      },
      *release(isOpen) {
        for (due = waiting.length; isOpen() && due-- > 0 && waiting.length > 0; ) yield waiting.shift() as T;
      },
    };
  });
}
