import { defineParser, type Parser } from '../core/parser.js';
import { AFFORDABLE, costOf } from './expressions.js';
import { made, textOf } from './text.js';

/** The functions of the package `ejson` that are used. */
export interface EJSON {
  stringify(data: unknown): string | undefined;
  parse(text: string): unknown;
}

/** Creates the parser of EJSON: JSON that keeps dates, bytes, regular expressions, NaN and the infinities. */
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

/** Creates a reviver that throws on input which is harmful to decode: the package creates values without checks. */
function guard(): (key: string, value: unknown) => unknown {
  let room = AFFORDABLE;
  return (key, value) => {
    // The package assigns the values of an escaped object key by key: this key would replace its prototype.
    if (key === '__proto__') throw new TypeError('EJSON cannot represent the key __proto__');
    // It is the only expensive flag that the package supports.
    if (key === '$regexp') room -= costOf(`${value}`, 'u');
    if (room < 0) throw new RangeError('It contains regular expressions that take too long to create');
    return value;
  };
}
