import type { Observable } from 'rxjs';

/**
 * A stream as an async iterable that honours back-pressure: the source is paused while more than `high` values wait
 * to be taken. Leaving the loop unsubscribes and resumes; it closes nothing. `hungry` is called whenever the loop waits for a value.
 */
export async function* iterate<T>(
  source: Observable<T>,
  { pause, resume, hungry, high = 16 }: { pause?: () => void; resume?: () => void; hungry?: () => void; high?: number } = {},
): AsyncGenerator<T, void, undefined> {
  const waiting: T[] = [];
  let paused = false;
  let done = false;
  let failure: { error: unknown } | undefined;
  let wake: () => void = () => {};

  const subscription = source.subscribe({
    next(value) {
      waiting.push(value);
      if (!paused && waiting.length > high) {
        paused = true;
        pause?.();
      }
      wake();
    },
    error(error) {
      failure = { error };
      wake();
    },
    complete() {
      done = true;
      wake();
    },
  });

  try {
    while (true) {
      while (waiting.length > 0) yield waiting.shift() as T;
      if (failure) throw failure.error;
      if (done) return;
      if (paused) {
        paused = false;
        resume?.();
      }
      hungry?.();
      if (waiting.length === 0 && !done && !failure) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    subscription.unsubscribe();
    if (paused) resume?.();
  }
}
