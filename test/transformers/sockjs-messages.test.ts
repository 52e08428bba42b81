import { describe, expect, it } from 'vitest';
import { BrokenJson, decodeParts, parseLazily, partsOf } from '../../transformers/sockjs/server/messages.js';

/** Splits a string before every `size` characters. */
function split(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, part) => text.slice(part * size, (part + 1) * size));
}

const VALUES = [
  '',
  'plain',
  'quotes " and backslashes \\ \\\\ \\"',
  '\\ud83d\\ude00, which are no escapes',
  'new\ntab\tnul\u0000end',
  'é, €, 😀, 😀😀',
  'a lone \ud83d, and the other \ude00',
  '\ude00\ud83d',
  '[{"nested":"json"}]',
];

/** JSON whose strings have as many escapes as possible. */
function escaped(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

describe('a list of messages that comes in parts', () => {
  it.each([1, 2, 3, 5, 7, 11, 12, 13, 64, 1_000])('is parsed as JSON.parse does, in parts of %i characters', (size) => {
    const list = [...VALUES, VALUES.join(' ')];
    expect([...parseLazily(split(escaped(list), size))]).toEqual(list);
    expect([...parseLazily(split(` [ ${list.map(escaped).join(' , ')} ] `, size))]).toEqual(list);
    for (const value of VALUES) expect([...parseLazily(split(escaped(value), size))]).toEqual([value]);
    expect([...parseLazily(split(' [ ] ', size))]).toEqual([]);
  });

  it.each([1, 2, 3, 4, 100])('of bytes is decoded, in parts of %i bytes', (size) => {
    const list = ['é€😀'.repeat(20), 'x'];
    const bytes = Buffer.from(JSON.stringify(list));
    const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, part) => bytes.subarray(part * size, (part + 1) * size));
    expect([...parseLazily(decodeParts(parts))]).toEqual(list);
  });

  it('has strings longer than a part', () => {
    const list = ['é'.repeat(200_000), `${'\\"'.repeat(100_000)}\ud83d`, 'short', '😀'.repeat(100_000)];
    expect([...parseLazily(decodeParts(partsOf(Buffer.from(JSON.stringify(list)))))]).toEqual(list);
    expect([...parseLazily(decodeParts(partsOf(Buffer.from(escaped(list)))))]).toEqual(list);
  });

  it.each(['', '[', '["a"', '["a",', '["a" "b"]', '["a"]]', '["a', '["a\\', '["\\x"]', '["\\u12"]', '"a"b', 'x', '["a",]', '["a\nb"]'])(
    'of %j is broken, wherever it is split',
    (text) => {
      for (let size = 1; size <= Math.max(1, text.length); size++) expect(() => [...parseLazily(split(text, size))]).toThrow(BrokenJson);
    },
  );

  it('ends with the first value that is no string', () => {
    for (const value of ['1', 'null', '{}', '[["a"]]']) {
      expect([...parseLazily(split(`["a",${value},"b"]`, 2))]).toEqual(['a', undefined]);
    }
  });
});
