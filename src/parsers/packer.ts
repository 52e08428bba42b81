import {
  EXTENSION,
  type Extension,
  FIXED_EXTENSION,
  FIXED_EXTENSIONS,
  type Format,
  type Lengths,
  LIST,
  MAP,
  MAX_DEPTH,
  tagOf,
} from './format.js';

// Created when it is needed: the pages of jsdom have none.
let utf8: TextEncoder | undefined;

/** The length, in characters, up to which a loop is faster than the platform's encoder. */
const SHORT = 48;

/** Encodes one value. */
export class Packer {
  private readonly format: Format;
  private bytes = new Uint8Array(128);
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  constructor(format: Format) {
    this.format = format;
  }

  pack(value: unknown): Uint8Array {
    this.write(value, 0);
    return this.bytes.subarray(0, this.length);
  }

  private write(value: unknown, depth: number): void {
    if (typeof value === 'string') this.text(value);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'boolean') this.byte(value ? 0xc3 : 0xc2);
    else if (value === null || value === undefined) this.byte(0xc0);
    else if (typeof value === 'object') this.object(value, depth + 1);
    else throw new TypeError(`${this.format.title} cannot represent a ${typeof value}`);
  }

  private number(value: number): void {
    if (!Number.isInteger(value) || value < -0x80000000 || value > this.format.maxInteger) {
      const at = this.reserve(9);
      this.bytes[at] = 0xcb;
      this.view.setFloat64(at + 1, value);
    } else if (value >= -0x20 && value <= 0x7f) this.byte(value);
    else if (value >= -0x80 && value <= 0xff) this.coded(value < 0 ? 0xd0 : 0xcc, 1, value);
    else if (value >= -0x8000 && value <= 0xffff) this.coded(value < 0 ? 0xd1 : 0xcd, 2, value);
    else this.coded(value < 0 ? 0xd2 : 0xce, 4, value);
  }

  private text(text: string): void {
    if (text.length <= SHORT && this.ascii(text)) return;
    utf8 ??= new TextEncoder();
    const bytes = utf8.encode(text);
    // Half a surrogate pair would arrive as another character.
    if (bytes.length > text.length && /\p{Surrogate}/u.test(text))
      throw new TypeError(`${this.format.title} cannot represent half a surrogate pair`);
    this.sized(this.format.text, bytes.length);
    this.raw(bytes);
  }

  /** Writes a string of ASCII characters. Writes nothing and returns false when it contains others. */
  private ascii(text: string): boolean {
    const begin = this.length;
    this.sized(this.format.text, text.length);
    const at = this.reserve(text.length);
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.length = begin;
        return false;
      }
      this.bytes[at + index] = code;
    }
    return true;
  }

  private object(value: object, depth: number): void {
    if (depth > MAX_DEPTH) throw new RangeError(`It is nested more than ${MAX_DEPTH} deep, or contains itself`);
    if (Array.isArray(value)) {
      this.sized(LIST, value.length);
      for (let index = 0; index < value.length; index++) this.write(value[index], depth);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) this.map(value, depth);
    else this.special(value, prototype, depth);
  }

  private map(value: object, depth: number): void {
    const keys = Object.keys(value);
    this.sized(MAP, keys.length);
    for (const key of keys) {
      this.text(key);
      this.write((value as Record<string, unknown>)[key], depth);
    }
  }

  private special(value: object, prototype: unknown, depth: number): void {
    const { extensions, instead, bytes, title } = this.format;
    const tag = tagOf(value);
    const extension = extensions.find((candidate) => candidate.tag === tag && candidate.fits?.(value as never) !== false);
    // Where Uint8Array is an extension type, the bytes of the format are the Buffers of Node.
    if (value instanceof Uint8Array && (extension === undefined || prototype !== Uint8Array.prototype)) {
      this.sized(bytes, value.length);
      this.raw(value);
    } else if (extension !== undefined) this.extension(extension, value);
    else if (Object.hasOwn(instead, tag)) this.write(instead[tag]?.(value as never), depth);
    else if (tag === 'Object') this.map(value, depth);
    else throw new TypeError(`${title} cannot represent a value of type ${tag}`);
  }

  private extension({ type, packed, to }: Extension, value: object): void {
    const content = to(value as never);
    const bytes = packed ? new Packer(this.format).pack(content) : (content as Uint8Array);
    const fixed = FIXED_EXTENSIONS.indexOf(bytes.length);
    if (fixed >= 0) this.byte(FIXED_EXTENSION + fixed);
    else this.sized(EXTENSION, bytes.length);
    this.byte(type);
    this.raw(bytes);
  }

  private sized({ fixed, short, one, most = 255, two, four }: Lengths, length: number): void {
    if (length <= short) this.byte(fixed + length);
    else if (one !== undefined && length <= most) this.coded(one, 1, length);
    else if (length <= 0xffff) this.coded(two, 2, length);
    else this.coded(four, 4, length);
  }

  private coded(code: number, size: 1 | 2 | 4, value: number): void {
    const at = this.reserve(1 + size);
    this.bytes[at] = code;
    if (size === 1) this.bytes[at + 1] = value;
    else if (size === 2) this.view.setUint16(at + 1, value);
    else this.view.setUint32(at + 1, value);
  }

  private byte(value: number): void {
    // Two statements, as `reserve` replaces the bytes.
    const at = this.reserve(1);
    this.bytes[at] = value;
  }

  private raw(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
  }

  /** Reserves bytes, and returns their position. */
  private reserve(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const { bytes } = this;
      this.bytes = new Uint8Array(Math.max(this.length, bytes.length * 2));
      this.bytes.set(bytes);
      this.view = new DataView(this.bytes.buffer);
    }
    return at;
  }
}
