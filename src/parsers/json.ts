import { defineParser, type Parser } from '../core/parser.js';

/** The default parser. Binary frames are taken for UTF-8 text. */
export const json: Parser = defineParser(
  'json',
  (data) => {
    const text = JSON.stringify(data) as string | undefined;
    if (text === undefined) throw new TypeError(`JSON has no form for ${typeof data === 'function' ? 'a function' : String(data)}`);
    return text;
  },
  (frame) => JSON.parse(typeof frame === 'string' ? frame : new TextDecoder('utf-8', { fatal: true }).decode(frame)),
);
