import { defineParser, type Parser } from '../core/parser.js';
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
        // The package assigns the values of what is escaped key by key, and this key would give an object another prototype.
        if (/__proto__|\\u005f/i.test(text)) JSON.parse(text, refusePrototype);
        return library().parse(text);
      },
    ),
    load: () => void library(),
    bundle: 'ejson',
  };
}

function refusePrototype(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new TypeError('EJSON cannot carry the key __proto__');
  return value;
}
