import { defineParser, type Parser } from '../core/parser.js';
import type { Format } from './format.js';
import { Packer } from './packer.js';
import { codesOf, Unpacker } from './unpacker.js';

/** The parser of a format; its frames are bytes. */
export function packed(name: string, format: Format): Parser {
  const codes = codesOf(format);
  const encode = (data: unknown) => {
    if (data === undefined) throw new TypeError(`${format.title} has no form for undefined`);
    return new Packer(format).pack(data);
  };
  const decode = (frame: unknown) => {
    if (!(frame instanceof Uint8Array)) throw new TypeError(`${format.title} is bytes, and this is a text`);
    return new Unpacker(format, codes, frame).unpack();
  };
  return { ...defineParser(name, encode, decode), bundle: name };
}
