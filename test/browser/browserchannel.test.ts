import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, noChromium } from '../support/chromium.js';
import { endures, visit, type Window } from './visit.js';

declare const window: Window;

describe.skipIf(noChromium)('the served client, by browserchannel', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  it('talks, comes back after a cut, and ends', async () => {
    await endures(await visit(browser, { transformer: 'browserchannel' }));
  });

  it('is told why it is refused, and asks nobody else', async () => {
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
