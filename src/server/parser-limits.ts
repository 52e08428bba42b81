import { checkJson, hasBrackets, type MessageLimits, tooDeep, tooMany } from '../core/json-limits.js';
import type { Frame } from '../core/link.js';
import type { Meter, Parser } from '../core/parser.js';

/** The parsers of this package whose frames are JSON, and those that report to a meter. */
const TEXT = new Set(['json', 'ejson', 'jsonh']);
const BINARY = new Set(['msgpack', 'binary']);

/** The values of a list and of a map, for one of their length. */
const CONTENT: { readonly [kind: string]: number } = { list: 1, map: 2 };

/** The number of values that take as long to create as one of these: errors have a stack, bytes are copied. */
const COST: { readonly [kind: string]: number } = {
  list: 0,
  map: 0,
  extension: 0,
  bytes: 2,
  Date: 1,
  Boolean: 1,
  Number: 1,
  String: 1,
  Error: 16,
  RegExp: 8,
};

/** The cost of typed arrays. */
const TYPED = 3;

/**
 * Returns a parser of this package with limits for what it decodes: some frames take a thousand times as long to decode as others of their
 * length. A parser of the application is returned as it is, since its format is unknown.
 */
export function withLimits(parser: Parser, { maxDepth, maxValues }: MessageLimits): Parser {
  const { decode, name = '' } = parser;
  if (decode === undefined) return parser;
  const limits = { maxDepth, maxValues };
  if (BINARY.has(name)) {
    // A byte is at most one level, or one value, which costs at most so many.
    const short = Math.min(maxDepth, maxValues / Math.max(TYPED, ...Object.values(COST)));
    return { ...parser, decode: (frame) => (frame.length <= short ? decode(frame) : decode(frame, meterOf(limits))) };
  }
  if (!TEXT.has(name)) return parser;
  // A shorter frame cannot exceed a limit, a longer one only that of the depth up to this length: see `checkJson`.
  const short = 2 * Math.min(maxDepth, maxValues);
  const medium = 2 * maxValues;
  const decodeLong = (frame: Frame): unknown => {
    const text = typeof frame === 'string' ? frame : new TextDecoder('utf-8', { fatal: true }).decode(frame);
    if (text.length > medium) checkJson(text, limits);
    const value = decode(text);
    // Looking at the value is much faster than reading the text. JSONH adds a level.
    if (hasBrackets(text, maxDepth - 1) && isDeeper(value, maxDepth)) throw tooDeep(maxDepth);
    return value;
  };
  return { ...parser, decode: (frame) => (frame.length <= short ? decode(frame) : decodeLong(frame)) };
}

/** Whether lists and objects are nested in a value to more than so many levels. */
function isDeeper(value: unknown, levels: number): boolean {
  if (Array.isArray(value)) {
    if (levels === 0) return true;
    for (const item of value) if (typeof item === 'object' && item !== null && isDeeper(item, levels - 1)) return true;
  } else if (isPlain(value)) {
    if (levels === 0) return true;
    for (const key in value) {
      const item = value[key];
      if (typeof item === 'object' && item !== null && isDeeper(item, levels - 1)) return true;
    }
  }
  return false;
}

/** Whether a value is an object, and not bytes or a date. */
function isPlain(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Creates the meter of one frame. */
function meterOf({ maxDepth, maxValues }: MessageLimits): Meter {
  let left = maxValues;
  return (kind, length, depth) => {
    if (depth > maxDepth) throw tooDeep(maxDepth);
    left -= length * (CONTENT[kind] ?? 0) + (COST[kind] ?? TYPED);
    if (left < 0) throw tooMany(maxValues);
  };
}
