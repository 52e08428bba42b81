import { expect, it } from 'vitest';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup, until } from '../support/serve.js';
import { visit, type Window } from './visit.js';

declare const window: Window;

it.skipIf(noChromium)('emits offline and online with the page, and reconnects when the network is back', async () => {
  const browser = await launch();
  cleanup(() => browser.close());
  const { page, primus } = await visit(browser, {});
  await page.waitForFunction(() => window.events.includes('open'));
  await page.evaluate(() => {
    for (const name of ['offline', 'online']) window.client.on(name, () => window.events.push(name));
  });
  await page.context().setOffline(true);
  await page.waitForFunction(() => window.events.includes('close'));
  expect(await page.evaluate(() => window.events)).toEqual(['open', 'offline', 'close']);
  await page.context().setOffline(false);
  await page.waitForFunction(() => window.events.filter((name) => name === 'open').length === 2);
  expect(await page.evaluate(() => window.events.slice(3))).toEqual(['online', 'reconnected', 'open']);
  await until(() => primus.connected === 1);
});
