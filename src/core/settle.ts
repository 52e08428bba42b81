import { AsyncSubject } from 'rxjs';
import { asError } from './errors.js';
import type { Done } from './parser.js';

/** An answer that has not come yet: one value or an error. A class of its own, so that no user value is taken for it. */
export class Later<T> extends AsyncSubject<T> {}

/** Now, or later. */
export type Eventual<T> = T | Later<T>;

/**
 * Runs a function that answers by an error-first callback. An answer given at once is returned (or its error thrown),
 * one that is still to come is a `Later`. Only the first answer counts. An async function may also answer by rejecting.
 */
export function settle<T>(run: (done: Done<T>) => unknown): Eventual<T> {
  let answer: { error: unknown; value: T | undefined } | undefined;
  let later: Later<T> | undefined;
  const done: Done<T> = (error, value) => {
    if (answer !== undefined) return;
    answer = { error, value };
    if (later === undefined) return;
    if (error) {
      later.error(error);
    } else {
      later.next(value as T);
      later.complete();
    }
  };
  const result = run(done);
  if (isPromise(result)) result.then(undefined, (thrown) => done(asError(thrown)));
  if (answer === undefined) {
    later = new Later();
    return later;
  }
  if (answer.error) throw answer.error;
  return answer.value as T;
}

/** The same for a promise: its value, later. */
export function settlePromise<T>(promise: PromiseLike<T>): Later<T> {
  const later = new Later<T>();
  promise.then(
    (value) => {
      later.next(value);
      later.complete();
    },
    (error) => later.error(error),
  );
  return later;
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
