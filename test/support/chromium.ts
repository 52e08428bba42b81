import { type Browser, chromium } from 'playwright-core';
import { inject } from 'vitest';
import { findChromium } from '../../scripts/chromium.mjs';
import type {} from './chromium-server.js';
import { LIMIT } from './wait.js';

/** For `describe.skipIf(noChromium)`: browser tests cannot run here. `scripts/chromium.mjs` prints the reason. */
export const noChromium = findChromium() === undefined;

/** Connects to the browser of the run. Closing it closes the pages of this file. */
export async function launch(): Promise<Browser> {
  const endpoint = inject('chromium');
  if (endpoint === undefined) throw new Error('No Chromium runs. A test that needs one belongs in a folder of the project "integration"');
  const browser = await chromium.connect(endpoint, { timeout: LIMIT });
  return browser;
}
