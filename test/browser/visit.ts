import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { ClientOptions, ServerOptions, Spark } from '../../src/index.js';
import { cleanup, type Served, serve, until } from '../support/serve.js';

/** The globals of the page that the test reads. */
export interface Window {
  Primus: new (url: string | null, options: object) => Client;
  client: Client;
  received: unknown[];
  events: string[];
  errors: { code: string; status?: number; reason?: string }[];
}

interface Client {
  socket: { transport?: string; protocol?: string };
  on(event: string, listener: (value: never) => void): void;
  write(data: unknown): boolean;
  end(data?: unknown): void;
}

declare const window: Window;

export interface Visit extends Served {
  page: Page;
  /** The uncaught errors of the page. */
  complaints: string[];
  /** The messages that the server received. */
  heard: unknown[];
}

/** A server that echoes, and a page with the client that it serves. `prepare` gets the server before the page is loaded. */
export async function visit(
  browser: Browser,
  options: ServerOptions,
  clientOptions: ClientOptions = {},
  prepare: (primus: Served['primus']) => void = () => {},
): Promise<Visit> {
  const heard: unknown[] = [];
  const served = await serve(options);
  prepare(served.primus);
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
  await page.evaluate(
    (given) => {
      const client = new window.Primus(null, given);
      Object.assign(window, { client, received: [], events: [], errors: [] });
      client.on('data', (data) => window.received.push(data));
      client.on('error', ({ code, status, reason }: Window['errors'][number]) => window.errors.push({ code, status, reason } as never));
      for (const name of ['open', 'close', 'reconnected', 'end']) client.on(name, () => window.events.push(name));
    },
    { reconnect: { min: 10, max: 50 }, ...clientOptions },
  );
  return { ...served, page, complaints, heard };
}

/** Exchanges messages, loses the connection, reconnects with the messages written meanwhile, and ends; the page must report no error. */
export async function endures({ primus, page, complaints, heard }: Visit): Promise<void> {
  await page.waitForFunction(() => window.events.includes('open'));
  const values = [0, '', 'é ü 漢 🎉 \u2028 \0 +%&=', { a: [null] }, 'x'.repeat(200_000)];
  await page.evaluate((all) => {
    for (const value of all) window.client.write(value);
  }, values);
  await page.waitForFunction((count) => window.received.length === count, values.length);
  expect(await page.evaluate(() => window.received)).toEqual(values.map((echo) => ({ echo })));

  const [spark] = Object.values(primus.connections) as [Spark];
  spark.connection.link?.destroy();
  await page.waitForFunction(() => window.events.includes('close'));
  await page.evaluate(() => window.client.write('written meanwhile'));
  await page.waitForFunction((count) => window.received.length === count, values.length + 1);
  expect(await page.evaluate(() => window.received.at(-1))).toEqual({ echo: 'written meanwhile' });
  expect(await page.evaluate(() => window.events)).toEqual(['open', 'close', 'reconnected', 'open']);

  await page.evaluate(() => window.client.end('last'));
  await until(() => heard.includes('last'));
  expect(heard).toEqual([...values, 'written meanwhile', 'last']);
  // Chromium repeats an aborted poll by itself. The session that answers it has no client, and ends without further polls.
  await until(() => primus.connected === 0);
  expect(complaints).toEqual([]);
}
