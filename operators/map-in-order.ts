import { defer, finalize, isObservable, mergeMap, Observable, type OperatorFunction, of, type Subscriber, tap } from 'rxjs';
import { bufferWhile } from './buffer-while.js';

/** Whom to tell that much is under way. */
export interface MapInOrderOptions {
  /** Called with `true` when more than `high` values are waiting or under way, with `false` when none is any more. */
  pressure?: (high: boolean) => void;
  /** How many values may be waiting or under way without pressure. Default 16. */
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

      function enters(): void {
        if (++present > high) signal(true);
      }

      function leaves(): void {
        if (--present === 0) signal(false);
        idle?.next(true);
      }

      return source.pipe(
        tap(enters),
        bufferWhile({ gate: idle$ }),
        mergeMap((value) => {
          idle?.next(false);
          const answer = step(value);
          return (isObservable(answer) ? answer : of(answer)).pipe(tap({ complete: leaves }));
        }),
        // Whoever was slowed down for our sake goes on without us.
        finalize(() => signal(false)),
      );
    });
}
