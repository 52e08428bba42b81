import { setImmediate } from 'node:timers';

/** The longest time of one turn of the event loop, in ms: other work waits no longer. */
const SLICE = 20;

/**
 * Calls `act` with each of many items: at once for as long as one slice of time, and with the rest in later turns. Calls `done` after the
 * last item.
 */
export function inSlices<T>(
  items: Iterable<T>,
  act: (item: T) => void,
  { done, later = setImmediate }: { done?: () => void; later?: (work: () => void) => void } = {},
): void {
  const iterator = items[Symbol.iterator]();

  function slice(): void {
    const end = performance.now() + SLICE;
    let finished = false;
    try {
      do {
        const step = iterator.next();
        if (step.done) {
          finished = true;
          return done?.();
        }
        act(step.value);
      } while (performance.now() <= end);
    } finally {
      // Also when `act` throws: the other items must not suffer.
      if (!finished) later(slice);
    }
  }

  slice();
}
