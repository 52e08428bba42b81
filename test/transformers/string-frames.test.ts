import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as client from '../../transformers/shared/client/string-codec.js';
import { exceeds, frameOf, textOf } from '../../transformers/shared/server/string-codec.js';

const texts = fc.string({ unit: 'binary', maxLength: 50 });
const frames = fc.oneof(
  texts,
  texts.map((text) => `\0${text}`),
  fc.constantFrom('\0', '\0b', '\0t', '\0bAA==', '\0t\0'),
  fc.uint8Array({ maxLength: 50 }),
);

/** As arrays, so that the bytes are compared and not the class that holds them. */
const plain = (frame: string | Uint8Array) => (typeof frame === 'string' ? frame : [...frame]);

describe('a frame as a text', () => {
  it('comes back as it was, and is the same at both ends', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const text = textOf(frame);
        expect(text).toBe(client.textOf(frame));
        expect(plain(frameOf(text))).toEqual(plain(frame));
        expect(plain(client.frameOf(text))).toEqual(plain(frame));
      }),
    );
  });

  it('is the text itself, for all that foreign peers send', () => {
    for (const text of ['', 'a', '"primus::ping::1"', '{"b":1}', 'b\0']) expect(textOf(text)).toBe(text);
    expect(textOf(Uint8Array.of(1, 2, 255))).toBe('\0bAQL/');
  });

  it('is taken for what it can be when it was made by nobody of ours', () => {
    for (const text of ['\0', '\0x', '\0B1']) {
      expect(frameOf(text)).toBe(text);
      expect(client.frameOf(text)).toBe(text);
    }
    expect(plain(client.frameOf('\0b*'))).toEqual([]);
    expect(plain(frameOf('\0b*'))).toEqual([]);
  });

  it('is measured in bytes', () => {
    for (const [frame, length] of [
      ['', 0],
      ['abc', 3],
      ['é漢🎉', 9],
      [new Uint8Array(7), 7],
    ] as const) {
      expect(client.lengthOf(frame)).toBe(length);
      expect([exceeds(frame, length), exceeds(frame, length - 1)]).toEqual([false, true]);
    }
  });
});
