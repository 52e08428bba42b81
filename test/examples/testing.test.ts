import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const file = fileURLToPath(new URL('../../dist/examples/testing/ticker.test.js', import.meta.url));

/** Runs the tests of the example; returns the time of each in ms, by its title. */
async function run(): Promise<Map<string, number>> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file]);
  const results = stdout.matchAll(/^\s*ok \d+ - (.*)\n\s*---\n\s*duration_ms: ([\d.]+)/gm);
  return new Map([...results].map(([, title = '', ms]) => [title, Number(ms)]));
}

it('tests the reconnection of an application in less than 50 ms a test', async () => {
  const best = new Map<string, number>();
  // Other programs may have the processor: the best of some runs counts.
  for (let runs = 0; runs < 10 && (runs === 0 || Math.max(...best.values()) >= 50); runs++)
    for (const [title, ms] of await run()) if (!title.endsWith('.js')) best.set(title, Math.min(ms, best.get(title) ?? ms));
  expect([...best.keys()]).toEqual([
    'goes on after a network failure of a minute',
    'watches its stock again when the server was restarted',
    'detects a server that became silent',
  ]);
  expect(Math.max(...best.values())).toBeLessThan(50);
});
