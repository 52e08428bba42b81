import type { Backplane } from '../bus.js';
import { delivery, limits } from './delivery.js';
import { lifetime } from './lifetime.js';
import { log, logLimits } from './log.js';
import { TestBed } from './node.js';
import { topics } from './topics.js';

/** Settings for the cases of `backplaneContract`. */
export interface BackplaneContractOptions {
  /**
   * The length of a message that is longer than the engine takes, in bytes. The cases about such messages pass without it.
   *
   * @defaultValue none: the engine has no limit
   */
  readonly tooLong?: number;
}

/** One case of `backplaneContract`. */
export interface BackplaneCase {
  /** A sentence about the behaviour: the title of the test. */
  readonly name: string;
  /** `'log'` when the case is about the history, which an engine need not keep. */
  readonly needs?: 'log';
  /** Runs the case on an engine. Opens buses and closes them. Rejects with an AssertionError when the backplane breaks the contract. */
  run(backplane: Backplane, options?: BackplaneContractOptions): Promise<void>;
}

type Cases = Record<string, (bed: TestBed) => Promise<void>>;

/** Makes cases of functions. Unless a case is about losses, none may be reported. */
function cases(functions: Cases, { needs, quiet = true }: { needs?: 'log'; quiet?: boolean } = {}): BackplaneCase[] {
  return Object.entries(functions).map(([name, body]) => ({
    name,
    ...(needs && { needs }),
    async run(backplane, { tooLong } = {}) {
      const bed = new TestBed(backplane, tooLong);
      try {
        await body(bed);
        if (quiet) bed.assertQuiet();
      } finally {
        await bed.close();
      }
    },
  }));
}

/**
 * The contract of a backplane as cases for any test framework: delivery, order, topics, bytes, state, and the history where the engine keeps one.
 * A case fails after 30 s at the latest.
 *
 * @example
 * import { memory } from 'primus-rx/cluster';
 * import { backplaneContract } from 'primus-rx/testing';
 * import { it } from 'vitest';
 *
 * for (const { name, run } of backplaneContract) it(name, () => run(memory()), 60_000); // in place of memory(), your backplane
 */
export const backplaneContract: readonly BackplaneCase[] = [
  ...cases(delivery),
  ...cases(topics),
  ...cases(lifetime, { quiet: false }),
  ...cases(limits, { quiet: false }),
  ...cases(log, { needs: 'log' }),
  ...cases(logLimits, { needs: 'log', quiet: false }),
];
