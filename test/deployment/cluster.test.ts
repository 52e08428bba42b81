import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { kill, start } from '../../scripts/processes.mjs';
import { Primus } from '../../src/index.js';
import { cleanup, until } from '../support/serve.js';

const worker = fileURLToPath(new URL('../support/worker.mjs', import.meta.url));
const workers = fileURLToPath(new URL('../support/workers.mjs', import.meta.url));

/** Returns what a worker of a cluster prints to its standard error when it creates a server with these options. */
async function said(options: object): Promise<string> {
  const child = start(process.execPath, [worker, JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'pipe'] });
  cleanup(() => kill(child));
  let output = '';
  for await (const chunk of child.stderr as Readable) output += chunk;
  return output;
}

it.each(['engine.io', 'sockjs', 'socket.io', 'browserchannel'])(
  'warns a worker of a cluster that %s needs sticky sessions',
  async (transformer) => {
    const output = await said({ transformer });
    expect(output).toMatch(/PRIMUS_CLUSTER.*sticky sessions.*iknowclusterwillbreakconnections/);
    expect(output).toContain(transformer);
  },
);

it.each([
  ['configured to ignore this', { transformer: 'engine.io', iknowclusterwillbreakconnections: true }],
  ['made for WebSockets alone', { transformer: 'websockets' }],
  ['made for WebSockets with faye', { transformer: 'faye' }],
])('does not warn a worker that is %s', async (_what, options) => {
  expect(await said(options)).toBe('');
});

it.each(['websockets', 'faye'])('needs no sticky sessions with %s: each client stays with one worker', async (transformer) => {
  const child = start(process.execPath, [workers, transformer], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanup(() => kill(child));
  const [port] = await once(child.stdout as Readable, 'data');
  const Socket = Primus.createSocket({ transformer });
  const pids = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const client = new Socket(`http://127.0.0.1:${Number(port)}`);
      cleanup(() => client.destroy());
      const answers: [number, number][] = [];
      client.on('data', (answer) => {
        answers.push(answer as [number, number]);
        if (answers.length < 5) client.write(answers.length);
      });
      client.write(0);
      await until(() => answers.length === 5);
      expect(answers.map(([number]) => number)).toEqual([0, 1, 2, 3, 4]);
      return new Set(answers.map(([, pid]) => pid));
    }),
  );
  expect(pids.map(({ size }) => size)).toEqual(Array(6).fill(1));
  expect(new Set(pids.flatMap((set) => [...set])).size).toBe(2);
});
