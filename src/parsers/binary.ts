import type { Parser } from '../core/parser.js';
import { packed } from './packed.js';

/**
 * The parser of BinaryPack, in the format of the original Primus. Bytes arrive as bytes, dates as strings. Integers beyond 32 bits are
 * written as floats, as other implementations cannot decode the integers of that size that they send.
 *
 * @example
 * import { binary } from 'primus-rx/parsers/binary';
 *
 * const primus = new Primus(server, { parser: binary });
 */
export const binary: Parser = packed('binary', {
  title: 'BinaryPack',
  text: { fixed: 0xb0, short: 15, two: 0xd8, four: 0xd9 },
  bytes: { fixed: 0xa0, short: 15, two: 0xda, four: 0xdb },
  maxInteger: 0xffffffff,
  extensions: [],
  instead: { Date: String, ArrayBuffer: (value: ArrayBuffer) => new Uint8Array(value) },
});
