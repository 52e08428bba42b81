import { chromium } from 'playwright-core';
import type { TestProject } from 'vitest/node';
import { findChromium } from '../../scripts/chromium.mjs';
import { guard, kill, removeFolder, temporaryFolder } from '../../scripts/processes.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the browser of the run listens; `undefined` when there is no Chromium. */
    chromium: string | undefined;
  }
}

/** Starts one headless Chromium for all tests of a run. Its background requests are off. */
export default async function setup({ provide }: TestProject): Promise<(() => Promise<void>) | undefined> {
  const executablePath = findChromium();
  if (executablePath === undefined) return undefined;
  const folder = temporaryFolder('chromium');
  const { TMPDIR } = process.env;
  // Its profile is made there, and goes with the folder.
  process.env.TMPDIR = folder;
  const server = await chromium.launchServer({
    executablePath,
    host: '127.0.0.1',
    timeout: 120_000,
    // The guard kills it however this process ends.
    handleSIGHUP: false,
    handleSIGINT: false,
    handleSIGTERM: false,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      // A container has little shared memory.
      '--disable-dev-shm-usage',
      '--disable-sync',
    ],
  });
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  guard(server.process());
  provide('chromium', server.wsEndpoint());
  return async () => {
    await server.close();
    await kill(server.process());
    removeFolder(folder);
  };
}
