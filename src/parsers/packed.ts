import { defineParser, type Meter, type Parser } from '../core/parser.js';
import type { Format } from './format.js';
import { Packer } from './packer.js';
import { codesOf, Unpacker } from './unpacker.js';

/** Creates the parser of a binary format. */
export function packed(name: string, format: Format): Parser {
  const codes = codesOf(format);
  const encode = (data: unknown) => {
    if (data === undefined) throw new TypeError(`${format.title} cannot represent undefined`);
    return new Packer(format).pack(data);
  };
  const decode = (frame: unknown, meter?: Meter) => {
    if (!(frame instanceof Uint8Array)) throw new TypeError(`A frame of ${format.title} must be bytes, got a string`);
    return new Unpacker(format, codes, frame, meter).unpack();
  };
  return { ...defineParser(name, encode, decode), bundle: name };
}
