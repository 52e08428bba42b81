import { settle } from './virtual-time.js';

/**
 * Fake timers, by the names that test runners give their parts: `vi` of Vitest and `jest` (`advanceTimersByTimeAsync`), and clocks of
 * `@sinonjs/fake-timers` (`tickAsync`). The first method that is there is used. `mock.timers` of `node:test` does not run the timers of RxJS.
 */
export interface FakeTimers {
  /** Runs the timers of so many ms, and the promises in between. */
  advanceTimersByTimeAsync?(ms: number): PromiseLike<unknown>;
  /** Runs the timers of so many ms, and the promises in between. */
  tickAsync?(ms: number): PromiseLike<unknown>;
  /** Runs the timers of so many ms. */
  advanceTimersByTime?(ms: number): unknown;
}

/** Whether a value is the fake timers of a test runner. */
export function isFakeTimers(value: unknown): value is FakeTimers {
  return ADVANCE.some((name) => typeof (value as FakeTimers | undefined)?.[name] === 'function');
}

const ADVANCE = ['advanceTimersByTimeAsync', 'tickAsync', 'advanceTimersByTime'] as const;

/** Lets so many ms pass on fake timers, promises included. */
export async function passOnTimers(timers: FakeTimers, ms: number): Promise<void> {
  await settle();
  if (timers.advanceTimersByTimeAsync) await timers.advanceTimersByTimeAsync(ms);
  else if (timers.tickAsync) await timers.tickAsync(ms);
  else {
    // They do not say when the next timer is due, and what it causes takes the end of a turn.
    for (let passed = 0; passed < ms; passed++) {
      timers.advanceTimersByTime?.(Math.min(1, ms - passed));
      await settle();
    }
  }
  await settle();
}
