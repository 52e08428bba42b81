import { expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { serveChannels } from '../../src/server/library.js';
import { ChannelServer } from '../support/channel-server.js';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup, until } from '../support/serve.js';
import { visit, type Window } from './visit.js';

declare const window: Window & {
  Primus: {
    channels(client: unknown): { channel(name: string): Record<'data$' | 'recovery$', { subscribe(next: (value: never) => void): void }> };
  };
  log: unknown[];
};

it.skipIf(noChromium).each(['websockets', 'engine.io', 'sockjs', 'faye', 'browserchannel', 'socket.io', 'uws'])(
  'restores the channels of a page, by %s',
  async (transformer) => {
    const browser = await launch();
    cleanup(() => browser.close());
    const double = new ChannelServer({ history: 10 });
    const { page, primus, complaints } = await visit(browser, { transformer }, {}, (served) => {
      double.attach(served);
      serveChannels(served);
    });
    page.setDefaultTimeout(120_000);
    await page.evaluate(() => {
      window.log = [];
      const { data$, recovery$ } = window.Primus.channels(window.client).channel('news');
      recovery$.subscribe(({ type }) => window.log.push(type));
      data$.subscribe((data) => window.log.push(data));
    });
    const last = (value: unknown) => page.waitForFunction((wanted) => window.log.at(-1) === wanted, value);
    await last('live');
    double.publish('news', 1);
    await last(1);
    const [spark] = Object.values(primus.connections) as [Spark];
    spark.connection.link?.destroy();
    await until(() => primus.connected === 0 || Object.values(primus.connections)[0] !== spark);
    double.publish('news', 2);
    await page.waitForFunction(() => window.log.length === 6);
    expect((await page.evaluate(() => window.log)) as unknown[]).toEqual(['recovered', 'live', 1, 'recovered', 2, 'live']);
    expect(await page.evaluate(() => window.received)).toEqual([]);
    expect(complaints).toEqual([]);
  },
);
