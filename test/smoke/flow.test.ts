import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { LIMIT } from '../support/wait.js';

it(
  'a slow reader costs neither end more memory than twice the mark, however much is piped',
  async () => {
    const args = ['--expose-gc', 'bench/flow.mjs', '--megabytes', '100', '--transformers', 'websockets'];
    // It fails over the limit. By hand, it pipes 1 GB over three transformers.
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: join(import.meta.dirname, '../..'), timeout: 10 * LIMIT });
    expect(stdout.match(/'websockets'/g)).toHaveLength(2);
  },
  10 * LIMIT,
);
