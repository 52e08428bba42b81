import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { launch, noChromium } from '../support/chromium.js';
import { endures, visit, type Window } from './visit.js';

declare const window: Window;

describe.skipIf(noChromium)('the served client over sockjs', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  it.each(['websocket', 'xhr-streaming', 'xhr-polling'])(
    'exchanges messages over %s, reconnects after a lost connection, and ends',
    async (way) => {
      const visited = await visit(browser, { transformer: 'sockjs' }, { transport: { transports: way } });
      await visited.page.waitForFunction((name) => window.client.socket.transport === name, way);
      await endures(visited);
    },
  );
});
