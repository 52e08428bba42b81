import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createTestWorld } from 'primus-rx/testing';
import { expect, it } from 'vitest';
import { servePrices, Ticker } from '../../examples/testing/ticker.js';
import { processorTime } from '../support/cpu.js';

const file = fileURLToPath(new URL('../../dist/examples/testing/ticker.test.js', import.meta.url));

it('passes in the test runner of Node.js', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file]);
  const titles = [...stdout.matchAll(/^\s*ok \d+ - (.*)\n/gm)].map(([, title]) => title);
  expect(titles).toEqual(
    expect.arrayContaining([
      'goes on after a network failure of a minute',
      'watches its stock again when the server was restarted',
      'detects a server that became silent',
    ]),
  );
  expect(stdout).toMatch(/^# fail 0$/m);
});

it('tests a reconnection in less than 50 ms of processor time', async () => {
  const reconnect = async () => {
    const world = createTestWorld({ setup: servePrices });
    const { client } = new Ticker('https://example.com', 'ACME', world.Client);
    await world.play('1s c 1m h 1m |');
    expect(client.state.name).toBe('open');
    await world.destroy();
    expect(world.pending).toBe(0);
  };
  const times: number[] = [];
  // The first run compiles, and other programs disturb some.
  for (let run = 0; run < 10; run++) times.push(await processorTime(reconnect));
  expect(Math.min(...times)).toBeLessThan(50);
});
