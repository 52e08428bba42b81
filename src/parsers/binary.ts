import type { Parser } from '../core/parser.js';
import { packed } from './packed.js';

/**
 * BinaryPack, as Primus has always spoken it. Bytes arrive as bytes, dates as text. Whole numbers beyond 32 bits are
 * floats: the integers of that size which others send are read, but they themselves cannot read them.
 */
export const binary: Parser = packed('binary', {
  title: 'BinaryPack',
  text: { fixed: 0xb0, short: 15, two: 0xd8, four: 0xd9 },
  bytes: { fixed: 0xa0, short: 15, two: 0xda, four: 0xdb },
  maxInteger: 0xffffffff,
  extensions: [],
  instead: { Date: String, ArrayBuffer: (value: ArrayBuffer) => new Uint8Array(value) },
});
