import type { Frame } from '../../src/core/link.js';

// Some frameworks carry strings only. Bytes are sent as base64, behind a character that no known string begins with:
//
//   NUL b <base64>      bytes
//   NUL t <string>      a string that does begin with NUL
//   <string>            any other

const NUL = '\0';

/** The platform's conversions of bytes: Buffers in Node.js, `btoa` and `atob` in a page. */
export interface ByteCodec {
  toBase64(bytes: Uint8Array): string;
  /** Decodes base64. Other characters are skipped, or result in no bytes: the parser then reports the message. */
  fromBase64(base64: string): Uint8Array;
  /** Counts the bytes of a string in UTF-8. */
  byteLength(string: string): number;
}

/** Encodes a frame as a string. */
export function encodeString(frame: Frame, codec: ByteCodec): string {
  if (typeof frame !== 'string') return `${NUL}b${codec.toBase64(frame)}`;
  return frame.startsWith(NUL) ? `${NUL}t${frame}` : frame;
}

/** Decodes the frame that a string carries. */
export function decodeString(string: string, codec: ByteCodec): Frame {
  if (!string.startsWith(NUL)) return string;
  return string[1] === 'b' ? codec.fromBase64(string.slice(2)) : string[1] === 't' ? string.slice(2) : string;
}

/** Whether a frame has more bytes than `limit`. A string so short that it cannot have is not counted. */
export function exceeds(frame: Frame, limit: number, codec: ByteCodec): boolean {
  if (typeof frame !== 'string') return frame.byteLength > limit;
  return frame.length * 3 > limit && codec.byteLength(frame) > limit;
}
