import type { Random } from './random.js';

/** Pieces that some parser treats specially. */
const PIECES = [
  '\0',
  '\r\n',
  '\n',
  ' ',
  '\t',
  '%00',
  '%',
  '%2e%2e/',
  '/',
  '//',
  '?',
  '#',
  '&',
  '=',
  ',',
  ';',
  ':',
  '"',
  "'",
  '\\',
  '\\u0000',
  '\\ud800',
  '{',
  '}',
  '[',
  ']',
  '[[[[[[[[',
  '{"a":',
  '<script>',
  '\u2028',
  '\ufeff',
  'é',
  '🎉',
  '1e999',
  '-0',
  '99999999999999999999',
  '-1',
  'NaN',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'primus::server::close',
  'primus::ping::1',
  'primus::id::',
  '\x1e',
  'b',
  '4',
  'A'.repeat(300),
].map((piece) => Buffer.from(piece));

/** Lengths and types that lie, for binary formats. */
const LIES = ['ddffffffff', 'dfffffffff', 'dbffffffff', 'c6ffffffff', 'c9ffffffff', 'dcffff', 'd8ffff', 'd9ffffffff', 'daffff', 'c1'].map(
  (hex) => Buffer.from(hex, 'hex'),
);

/** Changes bytes at some places. */
export function mutate(random: Random, input: string | Buffer, times = random.int(1, 4)): Buffer {
  let bytes: Buffer = Buffer.from(input);
  for (let turn = 0; turn < times; turn++) bytes = mutateOnce(random, bytes);
  return bytes;
}

function mutateOnce(random: Random, bytes: Buffer): Buffer {
  const at = random.int(0, bytes.length);
  const to = Math.min(bytes.length, at + random.int(0, 12));
  switch (random.int(0, 7)) {
    case 0: // flips a bit
      if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << random.int(0, 7));
      return bytes;
    case 1: // puts something in
      return splice(bytes, at, at, random.pick(PIECES));
    case 2:
      return splice(bytes, at, at, random.pick(LIES));
    case 3: // replaces
      return splice(bytes, at, to, random.chance(0.5) ? random.pick(PIECES) : random.bytes(0, 6));
    case 4: // removes
      return splice(bytes, at, to, Buffer.alloc(0));
    case 5: // repeats
      return splice(bytes, at, at, bytes.subarray(at, to));
    case 6: // ends early
      return random.chance(0.3) ? bytes.subarray(0, at) : bytes;
    default: // swaps two pieces
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to), bytes.subarray(at, to)]);
  }
}

function splice(bytes: Buffer, from: number, to: number, part: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, from), part, bytes.subarray(to)]);
}
