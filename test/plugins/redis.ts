import { findRedis } from '../../scripts/plugins.mjs';
import { freePort } from '../../scripts/ports.mjs';
import { removeFolder, start, stop, temporaryFolder } from '../../scripts/processes.mjs';

export const noRedis = findRedis() === undefined;

export interface Redis {
  port: number;
  stop(): Promise<void>;
}

/** A Redis server of the test's own, which keeps nothing. */
export async function startRedis(): Promise<Redis> {
  const port = await freePort();
  const dir = temporaryFolder('redis');
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir];
  const server = start(findRedis() as string, options, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    server.stdout?.on('data', (chunk) => /ready to accept/i.test(String(chunk)) && resolve());
    void exit.then(() => reject(new Error('The Redis server ended before it was ready')));
  });
  return {
    port,
    async stop() {
      await stop(server);
      removeFolder(dir);
    },
  };
}
