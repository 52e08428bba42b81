import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Blocks } from '../../transformers/shared/server/blocks.js';
import { free } from '../../transformers/shared/server/free.js';

function blocksOf(bytes: Buffer, size: number): Blocks {
  const blocks = new Blocks();
  for (let at = 0; at < bytes.length; at += size) blocks.append(bytes.subarray(at, at + size));
  return blocks;
}

describe('blocks', () => {
  const bytes = randomBytes(300_000);

  it.each([1_000, 65_535, 65_536, 65_537, 300_000])('hold bytes that come in parts of %i', (size) => {
    expect(blocksOf(bytes, size).toBuffer().equals(bytes)).toBe(true);
    expect(Buffer.concat(blocksOf(bytes, size).parts()).equals(bytes)).toBe(true);
    const blocks = blocksOf(bytes, size);
    expect(blocks.length).toBe(300_000);
    // A part is freed when the next one is taken.
    expect(Buffer.concat([...blocks.drain()].filter(({ length }) => length > 0)).length).toBeLessThan(65_536);
    expect(blocks.length).toBe(0);
  });

  it('remove the mask of a frame, wherever the bytes begin in it', () => {
    const mask = Buffer.from([1, 2, 3, 4]);
    const masked = Buffer.from(bytes.map((byte, at) => byte ^ (mask[at & 3] as number)));
    const blocks = new Blocks();
    for (let at = 0; at < masked.length; at += 10_001) blocks.append(masked.subarray(at, at + 10_001), mask, at);
    expect(blocks.toBuffer().equals(bytes)).toBe(true);
  });

  it('decode UTF-8, whose characters lie in two blocks', () => {
    for (const character of ['x', 'é', '€', '😀']) {
      for (let shift = 0; shift < 4; shift++) {
        const text = 'x'.repeat(65_533 + shift) + character.repeat(70_000);
        expect(blocksOf(Buffer.from(text), 10_000).isUtf8()).toBe(true);
        expect(blocksOf(Buffer.from(text), 10_000).toText()).toBe(text);
      }
    }
  });

  it.each([
    ['a byte that occurs in none', [0xff]],
    ['a character that is not complete', [0xe2, 0x82]],
    ['the end of a character', [0x82]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
  ])('recognize %s, at the end and between blocks', (_, wrong) => {
    for (const after of [0, 10, 70_000]) {
      for (const before of [65_534, 65_535, 65_536, 131_072]) {
        const all = Buffer.concat([Buffer.alloc(before, 'x'), Buffer.from(wrong), Buffer.alloc(after, 'y')]);
        expect(blocksOf(all, 65_536).isUtf8()).toBe(false);
        expect(blocksOf(all, 65_536).toText()).toBeNull();
      }
    }
  });

  it('have no bytes once they are freed, and take others', () => {
    const blocks = blocksOf(bytes, 1_000);
    const parts = blocks.parts();
    blocks.free();
    expect([blocks.length, parts[0]?.length]).toEqual([0, 0]);
    blocks.append(bytes);
    expect(blocks.toBuffer().equals(bytes)).toBe(true);
  });
});

describe('free', () => {
  it('leaves bytes alone that are few, or share their memory with others', () => {
    const few = Buffer.alloc(100);
    const whole = Buffer.alloc(20_000);
    const part = whole.subarray(1);
    free(few);
    free(part);
    expect([few.length, part.length, whole.length]).toEqual([100, 19_999, 20_000]);
    free(whole);
    expect([part.length, whole.length]).toEqual([0, 0]);
  });
});
