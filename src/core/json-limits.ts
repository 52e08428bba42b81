/** The limits of what a message contains, beside its length. */
export interface MessageLimits {
  /** The limit of nested lists and objects. */
  readonly maxDepth: number;
  /** The limit of keys and values in all lists and objects. */
  readonly maxValues: number;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const LIST = 0x5b;
const BACKSLASH = 0x5c;
const LIST_END = 0x5d;
const MAP = 0x7b;
const MAP_END = 0x7d;
const MARKS = /[",:[\]{}]/g;

/**
 * Checks JSON against limits before it is parsed. `JSON.parse` needs up to a thousand times as long for ten megabytes of brackets
 * as for a string of that length. A string that is so short that it cannot exceed them is not read.
 *
 * @throws RangeError when it exceeds a limit
 */
export function checkJson(text: string, { maxDepth, maxValues }: MessageLimits): void {
  // Both a list and a value of a list take two characters: the brackets, or the value and the comma.
  if (text.length <= 2 * Math.min(maxDepth, maxValues)) return;
  if (text.length <= 2 * maxValues && !hasBrackets(text, maxDepth)) return;
  let depth = 0;
  let values = 0;
  let plain = 0;
  /** The position of a bracket that nothing but a value or a space follows. */
  let opened = -1;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        opened = -1;
        break;
      case LIST:
      case MAP:
        if (++depth > maxDepth) throw tooDeep(maxDepth);
        // The first value, or key; each of the others follows a comma, and each value of a key a colon.
        values++;
        opened = at;
        break;
      case LIST_END:
      case MAP_END:
        depth--;
        if (opened >= 0 && isBlank(text, opened + 1, at)) values--;
        opened = -1;
        break;
      case COMMA:
      case COLON:
        if (++values > maxValues) throw tooMany(maxValues);
        opened = -1;
        break;
      default:
        if (++plain < 32) continue;
        at = endOfPlain(text, at) - 1;
    }
    plain = 0;
  }
  if (values > maxValues) throw tooMany(maxValues);
}

/** Creates the error of a message that is nested too deep. */
export function tooDeep(maxDepth: number): RangeError {
  return new RangeError(`It is nested more than ${maxDepth} deep (\`maxDepth\`)`);
}

/** Creates the error of a message with too many values. */
export function tooMany(maxValues: number): RangeError {
  return new RangeError(`It has more than ${maxValues} keys and values (\`maxValues\`)`);
}

/** Whether JSON has enough opening brackets, in strings or not, to be nested deeper than `limit`. Searching is much faster than reading. */
export function hasBrackets(text: string, limit: number): boolean {
  let left = limit;
  // Behind this there is no space for the closing brackets.
  const end = text.length - limit;
  for (const bracket of ['[', '{']) {
    for (let at = text.indexOf(bracket); at >= 0 && at < end; at = text.indexOf(bracket, at + 1)) if (--left < 0) return true;
  }
  return false;
}

/** Returns the position of the quote that ends the string which begins at `begin`. */
function endOfString(text: string, begin: number): number {
  const quote = text.indexOf('"', begin + 1);
  if (quote < 0) return text.length;
  if (text.charCodeAt(quote - 1) !== BACKSLASH) return quote;
  let at = begin + 1;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) break;
    if (code === BACKSLASH) at++;
  }
  return at;
}

/** Returns the position of the next character that `checkJson` reads: numbers and spaces may be long. */
function endOfPlain(text: string, begin: number): number {
  MARKS.lastIndex = begin;
  return MARKS.test(text) ? MARKS.lastIndex - 1 : text.length;
}

/** Whether a part of a string is empty, or spaces. */
function isBlank(text: string, begin: number, end: number): boolean {
  return begin === end || (text.charCodeAt(begin) <= SPACE && text.slice(begin, end).trim() === '');
}
