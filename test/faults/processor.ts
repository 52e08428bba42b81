import { openSync, readSync } from 'node:fs';

/**
 * Returns a function that measures how long the main thread of a process was ready to run, but waited for a processor, in ms. Where the
 * system does not count that (Linux does), it returns 0.
 */
export function waitForProcessor(pid: number | 'self' = 'self'): () => number {
  let file: number;
  try {
    // Opened once: it works when there are no descriptors left.
    file = openSync(`/proc/${pid}/schedstat`, 'r');
  } catch {
    return () => 0;
  }
  const buffer = Buffer.alloc(80);
  let last = 0;
  return () => {
    try {
      const length = readSync(file, buffer, 0, buffer.length, 0);
      last = Number(buffer.toString('latin1', 0, length).split(' ')[1]) / 1e6;
    } catch {
      // The process has ended.
    }
    return last;
  };
}
