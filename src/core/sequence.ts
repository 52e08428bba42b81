import { asError } from './errors.js';
import { isPromise, Pending } from './eventual.js';

/**
 * Calls `step` with one item after the other, and stops when a step answers `stop`. A step answers with a value, a promise, or
 * the `Pending` of a callback. While steps answer at once this is a plain loop: no stack grows, nothing is allocated per step.
 * Behind a step that answers later the sequence goes on in the turn of that answer.
 *
 * ```
 * steps     a   b · · · b   c        · waits for b
 * returns           Pending
 * read                        true   false where a step answered `stop`
 * ```
 *
 * Items are taken when their turn comes: those that join meanwhile are included.
 *
 * @returns whether no step answered `stop`; a `Pending` of that when a step answers later
 * @throws what a step throws; what is thrown behind a late answer, and a late error, is the error of the `Pending`
 */
export function sequence<T>(items: Iterable<T>, step: (item: T) => unknown, stop: unknown = false): boolean | Pending<boolean> {
  return run(items[Symbol.iterator](), step, stop);
}

/** The state travels in parameters: an object or a closure for it would cost the message transformers half of their time again. */
function run<T>(items: Iterator<T>, step: (item: T) => unknown, stop: unknown, outcome?: Pending<boolean>): boolean | Pending<boolean> {
  for (let next = items.next(); !next.done; next = items.next()) {
    const answer = step(next.value);
    if (answer === stop) return false;
    if (answer instanceof Pending || isPromise(answer)) return goOn(answer, items, step, stop, outcome);
  }
  return true;
}

/** Runs the rest of the steps once `answer` is known. */
function goOn<T>(
  answer: Pending<unknown> | Promise<unknown>,
  items: Iterator<T>,
  step: (item: T) => unknown,
  stop: unknown,
  outcome = new Pending<boolean>(),
): Pending<boolean> {
  const resume = (error: unknown, value?: unknown): void => {
    if (error) return outcome.done(error as Error);
    let passes: boolean | Pending<boolean> = false;
    try {
      if (value !== stop) passes = run(items, step, stop, outcome);
    } catch (thrown) {
      return outcome.done((thrown || asError(thrown)) as Error);
    }
    if (passes !== outcome) outcome.done(null, passes as boolean);
  };
  if (answer instanceof Pending) answer.read(resume);
  // A thenable that is no promise may call back twice, or in the same turn.
  else
    Promise.resolve(answer).then(
      (value) => resume(null, value),
      (thrown) => resume(thrown || asError(thrown)),
    );
  return outcome;
}
