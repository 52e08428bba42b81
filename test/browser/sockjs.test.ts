import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup, event, type Served, serve, until } from '../support/serve.js';

/** What the page keeps for the test to read. */
interface Window {
  Primus: new (url: string | null, options: object) => Client;
  client: Client;
  received: unknown[];
  events: string[];
}

interface Client {
  socket: { transport: string };
  on(event: string, listener: (value: unknown) => void): void;
  write(data: unknown): boolean;
  end(data?: unknown): void;
}

declare const window: Window;

describe.skipIf(noChromium)('the served client, by sockjs', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  /** A page with a client that goes that way, and its spark. */
  async function visit(transports: string): Promise<Served & { page: Page; spark: Spark; complaints: string[]; heard: unknown[] }> {
    const heard: unknown[] = [];
    const served = await serve({ transformer: 'sockjs' });
    served.primus.on('connection', (spark) => {
      spark.on('data', (data) => {
        heard.push(data);
        spark.write({ echo: data });
      });
    });
    served.server.on('request', (_request, response) => {
      response.setHeader('Content-Type', 'text/html');
      response.end('<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="/primus/primus.js"></script>');
    });
    const page = await browser.newPage();
    cleanup(() => page.close());
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${served.url}/`);
    const announced = event(served.primus, 'connection');
    await page.evaluate((way) => {
      const client = new window.Primus(null, { transport: { transports: way }, reconnect: { min: 10, max: 50 } });
      Object.assign(window, { client, received: [], events: [] });
      client.on('data', (data) => window.received.push(data));
      for (const name of ['open', 'close', 'reconnected', 'end']) client.on(name, () => window.events.push(name));
    }, transports);
    const [spark] = (await announced) as [Spark];
    return { ...served, page, spark, complaints, heard };
  }

  const received = (page: Page) => page.evaluate(() => window.received);

  it.each(['websocket', 'xhr-streaming', 'xhr-polling'])(
    'talks over %s, comes back after a cut, and ends',
    { timeout: 30_000 },
    async (way) => {
      const { primus, page, spark, complaints, heard } = await visit(way);
      await page.waitForFunction(() => window.events.includes('open'));
      expect(await page.evaluate(() => window.client.socket.transport)).toBe(way);

      const values = [0, '', 'é ü 漢 🎉 \u2028 \0', { a: [null] }, 'x'.repeat(200_000)];
      await page.evaluate((all) => {
        for (const value of all) window.client.write(value);
      }, values);
      await page.waitForFunction((count) => window.received.length === count, values.length);
      expect(await received(page)).toEqual(values.map((echo) => ({ echo })));

      spark.connection.link?.destroy();
      await page.waitForFunction(() => window.events.includes('close'));
      await page.evaluate(() => window.client.write('written meanwhile'));
      await page.waitForFunction((count) => window.received.length === count, values.length + 1);
      expect((await received(page)).at(-1)).toEqual({ echo: 'written meanwhile' });
      expect(await page.evaluate(() => window.events)).toEqual(['open', 'close', 'reconnected', 'open']);

      // Chromium repeats a poll that was cut by itself, and whoever answers that is nobody's: it goes when no further poll comes.
      await page.evaluate(() => window.client.end('last'));
      await until(() => heard.includes('last'));
      expect(heard).toEqual([...values, 'written meanwhile', 'last']);
      await until(() => primus.connected === 0, 7_000);
      expect(complaints).toEqual([]);
    },
  );
});
