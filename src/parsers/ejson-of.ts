import { defineParser, type Parser } from '../core/parser.js';
import { AFFORDABLE, costOf } from './expressions.js';
import { made, textOf } from './text.js';

/** What is used of the package `ejson`. */
export interface EJSON {
  stringify(data: unknown): string | undefined;
  parse(text: string): unknown;
}

/** EJSON: JSON, with dates, bytes, regular expressions, NaN and the infinities as what they were. */
export function ejsonOf(library: () => EJSON): Parser {
  return {
    ...defineParser(
      'ejson',
      (data) => made(library().stringify(data), data),
      (frame) => {
        const text = textOf(frame);
        if (/__proto__|\$regexp|\\u00[2-7]/i.test(text)) JSON.parse(text, guard());
        return library().parse(text);
      },
    ),
    load: () => void library(),
    bundle: 'ejson',
  };
}

/** Refuses what the package would do harm with: it looks at nothing before it makes it. */
function guard(): (key: string, value: unknown) => unknown {
  let room = AFFORDABLE;
  return (key, value) => {
    // The values of what is escaped are assigned key by key, and this key would give an object another prototype.
    if (key === '__proto__') throw new TypeError('EJSON cannot carry the key __proto__');
    // Of the flags that cost something it knows only this one.
    if (key === '$regexp') room -= costOf(`${value}`, 'u');
    if (room < 0) throw new RangeError('It holds regular expressions that take too long to make');
    return value;
  };
}
