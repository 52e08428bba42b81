import { Pending } from '../core/eventual.js';
import { sequence } from '../core/sequence.js';

/**
 * Calls `step` with one item after the other, each when the callback of the one before was called. Items that are added meanwhile are
 * included. `done` is called once: after the last item, at the first error, or when a step answers `false`.
 */
export function forEachAsync<T>(
  items: Iterable<T>,
  step: (item: T, next: (error?: unknown, go?: boolean) => void) => unknown,
  done: (error?: Error | null) => void,
): void {
  // An error is passed as it was given, which may be a string.
  const ended = (error: unknown, complete?: boolean): void => (complete ? done() : done((error || null) as Error | null));
  let outcome: boolean | Pending<boolean>;
  try {
    outcome = sequence(items, (item) => Pending.of<boolean>((next) => step(item, next as (error?: unknown, go?: boolean) => void)));
  } catch (thrown) {
    return ended(thrown || new Error('forEach failed'));
  }
  if (outcome instanceof Pending) outcome.read(ended);
  else ended(null, outcome);
}
