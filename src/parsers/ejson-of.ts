import { defineParser, type Parser } from '../core/parser.js';
import { decodeBase64 } from './base64.js';
import { AFFORDABLE, costOf } from './expressions.js';
import { made, textOf } from './text.js';

/** The functions of the package `ejson` that are used. */
export interface EJSON {
  stringify(data: unknown): string | undefined;
  fromJSONValue(value: object): unknown;
}

/** Creates the parser of EJSON: JSON that keeps dates, bytes, regular expressions, NaN and the infinities. */
export function ejsonOf(library: () => EJSON): Parser {
  return {
    ...defineParser(
      'ejson',
      (data) => made(library().stringify(data), data),
      (frame) => {
        const text = textOf(frame);
        const value: unknown = JSON.parse(text);
        // An escape may stand for a `$` or `_`.
        const isPlain = !text.includes('$') && !text.includes('__proto__') && !text.includes('\\u00');
        return isPlain ? value : new Reviver(library()).revive(value);
      },
    ),
    load: () => void library(),
    bundle: 'ejson',
  };
}

type Content = { [key: string]: unknown };

/**
 * Replaces the objects that stand for values of other types. The package does so too, but it copies everything first, and once more for
 * each level of escaped objects, so that one message of a megabyte takes minutes.
 */
class Reviver {
  readonly #library: EJSON;
  /** The rest of the limit of regular expressions. */
  #room = AFFORDABLE;

  constructor(library: EJSON) {
    this.#library = library;
  }

  revive(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) {
        const item: unknown = value[index];
        if (typeof item === 'object' && item !== null) value[index] = this.revive(item);
      }
      return value;
    }
    const content = value as Content;
    const keys = Object.keys(content);
    switch (keys.length <= 2 && keys[0]?.startsWith('$') ? keys.sort().join() : '') {
      case '$binary':
        return decodeBase64(content.$binary);
      case '$escape':
        return this.#each(escapedOf(content));
      case '$flags,$regexp':
        // The package removes flags that occur twice, which takes long for many.
        this.#spend(`${content.$regexp}${content.$flags}`);
        return this.#library.fromJSONValue(content);
      case '$date':
      case '$InfNaN':
      case '$type,$value':
        return this.#library.fromJSONValue(content);
      default:
        return this.#each(content, keys);
    }
  }

  #each(content: Content, keys = Object.keys(content)): Content {
    for (const key of keys) {
      // The package cannot represent it either: it replaces the prototype.
      if (key === '__proto__') throw new TypeError('EJSON cannot represent the key __proto__');
      const value = content[key];
      if (typeof value === 'object' && value !== null) content[key] = this.revive(value);
    }
    return content;
  }

  #spend(expression: string): void {
    // Properties of Unicode are expensive with this flag only, of those that the package supports.
    this.#room -= costOf(expression, 'u');
    if (this.#room < 0) throw new RangeError('It contains regular expressions that take too long to create');
  }
}

/** Returns the content of an escaped object. */
function escapedOf({ $escape: content }: Content): Content {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) throw new TypeError('An escaped object must be an object');
  return content as Content;
}
