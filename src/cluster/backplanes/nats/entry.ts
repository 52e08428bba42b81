import type { Keep } from '../../bus.js';

/** The first byte of each entry. */
const VERSION = 1;

/** The length of what is before the data: the version, the size as a 32-bit integer, the time to live as a 64-bit float. */
export const HEADER_LENGTH = 13;

/** The largest size that an entry can name. */
const MAX_SIZE = 0xffff_ffff;

/**
 * Prints an entry of a history: the data, and before it how much of the topic is kept. A stream keeps all topics alike; so each entry says how many
 * entries, and how old ones, a reader gets.
 */
export function printEntry(data: Uint8Array, { size, ttl }: Keep): Uint8Array {
  const entry = new Uint8Array(HEADER_LENGTH + data.length);
  const view = new DataView(entry.buffer);
  view.setUint8(0, VERSION);
  view.setUint32(1, Math.min(size, MAX_SIZE));
  view.setFloat64(5, ttl);
  entry.set(data, HEADER_LENGTH);
  return entry;
}

/** Parses an entry. Returns `undefined` for what is none: other programs may have published it. */
export function parseEntry(entry: Uint8Array): { readonly data: Uint8Array; readonly keep: Keep } | undefined {
  if (entry.length < HEADER_LENGTH || entry[0] !== VERSION) return undefined;
  const view = new DataView(entry.buffer, entry.byteOffset, HEADER_LENGTH);
  return { data: entry.subarray(HEADER_LENGTH), keep: { size: view.getUint32(1), ttl: view.getFloat64(5) } };
}
