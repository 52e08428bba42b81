import { type Done, type Eventual, Pending, toEventual } from './eventual.js';

/**
 * Runs a function that takes an error-first callback. Only the first call counts. An async function may also answer by
 * rejecting.
 *
 * @returns the value when the callback is called before `run` returns, else a promise of it
 * @throws the error that the callback is called with before `run` returns
 */
export function fromNodeCallback<T>(run: (done: Done<T>) => unknown): Eventual<T> {
  return toEventual(Pending.of(run));
}
