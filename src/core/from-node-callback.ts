import { asError } from './errors.js';
import type { Done } from './parser.js';

/** Now, or later. */
export type Eventual<T> = T | Promise<T>;

/**
 * Runs a function that answers by an error-first callback. An answer given at once is returned (or its error thrown),
 * one that is still to come is a promise. Only the first answer counts. An async function may also answer by rejecting.
 */
export function fromNodeCallback<T>(run: (done: Done<T>) => unknown): Eventual<T> {
  let answer: { error: unknown; value: T } | undefined;
  let late: (() => void) | undefined;
  const done: Done<T> = (error, value) => {
    answer ??= { error, value: value as T };
    late?.();
  };
  const result = run(done);
  if (isPromise(result)) result.then(undefined, (thrown: unknown) => done(asError(thrown)));
  const conclude = ({ error, value }: NonNullable<typeof answer>): T => {
    if (error) throw error;
    return value;
  };
  if (answer !== undefined) return conclude(answer);
  return new Promise<void>((resolve) => {
    late = resolve;
  }).then(() => conclude(answer as NonNullable<typeof answer>));
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
