import { afterEach, beforeEach, expect } from 'vitest';

/** Fails every test of the file in which an error reaches the process uncaught: the process would have crashed. */
export function watchForCrashes(): void {
  const crashes: unknown[] = [];
  const crashed = (error: unknown) => crashes.push(error);

  beforeEach(() => {
    crashes.length = 0;
    process.on('uncaughtException', crashed).on('unhandledRejection', crashed);
  });

  afterEach(async () => {
    // An unhandled rejection is detected at the end of a turn.
    await new Promise((resolve) => setTimeout(resolve));
    process.off('uncaughtException', crashed).off('unhandledRejection', crashed);
    expect(crashes).toEqual([]);
  });
}
