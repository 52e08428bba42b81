import { asError } from './errors.js';
import { type Done, type Eventual, isPromise } from './eventual.js';

/**
 * Runs a function that takes an error-first callback. Only the first call counts. An async function may also answer by
 * rejecting.
 *
 * @returns the value when the callback is called before `run` returns, else a promise of it
 * @throws the error that the callback is called with before `run` returns
 */
export function fromNodeCallback<T>(run: (done: Done<T>) => unknown): Eventual<T> {
  let outcome: { error: unknown; value: T } | undefined;
  let late: (() => void) | undefined;
  const done: Done<T> = (error, value) => {
    outcome ??= { error, value: value as T };
    late?.();
  };
  const result = run(done);
  if (isPromise(result)) result.then(undefined, (thrown: unknown) => done(asError(thrown)));
  const conclude = ({ error, value } = outcome as NonNullable<typeof outcome>): T => {
    if (error) throw error;
    return value;
  };
  if (outcome !== undefined) return conclude();
  return new Promise<void>((resolve) => {
    late = resolve;
  }).then(() => conclude());
}
