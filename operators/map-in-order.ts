import { defer, finalize, isObservable, map, mergeMap, Observable, type OperatorFunction, type Subscriber } from 'rxjs';
import { bufferWhile } from './buffer-while.js';

/** The options of `mapInOrder`. */
export interface MapInOrderOptions {
  /** Called with `true` when more than `high` values are waiting or under way, with `false` when none is any more. @defaultValue nothing is called */
  pressure?: (high: boolean) => void;
  /** How many values may be waiting or under way without pressure. @defaultValue 16 */
  high?: number;
}

/**
 * Maps each value with a step that may answer at once or later, one at a time, and keeps the order whatever the mix.
 *
 * ```
 * source    --a--b--c-----------
 * b later   --A-----------(BC)--
 * ```
 *
 * An answer that comes at once takes no detour unless an earlier one is still awaited. However many have been waiting,
 * they leave in a loop: `concatMap` recurses from one to the next and loses what is beyond the depth of the stack.
 *
 * @example
 * ```ts
 * import { from, of } from 'rxjs';
 * import { mapInOrder } from 'primus-rx/operators';
 *
 * const lookup = async (id: number) => `user ${id}`;
 * of(1, 2, 3)
 *   .pipe(mapInOrder((id) => (id === 2 ? from(lookup(id)) : `cached ${id}`)))
 *   .subscribe(console.log); // cached 1, user 2, cached 3
 * ```
 */
export function mapInOrder<T, R>(
  step: (value: T) => R | Observable<R>,
  { pressure, high = 16 }: MapInOrderOptions = {},
): OperatorFunction<T, R> {
  return (source) =>
    defer(() => {
      let idle: Subscriber<boolean> | undefined;
      const idle$ = new Observable<boolean>((subscriber) => {
        idle = subscriber;
        subscriber.next(true);
      });
      let present = 0;
      let pressed = false;

      function signal(state: boolean): void {
        if (pressed === state) return;
        pressed = state;
        pressure?.(state);
      }

      function leave(): void {
        if (--present === 0) signal(false);
        idle?.next(true);
      }

      return source.pipe(
        map((value) => {
          if (++present > high) signal(true);
          return value;
        }),
        bufferWhile({ gate: idle$ }),
        mergeMap((value) => {
          idle?.next(false);
          const answer = step(value);
          const answer$ = isObservable(answer) ? answer : defer(() => [answer]);
          return answer$.pipe(finalize(leave));
        }),
        // A source that was slowed down for our sake goes on without us.
        finalize(() => signal(false)),
      );
    });
}
