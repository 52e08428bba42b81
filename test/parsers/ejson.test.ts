import { createServer } from 'node:http';
import Module, { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Primus } from '../../src/index.js';
import { ejson } from '../../src/parsers/ejson.js';
import { processorTime } from '../support/cpu.js';
import { parserOf } from './domains.js';

const original = createRequire(import.meta.url)('ejson') as { parse(text: string): unknown };
const { encode, decode } = parserOf('ejson');

describe('ejson', () => {
  it('keeps dates, bytes, regular expressions, NaN and the infinities', () => {
    const value = { date: new Date(0), bytes: new Uint8Array([1, 2]), expression: /a/g, none: Number.NaN, much: -Infinity };
    expect(encode(value)).toBe(
      '{"date":{"$date":0},"bytes":{"$binary":"AQI="},"expression":{"$regexp":"a","$flags":"g"},"none":{"$InfNaN":0},"much":{"$InfNaN":-1}}',
    );
    expect(decode(encode(value))).toStrictEqual(value);
  });

  it.each(['$regexp', '\\u0024regexp'])('creates no expensive regular expressions, by the key %s', (key) => {
    const frame = (source: unknown, count = 1) =>
      `[${Array.from({ length: count }, () => `{"${key}":${JSON.stringify(source)},"$flags":"u"}`).join()}]`;
    expect(decode(frame('\\p{L}'.repeat(100), 5))).toHaveLength(5);
    for (const text of [frame('\\p{L}'.repeat(100), 20), frame(['\\P{L}'.repeat(2_000)]), frame('a'.repeat(300_000))])
      expect(() => decode(text)).toThrow(/expressions that take too long/);
  });

  it('decodes what the package decodes, escaped or not', () => {
    const keys = fc.constantFrom('$date', '$binary', '$InfNaN', '$regexp', '$flags', '$escape', '$type', '$value', '$other', 'a');
    const leaves = fc.constantFrom<unknown>(0, 1, -1, 1e12, 'AQI=', 'AQID', 'g', 'a', '', true, null);
    const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        leaves,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 2, noNullPrototype: true }),
        fc.record({ $escape: fc.dictionary(keys, tie('value'), { maxKeys: 2, noNullPrototype: true }) }),
        fc.record({ $regexp: fc.constantFrom('a', '\\d+'), $flags: fc.constantFrom('', 'g', 'gg', 'imx') }),
      ),
    }));
    let decoded = 0;
    fc.assert(
      fc.property(values, (value) => {
        const text = JSON.stringify(value);
        let expected: unknown;
        try {
          expected = original.parse(text);
        } catch {
          return;
        }
        try {
          expect(decode(text)).toStrictEqual(expected);
          decoded++;
        } catch (error) {
          // The package takes any string for base64, and any value for an escaped object.
          if (!(error instanceof TypeError)) throw error;
          expect(error.message).toMatch(/base64|escaped/);
        }
      }),
      { numRuns: 5_000 },
    );
    expect(decoded).toBeGreaterThan(2_000);
  });

  it('decodes bytes of every length, with padding or without, and rejects what is not base64', () => {
    for (let length = 0; length < 20; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => index * 37 + 200);
      const base64 = Buffer.from(bytes).toString('base64');
      expect(decode(`{"$binary":"${base64}"}`)).toStrictEqual(bytes);
      expect(decode(`{"$binary":"${base64.replaceAll('=', '')}"}`)).toStrictEqual(bytes);
    }
    for (const wrong of ['"a b="', '"é==="', '"AA=A"', '5', 'null', '["AA=="]'])
      expect(() => decode(`{"$binary":${wrong}}`)).toThrow(/base64/);
  });

  it('needs a time in proportion to the length of a message with many levels of escaped objects', async () => {
    const list = `[${'1,'.repeat(50_000)}1]`;
    const escaped = (levels: number) => `${'{"$escape":{"x":['.repeat(levels)}${list}${']}}'.repeat(levels)}`;
    const one = await processorTime(() => decode(escaped(1)));
    expect(await processorTime(() => decode(escaped(300)))).toBeLessThan(one * 5 + 500);
  });

  it('is the same parser in the module for bundlers', () => {
    expect(ejson.decode?.(encode({ at: new Date(5) }))).toEqual({ at: new Date(5) });
  });

  it('names the command that installs its package when it is missing', () => {
    const loader = Module as unknown as Record<'_load' | '_resolveFilename', (request: string, ...rest: unknown[]) => unknown>;
    const spies = (['_load', '_resolveFilename'] as const).map((method) => {
      const own = loader[method];
      return vi.spyOn(loader, method).mockImplementation((request, ...rest) => {
        if (!/[\\/]?ejson([\\/]|$)/.test(request)) return own.call(loader, request, ...rest);
        throw Object.assign(new Error(`Cannot find module '${request}'`), { code: 'MODULE_NOT_FOUND' });
      });
    });
    const missing = expect.objectContaining({ code: 'ERR_PRIMUS_MISSING', message: expect.stringContaining('npm install ejson@') });
    try {
      expect(() => new Primus(createServer(), { parser: 'ejson' })).toThrow(missing);
      expect(() => Primus.createSocket({ parser: 'EJSON' })).toThrow(missing);
      expect(() => new Primus(createServer(), { parser: 'msgpack' })).not.toThrow();
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });
});
