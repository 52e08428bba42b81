import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { kill, start } from '../../scripts/processes.mjs';
import { cleanup } from '../support/serve.js';

const worker = fileURLToPath(new URL('../support/worker.mjs', import.meta.url));

/** Returns what a worker of a cluster prints to its standard error when it creates a server with these options. */
async function said(options: object): Promise<string> {
  const child = start(process.execPath, [worker, JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'pipe'] });
  cleanup(() => kill(child));
  let output = '';
  for await (const chunk of child.stderr as Readable) output += chunk;
  return output;
}

it.each(['engine.io', 'sockjs', 'socket.io'])('warns a worker of a cluster that %s needs sticky sessions', async (transformer) => {
  const output = await said({ transformer });
  expect(output).toMatch(/PRIMUS_CLUSTER.*sticky sessions.*iknowclusterwillbreakconnections/);
  expect(output).toContain(transformer);
});

it.each([
  ['configured to ignore this', { transformer: 'engine.io', iknowclusterwillbreakconnections: true }],
  ['made for WebSockets alone', { transformer: 'websockets' }],
])('does not warn a worker that is %s', async (_what, options) => {
  expect(await said(options)).toBe('');
});
