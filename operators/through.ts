import { concatMap, defer, finalize, isObservable, type Observable, of, type OperatorFunction, tap } from 'rxjs';

export interface ThroughOptions {
  /** Called with `true` when more than `high` values are waiting or under way, with `false` when none is. */
  pressure?: (high: boolean) => void;
  /** Default 16. */
  high?: number;
}

/**
 * Maps each value with a step that may answer at once or later, and keeps the order whatever the mix.
 * An answer that comes at once takes no detour unless an earlier one is still awaited.
 *
 * ```
 * source    --a--b--c-----------
 * b later   --A-----------(BC)--
 * ```
 */
export function through<T, R>(
  step: (value: T) => R | Observable<R>,
  { pressure, high = 16 }: ThroughOptions = {},
): OperatorFunction<T, R> {
  return (source) =>
    defer(() => {
      let waiting = 0;
      let pressed = false;
      const signal = (state: boolean) => {
        if (pressed === state) return;
        pressed = state;
        pressure?.(state);
      };
      return source.pipe(
        tap(() => {
          if (++waiting > high) signal(true);
        }),
        concatMap((value) => {
          const answer = step(value);
          return (isObservable(answer) ? answer : of(answer)).pipe(
            finalize(() => {
              if (--waiting === 0) signal(false);
            }),
          );
        }),
      );
    });
}
