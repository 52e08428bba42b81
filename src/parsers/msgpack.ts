import type { Parser } from '../core/parser.js';
import { extensions } from './extensions.js';
import { packed } from './packed.js';

/**
 * The parser of MessagePack, byte for byte as msgpack-lite encodes it, which the original Primus uses: integers beyond 31 bits are floats,
 * and 255 bytes have a length of two bytes. Its extensions keep dates, errors, regular expressions and typed arrays.
 *
 * @example
 * import { msgpack } from 'primus-rx/parsers/msgpack';
 *
 * const primus = new Primus(server, { parser: msgpack });
 */
export const msgpack: Parser = packed('msgpack', {
  title: 'MessagePack',
  text: { fixed: 0xa0, short: 31, one: 0xd9, two: 0xda, four: 0xdb },
  bytes: { fixed: 0, short: -1, one: 0xc4, most: 254, two: 0xc5, four: 0xc6 },
  maxInteger: 0x7fffffff,
  extensions,
  instead: {},
});
