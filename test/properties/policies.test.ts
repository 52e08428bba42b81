import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExponentialOptions, exponential } from '../../operators/exponential.js';

type Options = Record<keyof Omit<ExponentialOptions, 'random'>, number>;

const DAY = 86_400_000;
const LONGEST_TIMER = 2 ** 31 - 1;

const ms = fc.integer({ min: 0, max: DAY });
const max = fc.oneof(ms, fc.constant(Infinity));
/** Below 1 as well: users may pass it. */
const factor = fc.oneof(fc.double({ min: 0, max: 10, noNaN: true }), fc.constantFrom(1, 2, 1000));
const retries = fc.oneof(fc.nat(1000), fc.constant(Infinity));
const anyOptions: fc.Arbitrary<Options> = fc.record({ min: ms, max, factor, retries });
const options = anyOptions.filter((some) => some.min <= some.max);

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
/** The number of an attempt, which `retries` does not limit. */
const attempt = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1_000_000 }));

function delay(options: Options, random: number, attempt: number): number {
  const wait = exponential({ ...options, retries: Infinity, random: () => random })(attempt);
  if (wait === false) throw new Error('Gave up');
  return wait;
}

const lower = (options: Options, attempt: number): number => delay(options, 0, attempt);
const upper = (options: Options, attempt: number): number => delay(options, 1 - Number.EPSILON, attempt);

function holds(property: fc.IRawProperty<unknown>): () => void {
  return () => fc.assert(property, { numRuns: 1000 });
}

describe('exponential with any options', () => {
  it(
    'waits between min and max, in whole ms',
    holds(
      fc.property(options, random, attempt, (some, random, attempt) => {
        const wait = delay(some, random, attempt);
        expect(wait).toBeGreaterThanOrEqual(some.min);
        expect(wait).toBeLessThanOrEqual(some.max);
        expect(Number.isInteger(wait)).toBe(true);
      }),
    ),
  );

  it(
    'waits between 0 and max, and at most as long as a timer can, even if min is larger than max',
    holds(
      fc.property(anyOptions, random, attempt, (some, random, attempt) => {
        const wait = delay(some, random, attempt);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(Math.min(some.max, LONGEST_TIMER));
      }),
    ),
  );

  it(
    'never lowers its bounds for a later attempt',
    holds(
      fc.property(anyOptions, attempt, (some, attempt) => {
        expect(lower(some, attempt + 1)).toBeGreaterThanOrEqual(lower(some, attempt));
        expect(upper(some, attempt + 1)).toBeGreaterThanOrEqual(upper(some, attempt));
      }),
    ),
  );

  it(
    'waits longer for a larger random number',
    holds(
      fc.property(anyOptions, attempt, random, random, (some, attempt, one, other) => {
        expect(delay(some, Math.max(one, other), attempt)).toBeGreaterThanOrEqual(delay(some, Math.min(one, other), attempt));
      }),
    ),
  );

  it(
    'spreads its waits over at least half of the longest one, from the first attempt on',
    holds(
      fc.property(options, attempt, (some, attempt) => {
        fc.pre(some.max >= 2 * some.min);
        const [shortest, longest] = [lower(some, attempt), upper(some, attempt)];
        // One ms for the rounding.
        expect(longest - shortest).toBeGreaterThanOrEqual(longest / 2 - 1);
      }),
    ),
  );

  it(
    'reaches its maximum',
    holds(
      fc.property(options, (some) => {
        fc.pre(some.min > 0 && some.factor >= 1.1);
        expect(upper(some, 1000)).toBe(Math.min(some.max, LONGEST_TIMER));
      }),
    ),
  );

  it(
    'gives up after `retries` attempts, and not before',
    holds(
      fc.property(anyOptions, random, attempt, (some, random, attempt) => {
        const wait = exponential({ ...some, random: () => random })(attempt);
        expect(wait === false).toBe(attempt > some.retries);
      }),
    ),
  );
});
