import { MANY } from './incomplete.js';

/** The bytes by which the memory of a long body grows at least. */
const STEP = 1_048_576;

/**
 * Collects the bytes of a body. Chunks that are kept in a list, and joined at the end, take twice the memory until a full garbage collection:
 * those of a long body are copied at once into memory that `release` returns to the system.
 */
export class BodyBuffer {
  length = 0;
  readonly #longest: number;
  #chunks: Buffer[] = [];
  #memory: ArrayBuffer | undefined;

  /** @param longest the largest number of bytes, where it is known; `NaN` where it is not */
  constructor(longest: number) {
    this.#longest = longest;
  }

  add(chunk: Buffer): void {
    const before = this.length;
    this.length += chunk.length;
    if (this.length <= MANY) {
      this.#chunks.push(chunk);
      return;
    }
    const memory = this.#memoryOf(this.length);
    if (this.#chunks.length > 0) {
      new Uint8Array(memory).set(Buffer.concat(this.#chunks, before));
      this.#chunks = [];
    }
    new Uint8Array(memory).set(chunk, before);
  }

  /** Returns the bytes. Those of a long body are valid until `release` is called. */
  bytes(): Buffer {
    return this.#memory === undefined ? Buffer.concat(this.#chunks, this.length) : Buffer.from(this.#memory, 0, this.length);
  }

  release(): void {
    this.#memory?.resize(0);
    this.#memory = undefined;
    this.#chunks = [];
    this.length = 0;
  }

  /** Returns memory for so many bytes, with those that have been collected. Only what is written to takes memory of the system. */
  #memoryOf(length: number): ArrayBuffer {
    const memory = this.#memory;
    if (memory !== undefined && length <= memory.byteLength) return memory;
    const size = length + STEP;
    if (memory !== undefined && length <= memory.maxByteLength) {
      memory.resize(Math.min(size, memory.maxByteLength));
      return memory;
    }
    const maxByteLength = this.#longest >= length ? this.#longest : 2 * size;
    const larger = new ArrayBuffer(Math.min(size, maxByteLength), { maxByteLength });
    if (memory !== undefined) {
      new Uint8Array(larger).set(new Uint8Array(memory));
      memory.resize(0);
    }
    this.#memory = larger;
    return larger;
  }
}
