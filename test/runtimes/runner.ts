import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';

/** The outcome of the tests: how many have passed, the titles of those that were skipped, and the messages of those that have failed, by title. */
export interface Outcome {
  passed: number;
  skipped: string[];
  failed: Record<string, string>;
}

type Step = () => unknown;

/** How long a test may take, in ms. What waits gives up before, and says for what it has waited. */
const LIMIT = 90_000;

const tests: { readonly title: string; readonly test: Step }[] = [];
const outcome: Outcome = { passed: 0, skipped: [], failed: {} };
const before: Step[] = [];
const after: Step[] = [];

// What the contract uses of vitest, which itself runs on Node.js: the same assertions, and tests one after the other.

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

export const { expect } = chai;
const shared = globalThis as unknown as Record<symbol, object>;
Object.assign(expect, shared[ASYMMETRIC_MATCHERS_OBJECT]);
setState({ assertionCalls: 0, expectedAssertionsNumber: null }, expect as never);
shared[GLOBAL_EXPECT] = expect;

export function describe(_title: string, define: () => void): void {
  define();
}

export const it = Object.assign((title: string, test: Step) => void tests.push({ title, test }), {
  skip: (title: string) => void outcome.skipped.push(title),
});

export function beforeEach(step: Step): void {
  before.push(step);
}

export function afterEach(step: Step): void {
  after.unshift(step);
}

/** Runs the tests that were defined. */
export async function run(): Promise<Outcome> {
  for (const { title, test } of tests) {
    try {
      await within(async () => {
        for (const step of before) await step();
        try {
          await test();
        } finally {
          for (const step of after) await step();
        }
      });
      outcome.passed += 1;
    } catch (error) {
      outcome.failed[title] = `${(error as Error)?.message ?? error}`;
    }
  }
  return outcome;
}

/** Resolves with the step; rejects when that takes too long. */
async function within(step: () => Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not over after ${LIMIT} ms`)), LIMIT);
  });
  try {
    await Promise.race([step(), late]);
  } finally {
    clearTimeout(timer);
  }
}
