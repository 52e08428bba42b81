import type { Frame } from '../core/link.js';

/** The bytes of a value that is neither a string nor bytes nor a collection. */
const SCALAR = 8;

/** The bytes that an object costs beside its values. */
const OVERHEAD = 16;

/** How many values of a collection are looked at, and how deep. */
const SAMPLE = 16;
const DEPTH = 4;

/** Returns the bytes of a frame, of a string in UTF-8. */
export function frameSize(frame: Frame): number {
  return typeof frame === 'string' ? Buffer.byteLength(frame) : frame.length;
}

/** Estimates the bytes of a message that is not encoded yet. It looks at a few values of each collection. */
export function sizeOf(data: unknown, depth = DEPTH): number {
  if (typeof data === 'string') return data.length;
  if (typeof data !== 'object' || data === null) return SCALAR;
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return data.byteLength;
  try {
    const values = Array.isArray(data) ? data : Object.values(data);
    const sample = depth === 0 ? [] : values.slice(0, SAMPLE);
    const sum = sample.reduce<number>((bytes, value) => bytes + sizeOf(value, depth - 1), 0);
    const average = sample.length === 0 ? SCALAR : sum / sample.length;
    return OVERHEAD + values.length * average;
  } catch {
    // A getter or proxy of the application threw. The parser will meet it again, and report it.
    return OVERHEAD;
  }
}
