import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { domains, parserOf, same } from './domains.js';

interface Codec {
  pack(value: unknown): Buffer;
  unpack(bytes: Uint8Array): unknown;
}

/** The package that the original uses. */
const original = createRequire(import.meta.url)('binary-pack') as Codec;
const { encode, decode } = parserOf('binary');

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** The original refuses infinities and no bytes at all, cannot read its own integers beyond 32 bits, and stumbles over two keys. */
function modest(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) ? !(Math.abs(value) === Infinity) : value >= -(2 ** 31) && value < 2 ** 32;
  if (value instanceof Uint8Array) return value.length > 0;
  if (typeof value !== 'object' || value === null) return true;
  return !Object.hasOwn(value, 'constructor') && !Object.hasOwn(value, 'hasOwnProperty') && Object.values(value).every(modest);
}

describe('binary', () => {
  it('encodes values byte for byte as the original does', () => {
    fc.assert(
      fc.property((domains.binary as fc.Arbitrary<unknown>).filter(modest), (value) => {
        expect(Buffer.from(encode(value) as Uint8Array).toString('hex')).toBe(original.pack(value).toString('hex'));
      }),
      { numRuns: 1_000 },
    );
  });

  it('encodes frames that the original decodes', () => {
    fc.assert(
      fc.property(domains.binary as fc.Arbitrary<unknown>, (value) => {
        const frame = Buffer.from(encode(value) as Uint8Array);
        // The original has prototypes set by a key of that name.
        if (!frame.includes('__proto__')) expect(same(value, original.unpack(frame))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it.each([15, 16, 255, 256, 65_535, 65_536])('encodes strings, bytes and maps of length %i as the original does', (length) => {
    // The original takes a time that grows with the square of what there is to write, piece by piece.
    const map = Object.fromEntries(Array.from({ length: Math.min(length, 1_000) }, (_, index) => [`k${index}`, index]));
    for (const value of ['x'.repeat(length), Buffer.alloc(length, 1), map])
      expect(original.pack(value).equals(encode(value) as Uint8Array)).toBe(true);
  });

  it.each([2 ** 32, 2 ** 40, -(2 ** 31) - 1, -(2 ** 40), Number.MAX_SAFE_INTEGER, 2 ** 62])(
    'decodes %d as the original encodes it',
    (value) => {
      expect(decode(original.pack(value))).toBe(value);
      expect(original.unpack(Buffer.from(encode(value) as Uint8Array))).toBe(value);
    },
  );

  it('encodes a date as the string that the original sends', () => {
    const date = new Date(1_234_567);
    expect(original.pack(date).equals(encode(date) as Uint8Array)).toBe(true);
    expect(decode(encode(date))).toBe(String(date));
  });

  it('encodes an ArrayBuffer as bytes, and rejects values that it cannot represent', () => {
    expect(decode(encode(new Uint8Array([1, 2]).buffer))).toStrictEqual(new Uint8Array([1, 2]));
    expect(() => encode(new Float64Array(1))).toThrow(/type Float64Array/);
    expect(() => encode(/a/)).toThrow(/type RegExp/);
    expect(() => encode('\ud800')).toThrow(/surrogate/);
  });

  it.each([
    ['', /ends too early/],
    ['c1', /no code 0xc1/],
    ['c4 01 00', /no code 0xc4/],
    ['d4 00 00', /no code 0xd4/],
    ['b2 61', /expected 2 more bytes, got 1/],
    ['d9 ffffffff', /expected 4294967295 more bytes/],
    ['c0 c0', /1 bytes follow/],
  ])('rejects %s with the reason', (bytes, reason) => {
    expect(() => decode(hex(bytes))).toThrow(reason);
  });
});
