import { expect, it } from 'vitest';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup, serve } from '../support/serve.js';

it.skipIf(noChromium)('sends a page the status and the reason of a rejection in a close frame', async () => {
  const { url } = await serve({
    refuseWithClose: true,
    authorization: (_request, done) => done({ statusCode: 403, message: 'not you' }),
  });
  const browser = await launch();
  cleanup(() => browser.close());
  const tab = await browser.newPage();
  await tab.goto(`${url}/primus/spec`);
  await tab.addScriptTag({ url: `${url}/primus/primus.js` });
  const seen = await tab.evaluate(
    () =>
      new Promise((resolve) => {
        const { Primus } = globalThis as unknown as { Primus: new () => { on(event: string, listener: (error: never) => void): void } };
        const client = new Primus();
        client.on('open', () => resolve('open'));
        client.on('error', ({ code, status, reason }: { code: string; status: number; reason: string }) =>
          resolve({ code, status, reason }),
        );
      }),
  );
  expect(seen).toEqual({ code: 'ERR_PRIMUS_UNEXPECTED_RESPONSE', status: 403, reason: 'not you' });
});
