import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, type ExpectStatic, it } from 'vitest';
import { start } from '../../scripts/processes.mjs';
import { findRuntimes } from '../../scripts/runtimes.mjs';
import { skips } from '../transformers/skips.js';
import { bundleContract } from './bundle.js';
import type { Outcome } from './runner.js';

const transformers = ['websockets', 'faye', 'engine.io', 'socket.io', 'sockjs', 'browserchannel'];

/** Why a rule does not hold on a runtime, beside those that a transformer never keeps. */
const runtimeSkips: Record<string, Record<string, Record<string, string>>> = {
  Bun: {
    sockjs: Object.fromEntries(
      [
        'delivers a message that is longer than maxBuffer, and what is written behind it',
        'delivers a burst of 4 MB with the defaults to a client that reads',
      ].map((rule) => [rule, "the framework's own client fails on Bun when much arrives at once, also without this package"]),
    ),
  },
};

/** How long a program may take, in ms. What waits in it gives up before. */
const LIMIT = 600_000;

const uws = fileURLToPath(new URL('./uws.mjs', import.meta.url));

let program: string;

beforeAll(async () => {
  program = await bundleContract();
});

/** Runs a program on a runtime, and returns what it prints. */
async function run([runtime, ...args]: readonly string[], ...rest: string[]): Promise<string> {
  const child = start(runtime as string, [...args, ...rest], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout as Readable), once(child, 'close')]);
  return output.trim();
}

/** Expects a runtime to keep the contract of a transformer. */
async function keeps(
  expect: ExpectStatic,
  command: readonly string[],
  transformer: string,
  more: Record<string, string> = {},
): Promise<void> {
  const output = await run(command, program, transformer, JSON.stringify(more));
  const { failed, passed, skipped } = JSON.parse(output) as Outcome;
  expect(failed).toEqual({});
  expect(skipped).toHaveLength(Object.keys({ ...skips[transformer], ...more }).length);
  expect(passed).toBeGreaterThan(60);
}

describe.each(findRuntimes())('on $name', ({ name, command, missing }) => {
  // `scripts/runtimes.mjs` prints the reason.
  const isMissing = missing !== undefined;

  // Most of a run is waiting.
  it.skipIf(isMissing).concurrent.for(transformers)('%s keeps the contract', { timeout: LIMIT }, (transformer, { expect }) =>
    keeps(expect, command, transformer, runtimeSkips[name]?.[transformer]),
  );

  it.skipIf(isMissing).concurrent(
    'uws keeps the contract too, or is refused with the reason',
    async ({ expect }) => {
      const answer = await run(command, uws);
      if (answer === 'ok') await keeps(expect, command, 'uws');
      else expect(answer).toMatch(/^ERR_PRIMUS_MISSING The package 'uWebSockets\.js' has no native engine for /m);
    },
    LIMIT,
  );
});
