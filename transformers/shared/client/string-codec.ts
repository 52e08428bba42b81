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

/** Bytes of a frame. */
export function lengthOf(frame: Frame): number {
  return typeof frame === 'string' ? new TextEncoder().encode(frame).length : frame.length;
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** What is not base64 becomes an empty message, which is the parser's to complain about. */
function bytes(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
