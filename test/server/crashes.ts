import { afterEach, beforeEach, expect } from 'vitest';

/** Every test of the file fails when something reaches the process that nobody took: it would have died of it. */
export function watchForCrashes(): void {
  const crashes: unknown[] = [];
  const crashed = (error: unknown) => crashes.push(error);

  beforeEach(() => {
    crashes.length = 0;
    process.on('uncaughtException', crashed).on('unhandledRejection', crashed);
  });

  afterEach(async () => {
    // A rejection nobody took is found out at the end of a turn.
    await new Promise((resolve) => setTimeout(resolve));
    process.off('uncaughtException', crashed).off('unhandledRejection', crashed);
    expect(crashes).toEqual([]);
  });
}
