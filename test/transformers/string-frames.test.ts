import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { webBytes } from '../../transformers/shared/client/web-bytes.js';
import { nodeBytes } from '../../transformers/shared/server/node-bytes.js';
import { decodeString, encodeString, exceeds } from '../../transformers/shared/string-frames.js';

const strings = fc.string({ unit: 'binary', maxLength: 50 });
const frames = fc.oneof(
  strings,
  strings.map((string) => `\0${string}`),
  fc.constantFrom('\0', '\0b', '\0t', '\0bAA==', '\0t\0'),
  fc.uint8Array({ maxLength: 50 }),
);

/** As arrays, so that the bytes are compared and not their class. */
const plain = (frame: string | Uint8Array) => (typeof frame === 'string' ? frame : [...frame]);

describe('a frame encoded as a string', () => {
  it('is decoded to the same frame, and is the same on both ends', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const string = encodeString(frame, nodeBytes);
        expect(string).toBe(encodeString(frame, webBytes));
        expect(plain(decodeString(string, nodeBytes))).toEqual(plain(frame));
        expect(plain(decodeString(string, webBytes))).toEqual(plain(frame));
      }),
    );
  });

  it('is the string itself for everything that foreign peers send', () => {
    for (const string of ['', 'a', '"primus::ping::1"', '{"b":1}', 'b\0']) expect(encodeString(string, nodeBytes)).toBe(string);
    expect(encodeString(Uint8Array.of(1, 2, 255), nodeBytes)).toBe('\0bAQL/');
  });

  it('is decoded leniently when a foreign peer has sent it', () => {
    for (const codec of [nodeBytes, webBytes]) {
      for (const string of ['\0', '\0x', '\0B1']) expect(decodeString(string, codec)).toBe(string);
      expect(plain(decodeString('\0b*', codec))).toEqual([]);
    }
  });

  it('is measured in bytes', () => {
    for (const [frame, length] of [
      ['', 0],
      ['abc', 3],
      ['é漢🎉', 9],
      [new Uint8Array(7), 7],
    ] as const) {
      for (const codec of [nodeBytes, webBytes])
        expect([exceeds(frame, length, codec), exceeds(frame, length - 1, codec)]).toEqual([false, true]);
    }
  });
});
