import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Framed, printAll, printString } from '../../transformers/websockets/server/frames.js';

const ascii = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 300 }),
  fc.integer({ min: 0, max: 20_000 }).map((length) => 'x'.repeat(length)),
);
const text = fc.oneof({ weight: 3, arbitrary: ascii }, fc.string({ unit: 'binary' }), fc.constantFrom('é', '\ud800', '\u2028', '𝄞'));
const frame = fc.oneof(
  { weight: 8, arbitrary: text },
  fc.uint8Array(),
  ascii.map((shared) => new Framed(shared)),
);

describe('frames that are printed as a string', () => {
  it('have the bytes of those that are printed into buffers', () => {
    let count = 0;
    fc.assert(
      fc.property(frame, fc.array(frame, { maxLength: 5 }), (first, rest) => {
        const printed = printString(first, rest);
        if (printed === undefined) return;
        count++;
        expect(Buffer.from(printed, 'latin1')).toEqual(Buffer.concat(printAll([first, ...rest])));
      }),
      { numRuns: 1_000 },
    );
    expect(count).toBeGreaterThan(100);
  });

  it.each([0, 1, 125, 126, 127, 255, 256, 16_380])('are short frames of ASCII: %i characters', (length) => {
    const frame = 'a'.repeat(length);
    expect(Buffer.from(printString(frame) ?? '', 'latin1')).toEqual(Buffer.concat(printAll([frame])));
    expect(printString(`${frame.slice(1)}é`)).toBeUndefined();
  });

  it('are none that are long, and none that are bytes', () => {
    expect(printString('a'.repeat(16_381))).toBeUndefined();
    expect(printString('a'.repeat(8_192), ['b'.repeat(8_192)])).toBeUndefined();
    expect(printString(new Uint8Array(3))).toBeUndefined();
    expect(printString('a', [new Framed('b')])).toBeUndefined();
  });
});
