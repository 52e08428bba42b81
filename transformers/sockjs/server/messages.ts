/** The length of a list, in bytes or characters, up to which it is parsed as a whole. */
export const WHOLE = 65_536;

/** The beginning of a JSON value that is no string. */
const OTHER_VALUE = /[[{\d\-tfn]/;

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
 * @throws BrokenJson at the position at which it is no JSON
 */
export function* parseLazily(text: string): Iterable<unknown> {
  let at = skipSpace(text, 0);
  const isList = text[at] === '[';
  if (isList) at = skipSpace(text, at + 1);
  if (isList && text[at] === ']') at++;
  else {
    for (;;) {
      if (text[at] !== '"') {
        if (!OTHER_VALUE.test(text[at] ?? '')) throw new BrokenJson();
        yield undefined;
        return;
      }
      const end = endOfString(text, at);
      yield parse(text.slice(at, end));
      at = skipSpace(text, end);
      if (!isList) break;
      const next = text[at];
      at = skipSpace(text, at + 1);
      if (next === ']') break;
      if (next !== ',') throw new BrokenJson();
    }
  }
  if (skipSpace(text, at) !== text.length) throw new BrokenJson();
}

/** Returns the position behind the string that begins at a position. */
function endOfString(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end === -1) throw new BrokenJson();
    let escapes = end - 1;
    while (text[escapes] === '\\') escapes--;
    if ((end - escapes) % 2 === 1) return end + 1;
  }
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && ' \t\n\r'.includes(text[at] as string)) at++;
  return at;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BrokenJson();
  }
}
