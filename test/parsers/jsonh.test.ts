import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { parserOf } from './domains.js';

/** The package that gave the format its name. */
const original = createRequire(import.meta.url)('jsonh') as { stringify(list: unknown[]): string; parse(text: string): unknown };
const { encode, decode } = parserOf('jsonh');

describe('jsonh', () => {
  it('packs a list of objects with the same keys as the package of that name does', () => {
    const rows = [
      { id: 1, name: 'ada', tags: ['a', null] },
      { id: 2, name: 'grace', tags: [] },
    ];
    expect(encode(rows)).toBe('[3,"id","name","tags",1,"ada",["a",null],2,"grace",[]]');
    expect(encode(rows)).toBe(original.stringify(rows));
    expect(original.parse(encode(rows) as string)).toEqual(rows);
    expect(decode(original.stringify(rows))).toEqual(rows);
  });

  it.each([
    ['other keys', [{ a: 1 }, { b: 2 }], '[{"a":1},{"b":2}]'],
    [
      'keys in another order',
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      '[{"a":1,"b":2},{"b":2,"a":1}]',
    ],
    ['more keys', [{ a: 1 }, { a: 1, b: 2 }], '[{"a":1},{"a":1,"b":2}]'],
    ['no keys', [{}, {}], '[{},{}]'],
    ['no object', [{ a: 1 }, null], '[{"a":1},null]'],
    ['a value that JSON leaves out', [{ a: undefined }, { a: 1 }], '[{},{"a":1}]'],
    ['a value with an idea of its own', [{ a: { toJSON: () => undefined } }], '[{}]'],
    [
      'objects of a class',
      [
        new (class {
          a = 1;
        })(),
      ],
      '[{"a":1}]',
    ],
    ['a gap', Object.assign([{ a: 1 }], { 2: { a: 2 } }), '[{"a":1},null,{"a":2}]'],
    ['an object', { a: [{ b: 1 }] }, '{"a":[{"b":1}]}'],
    ['nothing', [], '[]'],
  ])('encodes a list with %s as JSON', (_what, data, text) => {
    expect(encode(data)).toBe(text);
    expect(decode(encode(data))).toEqual(JSON.parse(JSON.stringify(data)));
  });

  it.each([[[1, 'a', 'A']], [[1, new Date(0), 5]], [[-1]], [[0, 1]]])(
    'distinguishes a list that looks packed from a packed one: %j',
    (list) => {
      expect((encode(list) as string).startsWith(' ')).toBe(true);
      expect(decode(encode(list))).toEqual(JSON.parse(JSON.stringify(list)));
    },
  );

  it.each(['[0]', '[0,1]', '[2,"a","b"]', '[2,"a","b",1]', '[1,2,3]', '[2,"a","a",1,2]', '[1.5,"a",1]', '[9007199254740992,"a"]'])(
    'reads %s as plain JSON, as it cannot be packed',
    (text) => {
      expect(decode(text)).toEqual(JSON.parse(text));
    },
  );
});
