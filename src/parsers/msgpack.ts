import type { Parser } from '../core/parser.js';
import { extensions } from './extensions.js';
import { packed } from './packed.js';

/** MessagePack, with the extensions of msgpack-lite: dates, errors, regular expressions and typed arrays arrive as what they were. */
export const msgpack: Parser = packed('msgpack', {
  title: 'MessagePack',
  text: { fixed: 0xa0, short: 31, one: 0xd9, two: 0xda, four: 0xdb },
  bytes: { fixed: 0, short: -1, one: 0xc4, two: 0xc5, four: 0xc6 },
  // Its relatives in JavaScript write larger ones as floats, and so do we, byte by byte.
  maxInteger: 0x7fffffff,
  extensions,
  instead: {},
});
