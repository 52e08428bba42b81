import { describe, expect, it } from 'vitest';
import { flushAfter, flushAtEndOfTick } from '../../transformers/shared/server/flush.js';

/** A link that remembers how often it was flushed, and what was written before. */
function link() {
  const made = {
    written: 0,
    flushes: [] as number[],
    write() {
      if (made.written++ === 0) flushAtEndOfTick(made);
    },
    flush() {
      if (made.written > 0) made.flushes.push(made.written);
      made.written = 0;
    },
  };
  return made;
}

const endOfTick = () => new Promise<void>((resolve) => process.nextTick(resolve));

describe('flushAtEndOfTick', () => {
  it('flushes each link once, behind everything that was written in the tick', async () => {
    const [a, b] = [link(), link()];
    a.write();
    b.write();
    a.write();
    expect([a.flushes, b.flushes]).toEqual([[], []]);
    await endOfTick();
    expect([a.flushes, b.flushes]).toEqual([[2], [1]]);
  });

  it('flushes the others when the flush of one throws', async () => {
    const [a, b] = [link(), link()];
    const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
    const flush = a.flush;
    a.flush = () => {
      flush();
      throw new Error('flush');
    };
    a.write();
    b.write();
    await thrown;
    await new Promise(setImmediate);
    expect([a.flushes, b.flushes]).toEqual([[1], [1]]);
  });
});

describe('flushAfter', () => {
  it('flushes what a link has written when its bytes have been read, and other links at the end of the tick', async () => {
    const [a, b] = [link(), link()];
    flushAfter(
      a,
      (count) => {
        for (let index = 0; index < count; index++) a.write();
        b.write();
        expect(a.flushes).toEqual([]);
      },
      3,
    );
    expect([a.flushes, b.flushes]).toEqual([[3], []]);
    await endOfTick();
    expect([a.flushes, b.flushes]).toEqual([[3], [1]]);
    a.write();
    await endOfTick();
    expect(a.flushes).toEqual([3, 1]);
  });

  it('flushes once for reads within a read', () => {
    const a = link();
    flushAfter(a, () => {
      a.write();
      flushAfter(a, a.write);
      expect(a.flushes).toEqual([]);
    });
    expect(a.flushes).toEqual([2]);
  });

  it('knows each of two links whose bytes are read at once', async () => {
    const [a, b] = [link(), link()];
    flushAfter(a, () => {
      flushAfter(b, () => {
        a.write();
        b.write();
      });
      expect([a.flushes, b.flushes]).toEqual([[], [1]]);
      a.write();
    });
    expect(a.flushes).toEqual([2]);
    await endOfTick();
    expect([a.flushes, b.flushes]).toEqual([[2], [1]]);
  });

  it('flushes when reading throws', async () => {
    const a = link();
    const read = () => {
      a.write();
      throw new Error('read');
    };
    expect(() => flushAfter(a, read)).toThrow('read');
    expect(a.flushes).toEqual([1]);
    a.write();
    await endOfTick();
    expect(a.flushes).toEqual([1, 1]);
  });
});
