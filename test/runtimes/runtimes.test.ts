import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { start } from '../../scripts/processes.mjs';
import { findRuntimes } from '../../scripts/runtimes.mjs';

const script = fileURLToPath(new URL('./core.mjs', import.meta.url));

const transformers = ['websockets', 'faye', 'engine.io', 'socket.io', 'sockjs', 'browserchannel'];

/** Runs the core of the contract on a runtime and returns its output. */
async function run([program, ...args]: readonly string[], transformer: string): Promise<string> {
  const child = start(program as string, [...args, script, transformer], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout as Readable), once(child, 'close')]);
  return output.trim();
}

describe.each(findRuntimes())('on $name', ({ command, missing }) => {
  // `scripts/runtimes.mjs` prints the reason.
  const isMissing = missing !== undefined;

  it.skipIf(isMissing).each(transformers)('%s connects, echoes, reconnects and ends', async (transformer) => {
    expect(await run(command, transformer)).toBe('ok');
  });

  it.skipIf(isMissing)('uws does too, or is refused with the reason', async () => {
    expect(await run(command, 'uws')).toMatch(
      /^(?:ok|start: ERR_PRIMUS_MISSING The package 'uWebSockets\.js' has no native engine for .*)$/m,
    );
  });
});
