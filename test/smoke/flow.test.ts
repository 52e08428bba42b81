import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { LIMIT } from '../support/wait.js';

// Once more where the garbage collector has left more than usual: five runs stayed a sixth below the limit.
const options = { timeout: 20 * LIMIT, retry: 1 };

it(
  'a slow reader costs neither end over twice the mark and 1 MB, while 1 GB is piped each way over each transformer',
  options,
  async () => {
    const args = ['--expose-gc', 'bench/flow.mjs'];
    // It fails over the limit.
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: join(import.meta.dirname, '../..'), timeout: 10 * LIMIT });
    expect(stdout.match(/│ 1000 /g)).toHaveLength(5);
  },
);
