import { StringDecoder } from 'node:string_decoder';
import { Blocks } from '../../shared/server/blocks.js';
import { free } from '../../shared/server/free.js';

/** The length of a list, in bytes or characters, up to which it is parsed as a whole. */
export const WHOLE = 65_536;

/** The beginning of a JSON value that is no string. */
const OTHER_VALUE = /[[{\d\-tfn]/;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = ' \t\n\r';

/** The beginning of an escape, or of a first surrogate that a second one may follow. */
const UNFINISHED = /^\\(?:u[\da-f]{0,3}|ud[89ab][\da-f]{2}(?:\\(?:u[\da-f]{0,3})?)?)?$/i;

/** The length of the escapes of two surrogates. */
const LONGEST_ESCAPE = 12;

/** A part of a character, which has no UTF-8. In a regular expression for Unicode, it is not found in a whole one. */
const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** A list of messages that is not one: its JSON is broken. */
export class BrokenJson extends Error {}

/**
 * Returns the messages in a short frame: a list, or one message.
 *
 * @throws BrokenJson when it is no JSON
 */
export function messagesOf(text: string): Iterable<unknown> {
  const value = parse(text);
  return Array.isArray(value) ? value : [value];
}

/**
 * Parses a list of strings, or one string, while it is iterated over: a long one may hold millions of messages, or of brackets. A value of
 * another kind is the last one.
 *
 * @param parts the parts of the JSON, split anywhere between two characters
 * @throws BrokenJson at the position at which it is no JSON
 */
export function* parseLazily(parts: Iterable<string>): Iterable<unknown> {
  const input = new Input(parts);
  const isList = input.next() === '[';
  if (isList) input.at++;
  if (isList && input.next() === ']') input.at++;
  else {
    for (;;) {
      const first = input.next();
      if (first !== '"') {
        if (!OTHER_VALUE.test(first)) throw new BrokenJson();
        yield undefined;
        return;
      }
      yield input.string();
      if (!isList) break;
      const next = input.next();
      input.at++;
      if (next === ']') break;
      if (next !== ',') throw new BrokenJson();
    }
  }
  if (input.next() !== '') throw new BrokenJson();
}

/** Decodes UTF-8 in parts. */
export function* decodeParts(parts: Iterable<Buffer>): Iterable<string> {
  const decoder = new StringDecoder();
  for (const part of parts) yield decoder.write(part);
  yield decoder.end();
}

/** Splits bytes into parts. */
export function* partsOf(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += WHOLE) yield bytes.subarray(at, at + WHOLE);
}

/** JSON that is read from its beginning, in parts. */
class Input {
  /** The position in the present part. */
  at = 0;
  #text = '';
  readonly #parts: Iterator<string>;

  constructor(parts: Iterable<string>) {
    this.#parts = parts[Symbol.iterator]();
  }

  /** Skips space, and returns the character behind it; nothing at the end. */
  next(): string {
    do {
      while (this.at < this.#text.length) {
        const character = this.#text[this.at] as string;
        if (!SPACE.includes(character)) return character;
        this.at++;
      }
    } while (this.#take(''));
    return '';
  }

  /** Reads the string whose quote is the present character. */
  string(): string {
    let end = endOfString(this.#text, this.at + 1);
    if (end !== -1) {
      const value = parse(this.#text.slice(this.at, end));
      this.at = end;
      return value as string;
    }
    const long = new LongString();
    let rest = this.#text.slice(this.at + 1);
    do {
      const split = splitOf(rest);
      long.append(rest.slice(0, split));
      if (!this.#take(rest.slice(split))) throw new BrokenJson();
      rest = this.#text;
      end = endOfString(rest, 0);
    } while (end === -1);
    long.append(rest.slice(0, end - 1));
    this.at = end;
    return long.toString();
  }

  /** Takes the next part, behind what is left of the present one. */
  #take(left: string): boolean {
    const { done, value } = this.#parts.next();
    if (done) return false;
    this.#text = left + value;
    this.at = 0;
    return true;
  }
}

/** A string that is put together from parts: as bytes, since the parts themselves would wait for the garbage collector. */
class LongString {
  #bytes = new Blocks();
  /** The beginning of the string, where a part of it has no UTF-8. */
  #before = '';

  /** Adds a part of a string in JSON, without quotes. */
  append(json: string): void {
    const part = parse(`"${json}"`) as string;
    if (LONE_SURROGATE.test(part)) {
      this.#before += this.#decoded() + part;
      this.#bytes = new Blocks();
      return;
    }
    const bytes = Buffer.from(part);
    this.#bytes.append(bytes);
    free(bytes);
  }

  toString(): string {
    return this.#before + this.#decoded();
  }

  #decoded(): string {
    return this.#bytes.toText() as string;
  }
}

/** Returns the position behind the quote that ends a string, which goes on at `start`; -1 when there is none. */
function endOfString(text: string, start: number): number {
  const quote = text.indexOf('"', start);
  // Searching is much faster than reading.
  if (quote <= start || text.charCodeAt(quote - 1) !== BACKSLASH) return quote === -1 ? -1 : quote + 1;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at++;
  }
  return -1;
}

/** Whether the character at a position belongs to an escape, as there is an odd number of backslashes before it. */
function isEscaped(text: string, position: number): boolean {
  let before = position - 1;
  while (text[before] === '\\') before--;
  return (position - before) % 2 === 0;
}

/** Returns the last position at which a part of a string may be split: not in an escape, and not between those of two surrogates. */
function splitOf(text: string): number {
  let split = text.length;
  for (let at = Math.max(0, split - LONGEST_ESCAPE); at < split; at++) {
    if (text[at] === '\\' && !isEscaped(text, at) && UNFINISHED.test(text.slice(at, split))) split = at;
  }
  return split;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BrokenJson();
  }
}
