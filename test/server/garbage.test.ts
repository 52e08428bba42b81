import { execFileSync } from 'node:child_process';
import { buildSync } from 'esbuild';
import { describe, expect, it, vi } from 'vitest';
import { discard } from '../../src/server/garbage.js';

/** Collects the segments of messages of 8 MB, one after the other, and prints the most memory that was taken at a time, in MB. */
const program = (drop: string) => `
  ${buildSync({ entryPoints: ['src/server/garbage.ts'], bundle: true, format: 'iife', globalName: 'garbage', platform: 'node', write: false }).outputFiles[0]?.text}
  const before = process.memoryUsage().rss;
  let most = 0;
  let segments = [];
  let left = 20;
  let last;
  setImmediate(function next() {
    for (let count = 0; count < 16; count++) segments.push(Buffer.allocUnsafeSlow(65_536).fill(1));
    most = Math.max(most, process.memoryUsage().rss);
    if (segments.length === 128) {
      last = Buffer.concat(segments).toString();
      segments = [];
      left--;
      ${drop}
    }
    if (left > 0) setTimeout(next, 1);
    else console.log((most - before) / 2 ** 20);
  });
`;

const peakOf = (drop: string) => Number(execFileSync(process.execPath, ['-e', program(drop)], { encoding: 'utf8' }));

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('discard', () => {
  it('has buffers collected earlier than V8 would', () => {
    expect(peakOf('garbage.discard(8_000_000);')).toBeLessThan(0.8 * peakOf(''));
  });

  it('leaves it to V8 on a large heap', async () => {
    const made: number[] = [];
    const madeOn = async (heapUsed: number) => {
      vi.spyOn(process, 'memoryUsage').mockReturnValue({ heapUsed } as NodeJS.MemoryUsage);
      discard(2 ** 30);
      await turn();
      made.length = 0;
      for (let bytes = 0; bytes < 128; bytes++) {
        discard(2 ** 20);
        await turn();
      }
      return made.length;
    };
    vi.stubGlobal(
      'ArrayBuffer',
      class {
        constructor(length: number) {
          made.push(length);
        }
      },
    );
    try {
      expect([await madeOn(2 ** 20), await madeOn(2 ** 26), await madeOn(2 ** 29)]).toEqual([32, 8, 0]);
    } finally {
      vi.unstubAllGlobals();
      vi.restoreAllMocks();
    }
  });

  it('goes on when the process has no addresses left', async () => {
    let tried = 0;
    vi.stubGlobal(
      'ArrayBuffer',
      class {
        constructor() {
          tried++;
          throw new RangeError('Array buffer allocation failed');
        }
      },
    );
    try {
      discard(2 ** 30);
      await turn();
      expect(tried).toBe(1);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});
