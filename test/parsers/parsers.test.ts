import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Parser } from '../../src/core/parser.js';
import { withLimits } from '../../src/server/parser-limits.js';
import { processorTime } from '../support/cpu.js';
import { generator } from '../support/world.js';
import { domains, normal, parserOf, registry, same } from './domains.js';

const names = [...registry.keys()];

/** The number of mutated frames per parser; `MUTATIONS=1000000` tries more, and `SEED` others. */
const ROUNDS = Number(process.env.MUTATIONS ?? 100_000);
const SEED = Number(process.env.SEED ?? 6);

describe.each(names)('the parser %s', (name) => {
  const { encode, decode } = parserOf(name);
  const domain = domains[name] as fc.Arbitrary<unknown>;
  const limited = withLimits(registry.get(name) as Parser, { maxDepth: 4, maxValues: 20 });

  it('decodes every value of its domain as it was encoded', () => {
    let values = 0;
    fc.assert(
      fc.property(domain, (value) => {
        const received = decode(encode(value));
        // Much faster than an assertion, which shows the difference.
        if (!same(value, received)) expect(normal(received)).toStrictEqual(normal(value));
        values++;
      }),
      { numRuns: 1_000 },
    );
    expect(values).toBe(1_000);
  });

  it('decodes a frame at any offset of a buffer', () => {
    const value = ['a string of more than twenty-four bytes', { number: 1.5, list: [1, -300, 70_000] }];
    const frame = encode(value);
    const inside = Buffer.concat([Buffer.from('before'), Buffer.from(frame as never), Buffer.from('after')]);
    expect(decode(inside.subarray(6, inside.length - 5))).toEqual(value);
    expect(decode(new Uint8Array(inside).subarray(6, inside.length - 5))).toEqual(value);
  });

  it.each([[''], [0], [false], [null], [[]], [{}], ['\0'], ['\ufeff'], [[[]]], [[null, '', 0]]])('carries %j', (value) => {
    expect(decode(encode(value))).toStrictEqual(value);
  });

  it.each([undefined, () => {}, Symbol('odd'), 1n])('rejects %o with an error', (value) => {
    expect(() => encode(value)).toThrow(/cannot represent|BigInt/);
  });

  it('rejects a value that contains itself', () => {
    const circle: unknown[] = [];
    circle.push({ circle });
    expect(() => encode(circle)).toThrow();
  });

  it('carries numbers as keys, near and far, in little memory', () => {
    for (const keys of [
      ['1000'],
      ['0', '1', '999'],
      ['4294967294', '100'],
      ['4294967295', '70', 'a'],
      ['65', '64', '63'],
      ['1e3', '0x400', '01000'],
    ]) {
      const rows = [Object.fromEntries(keys.map((key) => [key, key])), Object.fromEntries(keys.map((key) => [key, 0]))];
      expect(decode(encode(rows))).toStrictEqual(rows);
      expect(Object.keys((decode(encode(rows)) as object[])[0] as object)).toEqual(Object.keys(rows[0] as object));
    }
    const frame = encode(Array.from({ length: 10_000 }, () => ({ 1000: 1 })));
    const { heapUsed } = process.memoryUsage();
    expect(decode(frame)).toHaveLength(10_000);
    expect(process.memoryUsage().heapUsed - heapUsed).toBeLessThan(40e6);
  });

  it('treats keys such as `constructor` as data', () => {
    const value = JSON.parse('{"constructor":1,"hasOwnProperty":2,"toString":{"valueOf":null}}');
    expect(decode(encode(value))).toStrictEqual(value);
  });

  it.each([
    '{"__proto__":{"evil":1}}',
    '[1,"__proto__",{"evil":1}]',
    '{"$escape":{"__proto__":{"evil":1}}}',
    '{"\\u005f_proto__":{"evil":1}}',
  ])('never replaces a prototype: %s', (text) => {
    for (const frame of [text, encode(name === 'ejson' ? text : JSON.parse(text))]) {
      let decoded: unknown;
      try {
        decoded = decode(frame);
      } catch {
        continue;
      }
      const objects = JSON.stringify(decoded, (_key, value) => {
        if (typeof value === 'object' && value !== null) expect(value.evil === 1 && !Object.hasOwn(value, 'evil')).toBe(false);
        return value;
      });
      expect(objects).toBeDefined();
    }
    expect(({} as { evil?: unknown }).evil).toBeUndefined();
  });

  it('answers any bytes at once, with a value or an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(settles(() => decode(bytes))).toBeTypeOf('boolean');
      }),
      { numRuns: 2_000 },
    );
  });

  it('returns a value or an error for each of many mutated frames', () => {
    const random = generator(SEED);
    const whole = (below: number) => Math.floor(random() * below);
    const frames = fc.sample(domain, { numRuns: 500, seed: SEED }).map((value) => Buffer.from(encode(value) as never));
    let broken = 0;
    // Nearly all of the time would go into writing down where.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    onTestFinished(() => {
      Error.stackTraceLimit = stackTraceLimit;
    });
    for (let round = 0; round < ROUNDS; round++) {
      const frame = Buffer.from(frames[whole(frames.length)] as Buffer);
      for (let change = whole(3); change >= 0; change--) frame[whole(frame.length)] = whole(256);
      const mutant = round % 4 === 0 ? frame.subarray(0, whole(frame.length + 1)) : frame;
      const isDecoded = settles(() => decode(mutant));
      if (!isDecoded) broken++;
      // With limits it is decoded as well, or rejected for one of them.
      if (round % 10 === 0 && !isDecoded) expect(settles(() => limited.decode?.(mutant))).toBe(false);
    }
    expect(broken).toBeGreaterThan(ROUNDS / 100);
  });

  it('answers frames that announce too much without allocating it', async () => {
    for (const frame of greedy) {
      const { heapUsed } = process.memoryUsage();
      expect(await processorTime(() => settles(() => decode(frame)))).toBeLessThan(5_000);
      expect(process.memoryUsage().heapUsed - heapUsed).toBeLessThan(64e6);
    }
  });
});

/** Lengths of 4 GB and lists of lists of them, lists and maps within each other without end, numbers beyond all bounds. */
const greedy: (string | Uint8Array)[] = [
  ...['dd', 'df', 'db', 'c6', 'c9', 'd9'].map((code) => Buffer.from(`${code}ffffffff`, 'hex')),
  Buffer.from('dd000fffff'.repeat(100_000), 'hex'),
  Buffer.from('df0007ffff'.repeat(100_000), 'hex'),
  ...[0x91, 0x81, 0xd4].map((code) => Buffer.alloc(100_000, code)),
  Buffer.from('d60e'.repeat(50_000), 'hex'),
  '['.repeat(100_000),
  '['.repeat(100_000) + ']'.repeat(100_000),
  '{"a":'.repeat(100_000),
  '[0,1]',
  '[1e999]',
  '[-1,1,2]',
  '[4294967295,"a"]',
  `[1e999,${'"a",'.repeat(1000)}1]`,
  '{"$regexp":"(((((","$flags":"gggg"}',
  '{"$binary":"a"}',
  '{"$type":"x","$value":1}',
];

/** Whether it returns; what it throws otherwise must be an Error. */
function settles(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw new Error('What was thrown is no error', { cause: error });
    return false;
  }
}
