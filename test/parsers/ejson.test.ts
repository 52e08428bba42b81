import { createServer } from 'node:http';
import Module from 'node:module';
import { describe, expect, it, vi } from 'vitest';
import { Primus } from '../../src/index.js';
import { ejson } from '../../src/parsers/ejson.js';
import { parserOf } from './domains.js';

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
