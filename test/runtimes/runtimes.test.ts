import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { start } from '../../scripts/processes.mjs';

const script = fileURLToPath(new URL('./core.mjs', import.meta.url));

/** The folder with the packages that bring the runtimes: they are too large to be dependencies. CONTRIBUTING.md has the command. */
const packages = join(process.env.RUNTIMES ?? fileURLToPath(new URL('../../', import.meta.url)), 'node_modules');

/** The runtimes, each with its program and the arguments before the script. */
const runtimes: Record<string, readonly string[]> = {
  'this Node.js': [process.execPath],
  'Node.js 20': [join(packages, 'node-20/bin/node')],
  'Node.js 22': [join(packages, 'node-22/bin/node')],
  'Node.js 24': [join(packages, 'node-24/bin/node')],
  Bun: [join(packages, '.bin/bun')],
  Deno: [join(packages, '.bin/deno'), 'run', '--allow-all', '--quiet'],
};

const transformers = ['websockets', 'faye', 'engine.io', 'socket.io', 'sockjs', 'browserchannel'];

/** Runs the core of the contract on a runtime and returns its output. */
async function run([program, ...args]: readonly string[], transformer: string): Promise<string> {
  const child = start(program as string, [...args, script, transformer], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout as Readable), once(child, 'close')]);
  return output.trim();
}

describe.each(Object.entries(runtimes))('on %s', (_name, command) => {
  const isMissing = !existsSync(command[0] as string);

  it.skipIf(isMissing).each(transformers)('%s connects, echoes, reconnects and ends', async (transformer) => {
    expect(await run(command, transformer)).toBe('ok');
  });

  it.skipIf(isMissing)('uws does too, or is refused with the reason', async () => {
    expect(await run(command, 'uws')).toMatch(
      /^(?:ok|start: ERR_PRIMUS_MISSING The package 'uWebSockets\.js' has no native engine for .*)$/m,
    );
  });
});
