import { defineParser, type Parser } from '../core/parser.js';
import { made, textOf } from './text.js';

/**
 * The default parser. Binary frames are decoded as UTF-8.
 *
 * @example
 * import { json } from 'primus-rx/parsers/json';
 *
 * const primus = new Primus(server, { parser: json });
 */
export const json: Parser = defineParser(
  'json',
  (data) => made(JSON.stringify(data), data),
  (frame) => JSON.parse(textOf(frame)),
);
