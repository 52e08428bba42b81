/** How long one turn of the event loop may take, in ms: whoever else has something to do waits no longer. */
const SLICE = 20;

/** After how many items the clock is looked at. */
const STRIDE = 64;

/**
 * Does something to each of many items: at once while that takes no longer than a slice of time, the rest in later turns.
 * Calls `done` after the last.
 */
export function inSlices<T>(
  items: Iterable<T>,
  act: (item: T) => void,
  { done, later = setImmediate }: { done?: () => void; later?: (work: () => void) => void } = {},
): void {
  const iterator = items[Symbol.iterator]();

  function slice(): void {
    const end = performance.now() + SLICE;
    let count = 0;
    let finished = false;
    try {
      do {
        const step = iterator.next();
        if (step.done) {
          finished = true;
          return done?.();
        }
        act(step.value);
      } while (++count % STRIDE !== 0 || performance.now() <= end);
    } finally {
      // Also when one of them throws: the others have done nothing.
      if (!finished) later(slice);
    }
  }

  slice();
}
