import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { domains, parserOf, same } from './domains.js';

interface Codec {
  encode(value: unknown): Buffer;
  decode(bytes: Uint8Array): unknown;
}

/** The package that the original uses. */
const original = createRequire(import.meta.url)('primus-msgpack') as Codec;
const { encode, decode } = parserOf('msgpack');

/** The original takes an object for what its own key `constructor` says, and has its prototype set by `__proto__`. */
const values = (domains.msgpack as fc.Arbitrary<unknown>).filter(
  (value) => !has(value, (part) => Object.hasOwn(part, 'constructor') || Object.hasOwn(part, '__proto__')),
);

function has(value: unknown, what: (part: object) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return what(value) || Object.values(value).some((part) => has(part, what));
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('msgpack', () => {
  it('encodes values byte for byte as the original does', () => {
    fc.assert(
      fc.property(values, (value) => {
        // Errors go without their stack, which the original sends.
        if (has(value, (part) => part instanceof Error)) return;
        expect(Buffer.from(encode(value) as Uint8Array).toString('hex')).toBe(original.encode(value).toString('hex'));
      }),
      { numRuns: 1_000 },
    );
  });

  it('decodes what the original encodes, and the other way round', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(same(value, decode(original.encode(value)))).toBe(true);
        expect(same(value, original.decode(encode(value) as Uint8Array))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it.each([15, 16, 31, 32, 255, 256, 65_535, 65_536])(
    'encodes strings, bytes, lists and maps of length %i as the original does',
    (length) => {
      const map = Object.fromEntries(Array.from({ length }, (_, index) => [`k${index}`, index]));
      for (const value of [
        'x'.repeat(length),
        'é'.repeat(length / 2),
        Buffer.alloc(length, 1),
        new Uint8Array(length),
        Array(length).fill(0),
        map,
      ])
        expect(original.encode(value).equals(encode(value) as Uint8Array)).toBe(true);
    },
  );

  it.each([
    ['cf 00000001 00000000', 2 ** 32],
    ['d3 ffffffff fffffffe', -2],
    ['ca 3fc00000', 1.5],
    ['82 01 02 a161 c0', { 1: 2, a: null }],
    ['c7 00 12', new Uint8Array()],
    ['c7 02 1b 0102', Buffer.from([1, 2])],
    ['d7 18 000000000000f83f', new Float64Array([1.5])],
  ])('decodes what other implementations encode: %s', (bytes, value) => {
    expect(decode(hex(bytes))).toStrictEqual(value);
  });

  it.each([
    ['', /ends too early/],
    ['c1', /no code 0xc1/],
    ['01 02', /1 bytes follow/],
    ['a2 61', /expected 2 more bytes, got 1/],
    ['dd ffffffff', /expected 4294967295 more bytes, got 0/],
    ['df 7fffffff', /expected 4294967294 more bytes/],
    ['81 90 c0', /key/],
    ['d4 20 00', /no extension type 32/],
    ['d6 ff 00000000', /no extension type 255/],
    ['c7 05 18 0000000000', /multiple of 8/],
    ['d4 0d c0', /date/],
    ['c7 03 0d 01 c0 c0', /does not match its content/],
    ['d4 0a 90', /regular expression/],
    ['d6 0a 92 a1 5b a0', /Invalid regular expression/],
    ['a2 c3 28', /encoded data was not valid/],
  ])('rejects %s with the reason', (bytes, reason) => {
    expect(() => decode(hex(bytes))).toThrow(reason);
  });

  it('carries lists and maps that are nested 1,000 deep, and rejects deeper ones when encoding and decoding', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 'ground' : depth % 2 === 0 ? [nested(depth - 1)] : { a: nested(depth - 1) });
    expect(decode(encode(nested(1_000)))).toStrictEqual(nested(1_000));
    expect(() => encode(nested(1_001))).toThrow(/nested more than 1000 deep/);
    expect(() => decode(Buffer.concat([Buffer.from([0x91]), encode(nested(1_000)) as Uint8Array]))).toThrow(/nested more than 1000 deep/);
    expect(() => decode(original.encode(nested(1_001)))).toThrow(/nested more than 1000 deep/);
  });

  it.each([
    [9, 11, 'v', 1],
    [900, 1_100, 'u', 1],
    [9, 11, 'iu', 100],
    [2, 3, '', 20_000],
  ])(
    'creates %i regular expressions, but not %i, with the flags "%s" and %i properties of Unicode each',
    (few, many, flags, properties) => {
      const expression = new RegExp('\\p{L}'.repeat(properties), flags);
      const list = (count: number) => Array.from({ length: count }, () => expression);
      expect(decode(encode(list(few)))).toStrictEqual(list(few));
      expect(() => decode(encode(list(many)))).toThrow(/expressions that take too long/);
    },
  );

  it('carries a million lists and maps, and more when they are not empty', () => {
    const list = (count: number, item: Buffer) =>
      Buffer.concat([hex(`dd ${count.toString(16).padStart(8, '0')}`), Buffer.alloc(count * item.length, item)]);
    expect(decode(list(999_999, hex('80')))).toHaveLength(999_999);
    expect(() => decode(list(1_000_000, hex('80')))).toThrow(/more than 1000000 lists and maps/);
    expect(decode(list(1_100_000, hex('92 00 a6 737461747573')))).toHaveLength(1_100_000);
  });

  it('rejects a string frame', () => {
    expect(() => decode('text')).toThrow(/must be bytes, got a string/);
  });

  it('rejects values that it cannot represent', () => {
    expect(() => encode('half a pair \ud800')).toThrow(/surrogate/);
    expect(() => encode({ '\udc00': 1 })).toThrow(/surrogate/);
    expect(() => encode(new Map())).toThrow(/type Map/);
    expect(() => encode({ deep: new Set() })).toThrow(/type Set/);
    expect(() => encode([() => {}])).toThrow(/function/);
  });

  it('encodes objects of any class by their own properties, and undefined as null', () => {
    class Point {
      x = 1;
      y = undefined;
    }
    expect(decode(encode([new Point(), undefined]))).toStrictEqual([{ x: 1, y: null }, null]);
  });

  it('does not send the stack of an error', () => {
    const error = new TypeError('wrong');
    expect(Buffer.from(encode(error) as Uint8Array).includes('msgpack.test')).toBe(false);
    expect(decode(encode(Object.assign(error, { name: 'Special' })))).toMatchObject({ name: 'Special', message: 'wrong' });
  });

  it('decodes bytes into a copy of the frame’s type', () => {
    const frame = encode({ bytes: Buffer.from('ab') }) as Uint8Array;
    const { bytes } = decode(Buffer.from(frame)) as { bytes: Buffer };
    expect(Buffer.isBuffer(bytes)).toBe(true);
    const plain = decode(frame) as { bytes: Uint8Array };
    frame.fill(0);
    expect(plain.bytes).toStrictEqual(new Uint8Array([97, 98]));
  });
});
