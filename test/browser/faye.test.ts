import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, noChromium } from '../support/chromium.js';
import { endures, visit, type Window } from './visit.js';

declare const window: Window;

describe.skipIf(noChromium)('the served client over faye', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  it.each([{}, { compression: true }, { refuseWithClose: true }])(
    'exchanges messages, reconnects after a lost connection, and ends, with %j',
    async (options) => {
      await endures(await visit(browser, { transformer: 'faye', ...options }));
    },
  );

  it('gets the reason of a rejection with refuseWithClose', async () => {
    const { page, primus } = await visit(browser, {
      transformer: 'faye',
      refuseWithClose: true,
      authorization: (_request, done) => done({ statusCode: 403, message: 'not you' }),
    });
    await page.waitForFunction(() => window.errors.length > 0);
    expect(await page.evaluate(() => window.errors)).toEqual([{ code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status: 403, reason: 'not you' }]);
    expect(primus.connected).toBe(0);
  });
});
