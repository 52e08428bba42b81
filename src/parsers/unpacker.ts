import type { Meter } from '../core/parser.js';
import { EXTENSION, FIXED_EXTENSION, FIXED_EXTENSIONS, type Format, type Lengths, LIST, MANY, MAP, MAX_DEPTH, SPACE } from './format.js';
import { beginSparse, endSparse, isFar } from './sparse.js';

// Created when it is needed: the pages of jsdom have none.
let utf8: TextDecoder | undefined;

/** The length, in bytes, up to which a loop is faster than the platform's decoder: a longer string would be a chain of its beginnings. */
const SHORT = 12;

type Kind = 'text' | 'bytes' | 'list' | 'map' | 'extension';

/** The meaning of a code: a type, and its length or the number of bytes in which the length follows. */
type Code = readonly [kind: Kind, length: number, size: 0 | 1 | 2 | 4];

/** Returns the codes of a format that have a length, each at its own index. */
export function codesOf(format: Format): readonly (Code | undefined)[] {
  const codes: Code[] = [];
  const add = (kind: Kind, { fixed, short, one, two, four }: Lengths) => {
    for (let length = 0; length <= short; length++) codes[fixed + length] = [kind, length, 0];
    if (one !== undefined) codes[one] = [kind, 0, 1];
    codes[two] = [kind, 0, 2];
    codes[four] = [kind, 0, 4];
  };
  add('list', LIST);
  add('map', MAP);
  add('text', format.text);
  add('bytes', format.bytes);
  if (format.extensions.length > 0) {
    add('extension', EXTENSION);
    FIXED_EXTENSIONS.forEach((length, index) => {
      codes[FIXED_EXTENSION + index] = ['extension', length, 0];
    });
  }
  return codes;
}

/**
 * Decodes one value. A length that exceeds the rest of the frame is an error, so that memory and time stay in proportion to the frame.
 */
export class Unpacker {
  private readonly format: Format;
  private readonly codes: readonly (Code | undefined)[];
  private readonly frame: Uint8Array;
  private readonly view: DataView;
  private readonly meter: Meter | undefined;
  private at = 0;
  /** The rest of the limit of lists, maps and extensions; expensive extensions use more of it. */
  private room: number;

  constructor(format: Format, codes: readonly (Code | undefined)[], frame: Uint8Array, meter?: Meter) {
    this.format = format;
    this.codes = codes;
    this.frame = frame;
    this.view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    this.meter = meter;
    this.room = Math.max(MANY, frame.length / SPACE);
  }

  unpack(): unknown {
    const value = this.read(0);
    const left = this.frame.length - this.at;
    if (left > 0) throw new RangeError(`${left} bytes follow the value`);
    return value;
  }

  private read(depth: number): unknown {
    const code = this.unsigned(1);
    if (code <= 0x7f) return code;
    if (code >= 0xe0) return code - 0x100;
    const known = this.codes[code];
    if (known === undefined) return this.scalar(code);
    const [kind, length, size] = known;
    return this.sized(kind, size === 0 ? length : this.unsigned(size), depth + 1);
  }

  private scalar(code: number): unknown {
    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return this.view.getFloat32(this.skip(4));
      case 0xcb:
        return this.view.getFloat64(this.skip(8));
      case 0xcc:
        return this.unsigned(1);
      case 0xcd:
        return this.unsigned(2);
      case 0xce:
        return this.unsigned(4);
      case 0xcf:
        return this.unsigned(4) * 2 ** 32 + this.unsigned(4);
      case 0xd0:
        return this.view.getInt8(this.skip(1));
      case 0xd1:
        return this.view.getInt16(this.skip(2));
      case 0xd2:
        return this.view.getInt32(this.skip(4));
      case 0xd3:
        return this.view.getInt32(this.skip(4)) * 2 ** 32 + this.unsigned(4);
      default:
        throw new RangeError(`${this.format.title} has no code 0x${code.toString(16)}`);
    }
  }

  private sized(kind: Kind, length: number, depth: number): unknown {
    if (kind === 'text') return this.text(length);
    this.meter?.(kind, length, depth);
    if (kind === 'bytes') return this.bytes(length);
    if (depth > MAX_DEPTH) throw new RangeError(`It is nested more than ${MAX_DEPTH} deep`);
    this.spend(1, `more than ${MANY} lists and maps`);
    if (kind === 'extension') return this.extension(length, depth);
    this.check(kind === 'list' ? length : length * 2);
    return kind === 'list' ? this.list(length, depth) : this.map(length, depth);
  }

  private text(length: number): string {
    const begin = this.skip(length);
    if (length <= SHORT) {
      let text = '';
      let index = begin;
      for (; index < this.at; index++) {
        const code = this.frame[index] as number;
        if (code > 0x7f) break;
        text += String.fromCharCode(code);
      }
      if (index === this.at) return text;
    }
    utf8 ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return utf8.decode(this.frame.subarray(begin, this.at));
  }

  /** Copies bytes of the frame: to a Buffer where the frame is one. */
  private bytes(length: number): Uint8Array {
    const begin = this.skip(length);
    return Uint8Array.prototype.slice.call(this.frame, begin, this.at);
  }

  private list(length: number, depth: number): unknown[] {
    const list: unknown[] = [];
    for (let index = 0; index < length; index++) list.push(this.read(depth));
    return list;
  }

  private map(length: number, depth: number): object {
    const map: Record<string, unknown> = {};
    let sparse = false;
    for (let index = 0; index < length; index++) {
      const key = this.read(depth);
      if (typeof key !== 'string' && typeof key !== 'number') throw new TypeError('A key must be a string or a number');
      if (!sparse && isFar(key, index)) {
        sparse = true;
        beginSparse(map);
      }
      const value = this.read(depth);
      if (key === '__proto__') Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
      else map[key] = value;
    }
    if (sparse) endSparse(map);
    return map;
  }

  private extension(length: number, depth: number): unknown {
    const type = this.unsigned(1);
    const extension = this.format.extensions.find((candidate) => candidate.type === type);
    if (extension === undefined) throw new RangeError(`There is no extension type ${type}`);
    this.meter?.(extension.tag ?? 'bytes', length, depth);
    if (!extension.packed) return extension.from(this.bytes(length) as never);
    const end = this.at + length;
    const content = this.read(depth);
    if (this.at !== end) throw new RangeError('The length of an extension does not match its content');
    this.spend(extension.cost?.(content as never) ?? 0, 'regular expressions that take too long to make');
    return extension.from(content as never);
  }

  private spend(cost: number, what: string): void {
    this.room -= cost;
    if (this.room < 0) throw new RangeError(`It contains ${what}`);
  }

  private unsigned(size: 1 | 2 | 4): number {
    const at = this.skip(size);
    if (size === 1) return this.frame[at] as number;
    return size === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  /** Skips bytes, and returns their position. */
  private skip(count: number): number {
    this.check(count);
    const { at } = this;
    this.at += count;
    return at;
  }

  private check(count: number): void {
    const left = this.frame.length - this.at;
    if (count > left) throw new RangeError(`It ends too early: expected ${count} more bytes, got ${left}`);
  }
}
