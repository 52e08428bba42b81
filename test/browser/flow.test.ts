import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { type Flow, flow } from '../../src/flow.js';
import type { Spark } from '../../src/index.js';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup, until } from '../support/serve.js';
import { visit, type Window } from './visit.js';

declare const window: Window & {
  PrimusFlow: { flow(client: unknown, options?: { highWaterMark: number }): Flow<unknown, unknown> };
  stream: Flow<unknown, unknown>;
  written: number;
  read: number[];
  more: () => void;
};

/** The most bytes that a flow of these tests buffers, and the length of a message. */
const MARK = 65_536;
const LENGTH = 16_384;

interface Options {
  transformer: string;
  websockets?: boolean;
}

/** A served page that has `primus-rx/flow` as a bundler makes it, with the flow of its client as `stream`. */
async function open({ transformer, websockets = true }: Options) {
  const browser = await launch();
  cleanup(() => browser.close());
  const visited = await visit(browser, { transformer }, { websockets });
  const { page, primus } = visited;
  const entry = new URL('../../src/flow.ts', import.meta.url).pathname;
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'PrimusFlow',
    logLevel: 'warning',
  });
  page.setDefaultTimeout(120_000);
  await page.addScriptTag({ content: outputFiles[0]?.text as string });
  await page.evaluate((highWaterMark) => {
    window.stream = window.PrimusFlow.flow(window.client, { highWaterMark });
  }, MARK);
  await page.waitForFunction(() => window.events.includes('open'));
  const [spark] = Object.values(primus.connections) as [Spark];
  return { ...visited, spark };
}

/** Waits until a number has not changed for a while, and returns it. */
async function settled(read: () => number | Promise<number>): Promise<number> {
  for (let last = -1, count = 0; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const now = await read();
    count = now === last ? count + 1 : 0;
    last = now;
    if (count === 10) return now;
  }
}

const writtenBy = (page: Page) => settled(() => page.evaluate(() => window.written));

describe.skipIf(noChromium)('primus-rx/flow in a page', () => {
  it.each<[string, Options]>([
    ['a WebSocket', { transformer: 'websockets' }],
    ['a WebSocket of Engine.IO', { transformer: 'engine.io' }],
    ['the polls of Engine.IO', { transformer: 'engine.io', websockets: false }],
  ])('lets a writer wait for a server that does not read, and go on when it reads, over %s', async (_what, options) => {
    const { page, spark, heard, complaints } = await open(options);
    // More than the buffers of the system have room for, where they have any.
    const total = options.websockets === false ? 300 : 1_500;
    spark.pause();
    await page.evaluate(
      async ([count, length]) => {
        window.written = 0;
        (async () => {
          while (window.written < count) {
            window.client.write(`${window.written}:${'x'.repeat(length)}`);
            window.written++;
            await window.stream.drained();
          }
        })();
      },
      [total, LENGTH] as const,
    );
    expect(await writtenBy(page)).toBeLessThan(total);
    // It waits until half of the mark or less is buffered. One message may be added to what is buffered up to the mark.
    const buffered = await page.evaluate(() => window.stream.bufferedAmount);
    expect(buffered).toBeGreaterThan(MARK / 2);
    expect(buffered).toBeLessThan(MARK + 2 * LENGTH);
    spark.resume();
    await until(() => heard.length === total);
    expect(heard.map((message) => Number.parseInt(message as string, 10))).toEqual(heard.map((_, index) => index));
    await page.waitForFunction(() => !window.stream.isFull);
    expect(complaints).toEqual([]);
  });

  it('slows a server down to a loop that reads slowly, over the polls of Engine.IO', async () => {
    const { page, spark, complaints } = await open({ transformer: 'engine.io', websockets: false });
    const total = 1_000;
    await page.evaluate((count) => {
      window.read = [];
      let go = () => {};
      const gate = new Promise<void>((resolve) => {
        go = resolve;
      });
      window.more = go;
      (async () => {
        for await (const message of window.stream) {
          if (window.read.push(Number.parseInt(message as string, 10)) === 1) await gate;
          if (window.read.length === count) break;
        }
      })();
    }, total);
    let written = 0;
    const done = (async () => {
      const stream = flow(spark, { highWaterMark: MARK });
      while (written < total) {
        spark.write(`${written++}:${'x'.repeat(LENGTH)}`);
        await stream.drained();
      }
    })();
    // The server, the page and one poll that is under way have about as much as the mark each.
    expect((await settled(() => written)) * LENGTH).toBeLessThan(20 * MARK);
    await page.evaluate(() => window.more());
    await done;
    await page.waitForFunction((count) => window.read.length === count, total);
    expect(await page.evaluate(() => window.read)).toEqual(Array.from({ length: total }, (_, index) => index));
    expect(complaints).toEqual([]);
  });

  it.each([
    ['a WebSocket', { transformer: 'websockets' }],
    ['the polls of Engine.IO', { transformer: 'engine.io', websockets: false }],
  ])('has Web Streams, which a chain ends in and begins with, over %s', async (_what, options) => {
    const { page, heard, complaints } = await open(options);
    const total = 200;
    const echoes = await page.evaluate(async (count) => {
      const numbers = new ReadableStream<number>({
        start(controller) {
          for (let number = 0; number < count; number++) controller.enqueue(number);
          controller.close();
        },
      });
      const read: unknown[] = [];
      const reader = window.stream.readable.getReader();
      const reading = (async () => {
        while (read.length < count) read.push((await reader.read()).value);
      })();
      await numbers.pipeTo(window.stream.writable, { preventClose: true });
      await reading;
      return read;
    }, total);
    expect(heard).toEqual(Array.from({ length: total }, (_, index) => index));
    expect(echoes).toEqual(heard.map((echo) => ({ echo })));
    expect(complaints).toEqual([]);
  });
});
