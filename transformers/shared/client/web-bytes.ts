import type { ByteCodec } from '../string-frames.js';

/** Bytes as a page handles them. */
export const webBytes: ByteCodec = {
  toBase64(bytes) {
    let binary = '';
    for (const byte of bytes) binary += String.fromCharCode(byte);
    return btoa(binary);
  },

  fromBase64(base64) {
    try {
      return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    } catch {
      return new Uint8Array();
    }
  },

  byteLength: (string) => new TextEncoder().encode(string).length,
};
