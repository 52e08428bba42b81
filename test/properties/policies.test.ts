import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  composePolicy,
  constant,
  decorrelatedJitter,
  type ExponentialOptions,
  equalJitter,
  exponential,
  fullJitter,
  interactive,
  type Policy,
  type PolicyRule,
  stopOn,
  untilStable,
  withRetryAfter,
} from '../../operators/index.js';
import { randomFrom } from './random.js';

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

const jittered = { fullJitter, equalJitter };

describe.each(['fullJitter', 'equalJitter'] as const)('%s with any options', (name) => {
  const create = ({ min: base, ...options }: Options, random: () => number) =>
    jittered[name]({ ...options, base, retries: Infinity, random });
  const share = name === 'fullJitter' ? 0 : 0.5;
  const at = (options: Options, random: number, attempt: number) => create(options, () => random)(attempt) as number;

  it(
    'waits between its share of the ceiling and the ceiling, in whole ms',
    holds(
      fc.property(anyOptions, random, attempt, (some, random, attempt) => {
        const wait = at(some, random, attempt);
        const ceiling = at(some, 1, attempt);
        expect(wait).toBeGreaterThanOrEqual(Math.round(share * ceiling) - 1);
        expect(wait).toBeLessThanOrEqual(ceiling);
        expect(ceiling).toBeLessThanOrEqual(Math.min(some.max, LONGEST_TIMER));
        expect(Number.isInteger(wait)).toBe(true);
      }),
    ),
  );

  it(
    'never lowers its bounds for a later attempt',
    holds(
      fc.property(anyOptions, fc.constantFrom(0, 1), attempt, (some, random, attempt) => {
        expect(at(some, random, attempt + 1)).toBeGreaterThanOrEqual(at(some, random, attempt));
      }),
    ),
  );
});

describe('equalJitter', () => {
  it(
    'has the delays of exponential with half of its base',
    holds(
      fc.property(options, random, attempt, ({ min, ...some }, random, attempt) => {
        fc.pre(some.max >= 2 * min);
        const given = { ...some, retries: Infinity, random: () => random };
        expect(equalJitter({ ...given, base: 2 * min })(attempt)).toBe(exponential({ ...given, min })(attempt));
      }),
    ),
  );
});

describe('decorrelatedJitter with any options', () => {
  const previous = fc.option(fc.nat(DAY), { nil: undefined });

  it(
    'waits between min and max, and for at most three times the previous delay',
    holds(
      fc.property(options, random, attempt, previous, ({ min, max }, random, attempt, previous) => {
        const wait = decorrelatedJitter({ min, max, retries: Infinity, random: () => random })(attempt, undefined, previous) as number;
        expect(wait).toBeGreaterThanOrEqual(min);
        expect(wait).toBeLessThanOrEqual(Math.min(max, LONGEST_TIMER));
        expect(wait).toBeLessThanOrEqual(3 * Math.max(min, previous ?? 0));
        expect(wait).toBeLessThanOrEqual(min && min * 3 ** attempt);
        expect(Number.isInteger(wait)).toBe(true);
      }),
    ),
  );

  it(
    'never lowers its bounds for a longer previous delay',
    holds(
      fc.property(anyOptions, fc.constantFrom(0, 1), attempt, fc.nat(DAY), fc.nat(DAY), (some, random, attempt, one, other) => {
        const policy = decorrelatedJitter({ ...some, retries: Infinity, random: () => random });
        const [shorter, longer] = [Math.min(one, other), Math.max(one, other)].map((previous) => policy(attempt, undefined, previous));
        expect(longer).toBeGreaterThanOrEqual(shorter as number);
      }),
    ),
  );

  it('goes its own way for each client', () => {
    const courses = Array.from({ length: 100 }, (_, seed) => {
      const policy = decorrelatedJitter({ max: '30 s', random: randomFrom(seed) });
      let delay: number | undefined;
      return Array.from({ length: 8 }, (_, index) => {
        delay = policy(index + 1, undefined, delay) as number;
        return delay;
      });
    });
    const sums = courses.map((course) => course.reduce((sum, delay) => sum + delay));
    expect(new Set(sums).size).toBe(100);
    // An even course would take 500 ms · 8, or the cap, of all of them.
    expect(Math.max(...sums)).toBeGreaterThan(2 * Math.min(...sums));
  });
});

/** Any policy. Two with the same seed draw the same numbers. */
const anyPolicy: fc.Arbitrary<(seed: number) => Policy> = fc
  .record({ min: ms, max, factor, retries, kind: fc.constantFrom('exponential', 'full', 'equal', 'decorrelated', 'constant', 'own') })
  .map(({ kind, ...some }) => (seed) => {
    const random = randomFrom(seed);
    const kinds: Record<typeof kind, Policy> = {
      exponential: exponential({ ...some, random }),
      full: fullJitter({ ...some, base: some.min, random }),
      equal: equalJitter({ ...some, base: some.min, random }),
      decorrelated: decorrelatedJitter({ ...some, random }),
      constant: constant(some.min, some),
      own: (attempt) => attempt <= some.retries && Math.floor(some.min * random()),
    };
    return kinds[kind];
  });

const anyError = fc.oneof(
  fc.constantFrom(undefined, null, 'error', 401),
  fc.record(
    {
      status: fc.constantFrom(200, 401, 403, 404, 500, 503),
      code: fc.constantFrom('ENOTFOUND', 'ECONNREFUSED'),
      retryAfter: fc.oneof(fc.nat(DAY), fc.constantFrom(undefined, null, -1, Number.NaN)),
    },
    { requiredKeys: [] },
  ),
);

const cause = fc.constantFrom<number | string>(401, 403, 404, 'ENOTFOUND');

/** Any rule. Two with the same seed draw the same numbers. */
const anyRule: fc.Arbitrary<(seed: number) => PolicyRule> = fc.oneof(
  fc.double({ min: 0, max: 3, noNaN: true }).map((spread) => (seed: number) => withRetryAfter({ spread, random: randomFrom(seed) })),
  ms.map((time) => () => untilStable(time)),
  fc.array(cause).map((causes) => () => stopOn(...causes)),
);

type Step = [error: unknown, previous: number | undefined];

const anySteps: fc.Arbitrary<Step[]> = fc.array(fc.tuple(anyError, fc.option(fc.nat(DAY), { nil: undefined })), { minLength: 1 });

/** The decisions of a policy, one attempt after the other, and its times. */
function decisions(policy: Policy, steps: readonly Step[]): unknown[] {
  const waits = steps.map(([error, previous], index) => policy(index + 1, error, previous));
  return [...waits, policy.stable, policy.retryAfter ?? false];
}

describe('any policy with withRetryAfter', () => {
  it(
    'waits at least as long as the server asks for, and is spread above that',
    holds(
      fc.property(
        anyPolicy,
        fc.nat(),
        fc.integer({ min: 1, max: DAY }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        random,
        attempt,
        (create, seed, retryAfter, spread, random, attempt) => {
          const plain = create(seed)(attempt, { retryAfter });
          const waits = [0, random, 1].map((random) =>
            withRetryAfter({ spread, random: () => random })(create(seed))(attempt, { retryAfter }),
          );
          if (plain === false) {
            expect(waits).toEqual([false, false, false]);
            return;
          }
          const [shortest, wait, longest] = waits as [number, number, number];
          expect(shortest).toBe(plain + retryAfter);
          expect(longest).toBe(plain + Math.round(retryAfter * (1 + spread)));
          expect(wait).toBeGreaterThanOrEqual(shortest);
          expect(wait).toBeLessThanOrEqual(longest);
        },
      ),
    ),
  );

  it('never gets many clients back in one millisecond', () => {
    const policy = withRetryAfter({ random: randomFrom(1) })(constant(500));
    const times = Array.from({ length: 1_000 }, () => policy(1, { retryAfter: 10_000 }) as number);
    const counts = new Map<number, number>();
    for (const time of times) counts.set(time, (counts.get(time) ?? 0) + 1);
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(8);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(4_900);
  });
});

describe('any policy with stopOn', () => {
  it(
    'gives up at its causes, and is as it was at other errors',
    holds(
      fc.property(anyPolicy, fc.array(cause), fc.nat(), anySteps, (create, causes, seed, steps) => {
        const [plain, stopping] = [create(seed), stopOn(...causes)(create(seed))];
        for (const [index, [error, previous]] of steps.entries()) {
          const { status, code } = (error ?? {}) as { status?: number; code?: string };
          const stops = causes.some((cause) => cause === status || cause === code);
          // The random numbers of both stay in step.
          expect(stopping(index + 1, error, previous)).toBe(stops ? false : plain(index + 1, error, previous));
        }
      }),
    ),
  );
});

describe('interactive', () => {
  it(
    'never gives up but at 401 and 403, and never waits longer than 30 s and 1.5 times what the server asks for',
    holds(
      fc.property(fc.nat(), attempt, anyError, (seed, attempt, error) => {
        const wait = interactive({ random: randomFrom(seed) })(attempt, error);
        const { status, retryAfter } = (error ?? {}) as { status?: number; retryAfter?: number };
        expect(wait === false).toBe(status === 401 || status === 403);
        if (wait === false) return;
        const asked = Math.max(0, retryAfter || 0);
        expect(wait).toBeGreaterThanOrEqual(500 + asked);
        expect(wait).toBeLessThanOrEqual(30_000 + Math.ceil(1.5 * asked));
      }),
    ),
  );
});

describe('rules, for any policy', () => {
  /** Whether two ways to make a policy make the same one. */
  function same(seed: number, steps: readonly Step[], one: () => Policy, other: () => Policy): void {
    expect(decisions(one(), steps), `seed ${seed}`).toEqual(decisions(other(), steps));
  }

  it(
    'can be composed in groups',
    holds(
      fc.property(anyPolicy, anyRule, anyRule, anyRule, fc.nat(), anySteps, (create, a, b, c, seed, steps) => {
        const rules = () => [a(1), b(2), c(3)] as const;
        const all = () => composePolicy(create(seed), ...rules());
        same(seed, steps, all, () => {
          const [first, ...rest] = rules();
          return composePolicy(composePolicy(create(seed), first), ...rest);
        });
        same(seed, steps, all, () => {
          const [first, ...rest] = rules();
          return composePolicy(first(create(seed)), (policy) => composePolicy(policy, ...rest));
        });
      }),
    ),
  );

  it(
    'untilStable and each other rule can change places',
    holds(
      fc.property(anyPolicy, ms, anyRule, fc.nat(), anySteps, (create, time, rule, seed, steps) => {
        fc.pre(rule(0)(constant(0)).stable === undefined);
        const stable = untilStable(time);
        same(
          seed,
          steps,
          () => composePolicy(create(seed), stable, rule(1)),
          () => composePolicy(create(seed), rule(1), stable),
        );
      }),
    ),
  );

  it(
    'count once: the last untilStable, the first withRetryAfter, and stopOn of both lists',
    holds(
      fc.property(anyPolicy, ms, ms, fc.array(cause), fc.array(cause), fc.nat(), anySteps, (create, time, other, a, b, seed, steps) => {
        const plain = () => create(seed);
        same(
          seed,
          steps,
          () => composePolicy(plain(), untilStable(time), untilStable(other)),
          () => composePolicy(plain(), untilStable(other)),
        );
        same(
          seed,
          steps,
          () => composePolicy(plain(), withRetryAfter({ random: randomFrom(1) }), withRetryAfter({ spread: 7 })),
          () => composePolicy(plain(), withRetryAfter({ random: randomFrom(1) })),
        );
        same(
          seed,
          steps,
          () => composePolicy(plain(), stopOn(...a), stopOn(...b)),
          () => composePolicy(plain(), stopOn(...a, ...b)),
        );
      }),
    ),
  );

  it(
    'never make a policy go on that gives up',
    holds(
      fc.property(anyPolicy, fc.array(anyRule), fc.nat(), anySteps, (create, rules, seed, steps) => {
        const plain = create(seed);
        const composed = composePolicy(create(seed), ...rules.map((rule, index) => rule(index)));
        for (const [index, [error, previous]] of steps.entries()) {
          const attempt = index + 1;
          if (plain(attempt, error, previous) === false) expect(composed(attempt, error, previous)).toBe(false);
        }
      }),
    ),
  );
});
