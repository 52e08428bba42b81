import { parse } from 'node:querystring';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseForm } from '../../transformers/browserchannel/server/form.js';

const form = (body: string, { most = 10, longest = 1_000 } = {}) => Object.fromEntries(parseForm(Buffer.from(body), most, longest));

describe('a form', () => {
  it('is read as querystring reads it', () => {
    const part = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }).map(encodeURIComponent),
      fc.constantFrom('%', '%4', '%zz', '+', '%00'),
    );
    const value = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(value, value, (first, second) => {
        expect(form(`a=${first}&b=${second}`)).toEqual({ ...parse(`a=${first}&b=${second}`) });
      }),
    );
  });

  it.each([
    ['', {}],
    ['a', {}],
    ['a=', { a: '' }],
    ['=a', { '': 'a' }],
    ['a=b=c', { a: 'b=c' }],
    ['&&a=1&&', { a: '1' }],
    ['a=%ff%fe', { a: '\ufffd\ufffd' }],
    ['a=%', { a: '%' }],
    ['a=%4', { a: '%4' }],
    ['a=%41%4g', { a: 'A%4g' }],
    ['a=é+%C3%A9', { a: 'é é' }],
    ['__proto__=1', { ['__proto__']: '1' }],
    [`${'k'.repeat(17)}=1&b=2`, { b: '2' }],
    ['a=1&a=2', { a: undefined }],
    ['a=1&a=2&a=3', { a: undefined }],
  ])('of %j has the values %j', (body, values) => {
    expect(form(body)).toEqual(values);
  });

  it('is rejected when it has too many keys, and decodes no more of a value than one byte too many', () => {
    expect(() => form('a=1&'.repeat(10))).toThrow('A form has at most 10 keys');
    expect(form(`a=${'%41'.repeat(100)}`, { longest: 9 })).toEqual({ a: 'A'.repeat(10) });
  });
});
