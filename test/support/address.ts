import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Returns the first address that a process prints. Rejects when it ends before. */
export async function printedAddress({ stdout, spawnargs }: ChildProcess): Promise<string> {
  for await (const output of createInterface({ input: stdout as Readable })) {
    const url = /http:\/\/\S+/.exec(output)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error(`${spawnargs.join(' ')} ended before it listened`);
}
