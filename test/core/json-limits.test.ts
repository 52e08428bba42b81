import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkJson } from '../../src/core/json-limits.js';
import { processorTime } from '../support/cpu.js';

/** Strings that contain everything with a meaning outside of strings, and escapes. */
const strings = fc.string({
  unit: fc.constantFrom('"', '\\', '[', ']', '{', '}', ',', ':', ' ', 'a', 'é', '漢', '\n', '\u2222', '🎉'),
  maxLength: 60,
});
const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    strings,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true, false, 0, 1e300),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(strings, tie('value'), { maxKeys: 6 }),
  ),
}));

/** The JSON of a value, with spaces in between, compact or both. */
const documents = fc
  .tuple(values, fc.constantFrom(undefined, 1, '\t', ' '.repeat(10)))
  .map(([value, space]) => ({ value, text: JSON.stringify(value, null, space) }));

describe('checkJson', () => {
  it('accepts JSON within the limits, and rejects it where one is lower', () => {
    fc.assert(
      fc.property(documents, ({ value, text }) => {
        const maxDepth = depthOf(value);
        const maxValues = countOf(value);
        expect(check(text, maxDepth, maxValues)).toBeUndefined();
        expect(check(text, Infinity, Infinity)).toBeUndefined();
        if (maxDepth > 0) expect(check(text, maxDepth - 1, Infinity)).toMatch(/nested more than \d+ deep/);
        if (maxValues > 0) expect(check(text, Infinity, maxValues - 1)).toMatch(/more than \d+ keys and values/);
      }),
      { numRuns: 3_000 },
    );
  });

  it('counts what follows strings, numbers and spaces of any length', () => {
    for (const long of [
      `"${'x'.repeat(5_000)}"`,
      `"${'\\"'.repeat(3_000)}"`,
      `"${'\\\\'.repeat(3_000)}"`,
      '1'.repeat(5_000),
      ' '.repeat(5_000),
    ]) {
      const text = `[ ${long} ${long.trim() === '' ? '1' : ''} ,[[ ${long} ${long.trim() === '' ? '1' : ''} ]],2]`;
      expect(JSON.parse(text)).toHaveLength(3);
      expect(check(text, 3, 5)).toBeUndefined();
      expect(check(text, 2, 5)).toMatch(/nested/);
      expect(check(text, 3, 4)).toMatch(/values/);
    }
  });

  it('counts no bracket in a string, closed or not', () => {
    for (const text of ['"[[["', '"\\"[[["', '"\\\\"', '["\\\\",[]]', '["[","\\u005b",[]]', '"[[[']) {
      expect(check(text.padEnd(100), depthOf(parsed(text)), Infinity)).toBeUndefined();
    }
    expect(check('["\\\\",[[]]]'.padEnd(100), 2, Infinity)).toMatch(/nested/);
    expect(check('["\\\\\\"",[[]]]'.padEnd(100), 2, Infinity)).toMatch(/nested/);
  });

  it('returns for any string', () => {
    const parts = fc.constantFrom('[', ']', '{', '}', '"', '\\', ',', ':', ' ', '1', 'x', '\ud800');
    fc.assert(
      fc.property(fc.string({ unit: parts, maxLength: 300 }), (text) => {
        expect(['string', 'undefined']).toContain(typeof check(text, 3, 10));
      }),
      { numRuns: 3_000 },
    );
  });

  it('takes a small part of the time of parsing, for ten megabytes of each kind', async () => {
    const many = (part: string) => part.repeat(10_000_000 / part.length);
    const parse = `[${many('[1],')}1]`;
    const reference = await processorTime(() => JSON.parse(parse));
    for (const text of [
      many('['),
      many('[]'),
      many('{"a":'),
      `[${many('1,')}1]`,
      `[${many('"",')}1]`,
      `"${many('\\"')}"`,
      `"${many('[')}"`,
      many('1'),
      many(' '),
      `[${many(' ')}]`,
      `"${many('\u2222')}"`,
      `[${many(' [')}`,
    ])
      expect(await processorTime(() => check(text, 1_000, 100_000))).toBeLessThan(reference + 500);
  });
});

/** The reason for which a string exceeds the limits. */
function check(text: string, maxDepth: number, maxValues: number): string | undefined {
  try {
    checkJson(text, { maxDepth, maxValues });
    return undefined;
  } catch (error) {
    return (error as RangeError).message;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** Keys and values, without the outermost one. */
function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inner = Object.values(value);
  return inner.length * (Array.isArray(value) ? 1 : 2) + inner.reduce((sum: number, each) => sum + countOf(each), 0);
}
