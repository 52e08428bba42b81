import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, noChromium } from '../support/chromium.js';
import { endures, visit, type Window } from './visit.js';

declare const window: Window;

describe.skipIf(noChromium)('the served client over browserchannel', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  it('exchanges messages, reconnects after a lost connection, and ends', async () => {
    await endures(await visit(browser, { transformer: 'browserchannel' }));
  });

  it('gets the reason of a rejection, and makes no further attempt', async () => {
    const asked: string[] = [];
    const { page, url } = await visit(
      browser,
      { transformer: 'browserchannel', authorization: (_request, done) => done({ statusCode: 403, message: 'not you' }) },
      { reconnect: { min: 60_000 } },
    );
    page.on('request', (request) => asked.push(request.url()));
    await page.waitForFunction(() => window.errors.length > 0);
    expect(await page.evaluate(() => window.errors)).toEqual([{ code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status: 403, reason: 'not you' }]);
    expect(asked.filter((address) => !address.startsWith(url) && !address.startsWith('data:'))).toEqual([]);
  });
});
