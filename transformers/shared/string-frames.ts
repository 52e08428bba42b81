import type { Frame } from '../../src/core/link.js';

// Some frameworks carry texts only. Bytes go as base64, behind a character that no text we know begins with:
//
//   NUL b <base64>      bytes
//   NUL t <text>        a text that does begin with NUL
//   <text>              any other

const NUL = '\0';

/** A frame as the text that is carried. */
export function wrap(frame: Frame, base64: (bytes: Uint8Array) => string): string {
  if (typeof frame !== 'string') return `${NUL}b${base64(frame)}`;
  return frame.startsWith(NUL) ? `${NUL}t${frame}` : frame;
}

/** The frame that a text carries. */
export function unwrap(text: string, bytes: (base64: string) => Uint8Array): Frame {
  if (!text.startsWith(NUL)) return text;
  return text[1] === 'b' ? bytes(text.slice(2)) : text[1] === 't' ? text.slice(2) : text;
}
