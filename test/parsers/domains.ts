import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { Frame } from '../../src/core/link.js';
import type { Parser } from '../../src/core/parser.js';
import { parsers } from '../../src/parsers/index.js';

export const registry = parsers(createRequire(import.meta.url));

/** The parser of that name, which answers at once as all of ours do. */
export function parserOf(name: string): Required<Pick<Parser, 'encode' | 'decode'>> {
  const { encode, decode } = registry.get(name) as Parser;
  return { encode: encode as (data: unknown) => Frame, decode: decode as (frame: Frame) => unknown };
}

/** Strings without half a surrogate pair, among them keys and characters that some parser treats specially. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\0', '\u2028', '"', '\\', '\ufeff', '🎉', 'é', '漢'), maxLength: 70 }),
  fc.constantFrom('', 'constructor', 'toString', 'then', 'length', 'hasOwnProperty', '$date', '$escape', '$binary', '$type', '0'),
);
const scalar = fc.oneof(fc.boolean(), fc.constant(null), text, fc.integer(), fc.maxSafeInteger(), finite());
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const date = fc.date({ noInvalidDate: true });
const expression = fc.constantFrom(/a/g, /\/[/]\n/iu, /(?:)/, /ü/my);
const odd = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);

/** JSON writes the other zero as 0, and so do all. */
function finite(): fc.Arbitrary<number> {
  return fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number || 0);
}

/** Values made of these, in lists and objects. */
function tree(leaf: fc.Arbitrary<unknown>, key = text): fc.Arbitrary<unknown> {
  const { node } = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      { weight: 3, arbitrary: leaf },
      { weight: 1, arbitrary: fc.array(tie('node'), { maxLength: 20 }) },
      { weight: 1, arbitrary: fc.dictionary(key, tie('node'), { maxKeys: 20, noNullPrototype: true }) },
    ),
  }));
  return node;
}

const withPrototypeKeys = fc.oneof(text, fc.constant('__proto__'));

const errors = fc
  .tuple(fc.constantFrom(Error, RangeError, TypeError, SyntaxError, URIError, EvalError, ReferenceError), text)
  .map(([Class, message]) => new Class(message));

const typed = fc.oneof(
  fc.uint8Array(),
  fc.int8Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.uint8ClampedArray(),
  fc.uint8Array().map(({ buffer }) => buffer),
  fc.uint8Array().map(({ buffer }) => new DataView(buffer)),
);

/** Lists that JSONH packs, and lists that look as if it had. */
const rows = fc.uniqueArray(withPrototypeKeys, { minLength: 1, maxLength: 4 }).chain((keys) =>
  fc.oneof(
    fc.array(fc.tuple(...keys.map(() => scalar)).map((values) => fromEntries(keys.map((key, index) => [key, values[index]])))),
    fc.array(scalar, { maxLength: 9 }).map((values) => [keys.length, ...keys, ...values]),
  ),
);

/** The values that each parser carries without a change. */
export const domains: { readonly [parser: string]: fc.Arbitrary<unknown> } = {
  json: tree(scalar, withPrototypeKeys),
  // The package drops this one key, and flags it does not know.
  ejson: tree(
    fc.oneof(scalar, bytes, date, expression, odd),
    text.filter((key) => key !== '__proto__'),
  ),
  msgpack: tree(fc.oneof(scalar, bytes, fc.date(), expression, odd, errors, typed), withPrototypeKeys),
  binary: tree(fc.oneof(scalar, bytes, odd), withPrototypeKeys),
  jsonh: fc.oneof(tree(scalar, withPrototypeKeys), rows),
};

/** Whether a message is what was sent, of whichever kind its bytes are. */
export function same(sent: unknown, received: unknown): boolean {
  return isDeepStrictEqual(normal(sent), normal(received));
}

/** Buffers as Uint8Arrays, errors without their stack. */
export function normal(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  // Node takes no two invalid dates for the same.
  if (value instanceof Date) return { time: value.getTime() };
  if (value instanceof Error) return { constructor: value.constructor, name: value.name, message: value.message };
  // The original runs its client in a realm of its own.
  if (Array.isArray(value)) return Array.from(value, normal);
  const tag = Object.prototype.toString.call(value);
  if (tag === '[object RegExp]') return { expression: String(value) };
  if (tag === '[object Uint8Array]') return new Uint8Array(value as Uint8Array);
  if (tag !== '[object Object]') return value;
  return fromEntries(Object.entries(value).map(([key, each]) => [key, normal(each)]));
}

/** `Object.fromEntries` makes of `__proto__` a key like any other. */
function fromEntries(entries: [string, unknown][]): object {
  return Object.fromEntries(entries);
}
