import { defineParser, type Parser } from '../core/parser.js';
import { made, textOf } from './text.js';

/** The default parser. Binary frames are decoded as UTF-8. */
export const json: Parser = defineParser(
  'json',
  (data) => made(JSON.stringify(data), data),
  (frame) => JSON.parse(textOf(frame)),
);
