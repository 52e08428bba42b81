import type { ByteCodec } from '../string-frames.js';

/** Bytes as Node.js handles them. */
export const nodeBytes: ByteCodec = {
  toBase64: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
  fromBase64: (base64) => Buffer.from(base64, 'base64'),
  byteLength: (string) => Buffer.byteLength(string),
};
