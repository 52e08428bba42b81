import { binary } from 'primus-rx/parsers/binary';
import { ejson } from 'primus-rx/parsers/ejson';
import { json } from 'primus-rx/parsers/json';
import { jsonh } from 'primus-rx/parsers/jsonh';
import { msgpack } from 'primus-rx/parsers/msgpack';
import type { Random } from './random.js';

const PARSERS = { json, jsonh, ejson, msgpack, binary };

const STRINGS = [
  '',
  'a',
  'é 漢 🎉',
  '\0',
  '\ud800',
  '\u2028',
  'x'.repeat(200),
  '__proto__',
  'constructor',
  'then',
  '$date',
  '$escape',
  'length',
];
const WORDS = ['primus::ping::1', 'primus::pong::1', 'primus::id::', 'primus::id::x', 'primus::server::close', 'primus::', 'primus::x'];
const COMMANDS = [{ throw: 'on purpose' }, { reject: 'on purpose' }, { send: 2_000 }, { send: 50_000 }, { end: true }];

/** A message, seldom one that makes the application misbehave. */
export function value(random: Random, depth = 0): unknown {
  const kind = random.int(0, depth > 4 ? 5 : 9);
  if (kind === 0) return random.pick([null, true, false, 0, -1, 1.5, 2 ** 53, -(2 ** 31), 1e300]);
  if (kind === 1) return random.int(-1_000_000, 1_000_000);
  if (kind <= 3) return random.pick(STRINGS);
  if (kind === 4) return random.pick(WORDS);
  if (kind === 5) return depth === 0 && random.chance(0.3) ? random.pick(COMMANDS) : random.word(random.int(0, 40));
  if (kind <= 7) return random.list(0, 5, () => value(random, depth + 1));
  return Object.fromEntries(random.list(0, 5, () => [random.pick(STRINGS), value(random, depth + 1)]));
}

/** A frame of a parser: a string, or bytes. A message that the parser cannot encode is replaced. */
export function encode(parser: string, message: unknown): string | Buffer {
  const encoder = PARSERS[parser as keyof typeof PARSERS].encode as (message: unknown) => string | Uint8Array;
  let frame: string | Uint8Array;
  try {
    frame = encoder(message);
  } catch {
    frame = encoder('half a surrogate pair');
  }
  return typeof frame === 'string' ? frame : Buffer.from(frame);
}
