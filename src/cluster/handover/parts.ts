import { Buffer } from 'node:buffer';
import type { Frame } from '../../core/link.js';

/** The bytes of one part: every engine takes a message of this length. */
const PART = 131_072;

/** The bytes before each frame: its type, and its length. */
const START = 5;

/**
 * Prints a value and frames in one piece:
 *
 * ```
 * { | 1 for a string, 2 for bytes | length, 4 bytes | frame | }
 * ```
 *
 * The first one is the value in JSON.
 */
export function printBody(value: unknown, frames: readonly Frame[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const frame of [JSON.stringify(value), ...frames]) {
    const bytes = typeof frame === 'string' ? Buffer.from(frame) : frame;
    const start = Buffer.allocUnsafe(START);
    start[0] = typeof frame === 'string' ? 1 : 2;
    start.writeUInt32BE(bytes.length, 1);
    pieces.push(start, bytes);
  }
  return Buffer.concat(pieces);
}

/** Parses what `printBody` has printed. Returns `undefined` for anything else. */
export function parseBody(data: Uint8Array): { readonly value: unknown; readonly frames: readonly Frame[] } | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const type = bytes[at];
    if ((type !== 1 && type !== 2) || at + START > bytes.length) return undefined;
    const end = at + START + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) return undefined;
    // A frame that is kept must not keep all others.
    frames.push(type === 1 ? bytes.toString('utf8', at + START, end) : new Uint8Array(bytes.subarray(at + START, end)));
    at = end;
  }
  const [first, ...rest] = frames;
  if (typeof first !== 'string') return undefined;
  try {
    return { value: JSON.parse(first) as unknown, frames: rest };
  } catch {
    return undefined;
  }
}

/** Splits a body into parts that every engine takes. */
export function split(body: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: Math.ceil(body.length / PART) }, (_, index) => body.subarray(index * PART, (index + 1) * PART));
}

/** Puts the parts of a body together, in whatever order they arrive. */
export class Parts {
  readonly #parts = new Map<number, Uint8Array>();
  readonly #limit: number;

  /** @param limit the limit of all bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds one of `count` parts. Returns the body when it is complete, and `null` when it is too long. */
  add(part: unknown, count: unknown, bytes: Uint8Array): Uint8Array | null | undefined {
    if (!Number.isSafeInteger(part) || !Number.isSafeInteger(count)) return undefined;
    const [place, length] = [part as number, count as number];
    if (place < 0 || place >= length) return undefined;
    if ((length - 1) * PART > this.#limit || bytes.length > PART) return null;
    this.#parts.set(place, bytes);
    if (this.#parts.size < length) return undefined;
    return Buffer.concat(Array.from({ length }, (_, index) => this.#parts.get(index) ?? new Uint8Array(0)));
  }
}
