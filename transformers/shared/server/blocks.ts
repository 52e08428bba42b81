import { isAscii, isUtf8 } from 'node:buffer';
import { free } from './free.js';

/** The size of a block, in bytes. */
const SIZE = 65_536;

/** Messages with more bytes than this are collected in blocks. */
export const LONG = SIZE;

const NONE = Buffer.alloc(0);

/** Decodes UTF-8. A long string of ASCII is stored outside of the heap, and freed by a small garbage collection. */
export function decodeUtf8(bytes: Buffer): string {
  return bytes.toString(bytes.length > LONG && isAscii(bytes) ? 'latin1' : 'utf8');
}

/** Decodes UTF-8, and frees the bytes. */
export function takeText(bytes: Buffer): string {
  const text = decodeUtf8(bytes);
  free(bytes);
  return text;
}

/**
 * The bytes of a long message, copied into blocks that are freed as soon as they are read. The chunks that the bytes arrive in would live until the
 * message is complete, and then until the next full garbage collection, beside the message in one piece.
 */
export class Blocks {
  length = 0;
  #blocks: Buffer[] = [];
  /** The number of bytes in the last block. */
  #filled = SIZE;

  /** Copies bytes to the end. With a mask of four bytes, removes it from them; `position` is that of the first byte in its frame. */
  append(bytes: Uint8Array, mask?: Uint8Array, position = 0): void {
    const { length } = bytes;
    for (let at = 0; at < length; ) {
      if (this.#filled === SIZE) {
        this.#blocks.push(Buffer.allocUnsafeSlow(SIZE));
        this.#filled = 0;
      }
      const block = this.#blocks.at(-1) as Buffer;
      const part = bytes.subarray(at, at + SIZE - this.#filled);
      block.set(part, this.#filled);
      if (mask !== undefined) unmask(block, this.#filled, part.length, mask, position + at);
      this.#filled += part.length;
      at += part.length;
    }
    this.length += length;
  }

  /** Returns the bytes in parts, which are valid until they are freed. */
  parts(): Buffer[] {
    return this.#blocks.map((block, index) => (index === this.#blocks.length - 1 ? block.subarray(0, this.#filled) : block));
  }

  /** Takes the bytes out in parts. Each is freed when the next one is taken. */
  *drain(): Iterable<Buffer> {
    const parts = this.parts();
    const blocks = this.#blocks;
    this.#blocks = [];
    for (const [index, part] of parts.entries()) {
      this.length -= part.length;
      yield part;
      free(blocks[index] as Buffer);
    }
  }

  /** Whether the bytes are UTF-8. */
  isUtf8(): boolean {
    let rest: Buffer = NONE;
    for (const part of this.parts()) {
      const bytes = rest.length === 0 ? part : Buffer.concat([rest, part]);
      const end = endOfCharacters(bytes);
      if (!isUtf8(bytes.subarray(0, end))) return false;
      rest = bytes.subarray(end);
    }
    return rest.length === 0;
  }

  /** Decodes the bytes, and frees them. Returns `null` when they are not UTF-8. */
  toText(): string | null {
    const bytes = Buffer.allocUnsafeSlow(this.length);
    this.#moveTo(bytes);
    if (isUtf8(bytes)) return takeText(bytes);
    free(bytes);
    return null;
  }

  /** Moves the bytes into one buffer. */
  toBuffer(): Buffer {
    const bytes = Buffer.allocUnsafe(this.length);
    this.#moveTo(bytes);
    return bytes;
  }

  /** Frees the bytes. */
  free(): void {
    for (const block of this.#blocks.splice(0)) free(block);
    this.#filled = SIZE;
    this.length = 0;
  }

  #moveTo(target: Buffer): void {
    let at = 0;
    for (const part of this.drain()) {
      target.set(part, at);
      at += part.length;
    }
  }
}

function unmask(bytes: Buffer, start: number, length: number, mask: Uint8Array, position: number): void {
  const end = start + length;
  const offset = position - start;
  for (let at = start; at < end; at++) bytes[at] = (bytes[at] as number) ^ (mask[(at + offset) & 3] as number);
}

/** Returns the position behind the last character that is complete, should the bytes be UTF-8. */
function endOfCharacters(bytes: Buffer): number {
  const { length } = bytes;
  // A character has up to four bytes, all but the first of which begin with the bits 10.
  for (let at = length - 1; at >= 0 && at > length - 4; at--) {
    const byte = bytes[at] as number;
    if (byte < 0x80) return length;
    if (byte >= 0xc0) return at + (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4) > length ? at : length;
  }
  return length;
}
