import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { start } from '../../scripts/processes.mjs';
import Primus from '../../src/index.js';
import { printedAddress } from '../support/address.js';
import { cleanup, event } from '../support/serve.js';

const program = fileURLToPath(new URL('../../dist/examples/chat/server.js', import.meta.url));

/** Starts the example, with some clients. */
async function startChat(clients: number) {
  const server: ChildProcess = start(process.execPath, [program], {
    env: { ...process.env, PORT: '0', BUILD_ID: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanup(() => server.kill('SIGKILL'));
  const url = await printedAddress(server);
  const connect = () => {
    const client = new (Primus.createSocket())(url);
    cleanup(() => client.destroy());
    return client;
  };
  const people = Array.from({ length: clients }, connect);
  await Promise.all(people.map((client) => event(client, 'open')));
  return { server, connect, people };
}

describe('the chat example, on a signal', () => {
  it('drains: asks the pages to reconnect, rejects new ones with 503, and ends by itself', async () => {
    const { server, connect, people } = await startChat(5);
    const exit = once(server, 'exit');
    const scheduled = people.map((client) => event(client, 'reconnect scheduled'));
    const first = Promise.race(scheduled);
    server.kill('SIGTERM');
    await first;
    const [error] = await event(connect(), 'error');
    expect(error).toMatchObject({ status: 503, retryAfter: 1_000 });
    await Promise.all(scheduled);
    expect(await exit).toEqual([0, null]);
    // Some may be at their next attempt.
    for (const client of people) expect(['waiting', 'connecting']).toContain(client.state.name);
  });

  it('does not wait after a second signal', async () => {
    const { server, people } = await startChat(20);
    const exit = once(server, 'exit');
    const first = Promise.race(people.map((client) => event(client, 'reconnect scheduled')));
    server.kill('SIGTERM');
    await first;
    server.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  });
});
