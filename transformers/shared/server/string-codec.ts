import type { Frame } from '../../../src/core/link.js';
import { unwrap, wrap } from '../string-frames.js';

/** A frame as the text that carries it. */
export function textOf(frame: Frame): string {
  return wrap(frame, base64);
}

/** The frame that a text carries. */
export function frameOf(text: string): Frame {
  return unwrap(text, bytes);
}

/** Whether a frame has more bytes than `limit`; a text that is short enough whatever it is made of is not counted. */
export function exceeds(frame: Frame, limit: number): boolean {
  if (typeof frame !== 'string') return frame.byteLength > limit;
  return frame.length * 3 > limit && Buffer.byteLength(frame) > limit;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function bytes(base64: string): Uint8Array {
  return Buffer.from(base64, 'base64');
}
