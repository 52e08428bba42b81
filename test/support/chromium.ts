import { type Browser, chromium } from 'playwright-core';
import { findChromium } from '../../scripts/chromium.mjs';

const executablePath = findChromium();

/** For `describe.skipIf(noChromium)`: browser tests cannot run here. `scripts/chromium.mjs` tells the person why. */
export const noChromium = executablePath === undefined;

/** A headless browser that talks to nobody but the page under test. Close it when done. */
export function launch(): Promise<Browser> {
  if (executablePath === undefined) throw new Error('No Chromium was found: install one, or set CHROMIUM_PATH');
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
