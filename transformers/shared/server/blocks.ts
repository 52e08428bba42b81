import { isAscii, isUtf8 } from 'node:buffer';

/** The size of a block, in bytes. */
const SIZE = 65_536;

/** The number of blocks that are kept to be used again: those of two messages of 10 MB. */
const MAX_FREE = 320;

/** Messages with more bytes than this are collected in blocks. */
export const LONG = SIZE;

const NONE = Buffer.alloc(0);

/** Blocks that were released, and the buffer in which messages are put together: the garbage collector may take both. */
interface Pool {
  readonly free: Buffer[];
  joined: Buffer;
}

let pool: WeakRef<Pool> | undefined;

function poolOf(): Pool {
  let found = pool?.deref();
  if (found === undefined) {
    found = { free: [], joined: NONE };
    pool = new WeakRef(found);
  }
  return found;
}

/**
 * Returns a buffer of at least that many bytes, which the whole process shares: its content is to be used up before anything else runs.
 */
export function sharedBuffer(length: number): Buffer {
  const found = poolOf();
  if (found.joined.length < length) found.joined = Buffer.allocUnsafeSlow(length);
  return found.joined;
}

/** Decodes UTF-8. A long string of ASCII is stored outside of the heap: the garbage collector finds early that nobody needs it. */
export function decodeUtf8(bytes: Buffer): string {
  return bytes.length > LONG && isAscii(bytes) ? bytes.toString('latin1') : bytes.toString();
}

/**
 * The bytes of a long message, copied into blocks that are used again. The chunks that they arrive in would live until the message is complete,
 * and then until the next full garbage collection, which comes late: several messages would be in memory that nobody needs any more.
 */
export class Blocks {
  length = 0;
  readonly #blocks: Buffer[] = [];
  /** The number of bytes in the last block. */
  #filled = SIZE;

  /** Copies bytes to the end. With a mask of four bytes, removes it from them; `position` is that of the first byte in its frame. */
  append(bytes: Uint8Array, mask?: Uint8Array, position = 0): void {
    const { length } = bytes;
    for (let at = 0; at < length; ) {
      if (this.#filled === SIZE) {
        this.#blocks.push(poolOf().free.pop() ?? Buffer.allocUnsafeSlow(SIZE));
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

  /** Returns the bytes, in parts that are valid until the blocks are released. */
  parts(): Buffer[] {
    return this.#blocks.map((block, index) => (index === this.#blocks.length - 1 ? block.subarray(0, this.#filled) : block));
  }

  /** Iterates over the bytes in parts, and releases each part when the next one is taken. */
  *drain(): Iterable<Buffer> {
    for (;;) {
      const block = this.#blocks.shift();
      if (block === undefined) return;
      const bytes = this.#blocks.length === 0 ? block.subarray(0, this.#filled) : block;
      this.length -= bytes.length;
      yield bytes;
      release(block);
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

  /** Decodes the bytes, and releases the blocks. Returns `null` when they are not UTF-8. */
  toText(): string | null {
    const { length } = this;
    const joined = sharedBuffer(length);
    this.#moveTo(joined);
    const bytes = joined.subarray(0, length);
    return isUtf8(bytes) ? decodeUtf8(bytes) : null;
  }

  /** Copies the bytes into a buffer of their own, and releases the blocks. */
  toBuffer(): Buffer {
    const bytes = Buffer.allocUnsafe(this.length);
    this.#moveTo(bytes);
    return bytes;
  }

  /** Gives the blocks to the next message. */
  release(): void {
    for (const block of this.#blocks.splice(0)) release(block);
    this.length = 0;
    this.#filled = SIZE;
  }

  #moveTo(target: Buffer): void {
    let at = 0;
    for (const part of this.drain()) {
      target.set(part, at);
      at += part.length;
    }
  }
}

function release(block: Buffer): void {
  const { free } = poolOf();
  if (free.length < MAX_FREE) free.push(block);
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
