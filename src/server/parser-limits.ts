import { checkJson } from '../core/json-limits.js';
import type { Frame } from '../core/link.js';
import type { DecodeLimits, Parser } from '../core/parser.js';

/** The parsers of this package whose frames are JSON, and those that check limits themselves. */
const TEXT = new Set(['json', 'ejson', 'jsonh']);
const BINARY = new Set(['msgpack', 'binary']);

/**
 * Returns a parser of this package with limits for what it decodes: some frames take a thousand times as long to decode as others of their
 * length. A
 * parser of the application is returned as it is, since its format is unknown.
 */
export function withLimits(parser: Parser, { maxDepth, maxValues }: DecodeLimits): Parser {
  const { decode, name = '' } = parser;
  if (decode === undefined) return parser;
  const limits = { maxDepth, maxValues };
  if (BINARY.has(name)) return { ...parser, decode: (frame) => decode(frame, limits) };
  if (!TEXT.has(name)) return parser;
  // Shorter frames cannot exceed a limit: see `checkJson`.
  const short = 2 * Math.min(maxDepth, maxValues);
  const decodeLong = (frame: Frame): unknown => {
    const text = typeof frame === 'string' ? frame : new TextDecoder('utf-8', { fatal: true }).decode(frame);
    checkJson(text, limits);
    return decode(text);
  };
  return { ...parser, decode: (frame) => (frame.length <= short ? decode(frame) : decodeLong(frame)) };
}
