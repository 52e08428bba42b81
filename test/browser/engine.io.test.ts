import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Spark } from '../../src/index.js';
import type { Middleware } from '../../src/server/middleware/layers.js';
import { launch, noChromium } from '../support/chromium.js';
import { event, LIMIT, serve } from '../support/serve.js';

/** The globals of the page's script: its client, and the messages that it received. */
interface Shown {
  client: {
    write(data: unknown): boolean;
    readyState: number;
    socket: { transport?: { name: string }; io?: { engine: { transport: { name: string } } } };
  };
  heard: unknown[];
  events: string[];
}

describe.skipIf(noChromium).each(['engine.io', 'socket.io'])('%s in a browser', (transformer) => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  it.each([
    ['polling', { websockets: false }],
    ['websocket', {}],
    ['websocket', { transport: { transports: ['websocket'] } }],
  ])('works over %s with %j, and reconnects after a lost connection', async (name, options) => {
    const { primus, server, url } = await serve({ transformer });
    const sockets: string[] = [];
    const upgrading: Middleware = (request, _socket, next) => {
      sockets.push(request.url ?? '');
      next();
    };
    upgrading.http = false;
    primus.use('upgrading', upgrading);
    server.on('request', (_request, response) => {
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end('<!doctype html><title>Test</title><script src="/primus/primus.js"></script>');
    });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write({ echo: data })));
    const page = await (await browser.newContext()).newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(url);
    const announced = event(primus, 'connection');
    await page.evaluate((given) => {
      const heard: unknown[] = [];
      const events: string[] = [];
      const scope = globalThis as unknown as Record<string, unknown> & { Primus: new (url: undefined, options: object) => Shown['client'] };
      const client = new scope.Primus(undefined, { reconnect: { min: 10, max: 50 }, ...given });
      const emitter = client as unknown as { on(name: string, listener: (...args: unknown[]) => void): void };
      emitter.on('data', (data) => heard.push(data));
      for (const one of ['open', 'close', 'reconnected', 'end', 'error']) emitter.on(one, () => events.push(one));
      scope.shown = { client, heard, events };
    }, options);
    const [spark] = (await announced) as [Spark];
    const values = ['é ü 漢 🎉 \u2028 \0', { a: [1, null] }, '', 0, 'x'.repeat(70_000)];
    for (const value of values) await write(page, value);
    await untilThere(page, (shown) => shown.heard.length === 5);
    expect((await look(page)).heard).toEqual(values.map((echo) => ({ echo })));
    await untilThere(page, (shown, wanted) => (shown.client.socket.io?.engine ?? shown.client.socket).transport?.name === wanted, name);
    expect(sockets.length > 0).toBe(name === 'websocket');

    const again = event(primus, 'connection');
    spark.connection.link?.destroy();
    const [next] = (await again) as [Spark];
    await untilThere(page, (shown) => shown.client.readyState === 3 && shown.events.includes('reconnected'));
    await write(page, 'back');
    await untilThere(page, (shown) => shown.heard.length === 6);

    next.end('farewell');
    await untilThere(page, (shown) => shown.events.includes('end'));
    const { heard, events } = await look(page);
    expect(heard.slice(5)).toEqual([{ echo: 'back' }, 'farewell']);
    expect(events).toEqual(['open', 'close', 'reconnected', 'open', 'close', 'end']);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

function write(page: Page, value: unknown): Promise<unknown> {
  return page.evaluate((data) => (globalThis as unknown as { shown: Shown }).shown.client.write(data), value);
}

function look(page: Page): Promise<Pick<Shown, 'heard' | 'events'>> {
  return page.evaluate(() => {
    const { heard, events } = (globalThis as unknown as { shown: Shown }).shown;
    return { heard, events };
  });
}

/** Waits until a condition, which runs in the page, is true. */
function untilThere(page: Page, condition: (shown: Shown, wanted?: unknown) => boolean, wanted?: unknown): Promise<unknown> {
  return page.waitForFunction(`(${condition})(globalThis.shown, ${JSON.stringify(wanted)})`, undefined, { timeout: LIMIT });
}
