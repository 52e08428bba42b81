import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { printedAddress } from '../support/address.js';
import { cleanup } from '../support/serve.js';

/** Starts a compiled example on a free port and returns the address that it prints. It is killed after the test. */
export async function startExample(name: string): Promise<string> {
  const program = fileURLToPath(new URL(`../../dist/examples/${name}/server.js`, import.meta.url));
  const child = spawn(process.execPath, [program], { env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] });
  cleanup(async () => {
    const exit = once(child, 'exit');
    if (child.kill('SIGKILL')) await exit;
  });
  return printedAddress(child);
}
