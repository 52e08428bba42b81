import { expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup, until } from '../support/serve.js';
import { visit, type Window } from './visit.js';

declare const window: Window & {
  outcomes: { type: string; missed?: number }[];
  client: { resume$: { subscribe(next: (outcome: never) => void): void } };
};

it.skipIf(noChromium).each(['websockets', 'engine.io', 'sockjs', 'faye', 'browserchannel', 'socket.io', 'uws'])(
  'resumes the session of a page, by %s',
  async (transformer) => {
    const browser = await launch();
    cleanup(() => browser.close());
    const { page, primus, complaints } = await visit(browser, { transformer, resume: true });
    // Engine.IO may notice a connection that is lost during its upgrade by its own heartbeat only: after 45 s.
    page.setDefaultTimeout(120_000);
    await page.waitForFunction(() => window.events.includes('open'));
    await until(() => primus.connected === 1);
    const [spark] = Object.values(primus.connections) as [Spark];
    await page.evaluate(() => {
      window.outcomes = [];
      window.client.resume$.subscribe((outcome) => window.outcomes.push(outcome));
    });
    for (let round = 0; round < 3; round++) {
      spark.write({ before: round });
      spark.connection.link?.destroy();
      spark.write({ after: round });
      await page.evaluate((round) => void window.client.write(`up ${round}`), round);
      await page.waitForFunction((round) => JSON.stringify(window.received).includes(`"up ${round}"`), round);
    }
    const expected = [0, 1, 2].flatMap((round) => [{ before: round }, { after: round }, { echo: `up ${round}` }]);
    expect((await page.evaluate(() => window.received)) as unknown[]).toEqual(expected);
    expect(await page.evaluate(() => window.outcomes.map(({ type }) => type))).toEqual(['resumed', 'resumed', 'resumed']);
    expect(Object.values(primus.connections)).toEqual([spark]);
    expect(complaints).toEqual([]);
  },
);
