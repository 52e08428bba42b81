import { asError } from '../core/errors.js';
import { isPromise } from '../core/from-node-callback.js';

/**
 * Asks `step` about one item after the other, each time its callback is called; items that join meanwhile are included.
 * Calls back once: at the end, at the first error, or when a step answers `false`. Steps that answer at once cost no stack.
 */
export function forEachAsync<T>(
  items: Iterable<T>,
  step: (item: T, next: (error?: unknown, go?: boolean) => void) => unknown,
  done: (error?: Error | null) => void,
): void {
  const iterator = items[Symbol.iterator]();

  const run = (): void => {
    for (;;) {
      const { value, done: finished } = iterator.next();
      if (finished) return done(null);
      let answered = false;
      let waiting = false;
      let go = true;
      let failure: Error | null = null;
      const next = (error?: unknown, verdict?: boolean): void => {
        if (answered) return;
        answered = true;
        failure = error ? asError(error) : null;
        go = failure === null && verdict !== false;
        if (!waiting) return;
        if (go) run();
        else done(failure);
      };
      try {
        const result = step(value, next);
        if (isPromise(result)) result.then(undefined, (thrown) => next(asError(thrown)));
      } catch (thrown) {
        next(thrown ?? new Error('forEach failed'));
      }
      if (!answered) {
        waiting = true;
        return;
      }
      if (!go) return done(failure);
    }
  };

  run();
}
