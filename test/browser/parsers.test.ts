import { createServer, type RequestListener } from 'node:http';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Primus, type Spark } from '../../src/index.js';
import { ejson } from '../../src/parsers/ejson.js';
import { Original } from '../interop/original.js';
import { same } from '../parsers/domains.js';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup, event, serve, until } from '../support/serve.js';

interface Client {
  on(event: string, listener: (value: unknown) => void): void;
  write(data: unknown): boolean;
  id(callback: (id: string) => void): void;
}

declare const window: { Primus: new () => Client; client: Client; received: unknown[]; errors: string[] };

/** Values that only some parsers carry. */
const kinds = {
  json: [],
  ejson: [new Date(5), Buffer.from([1, 2, 255]), Number.NaN, /a/g],
  msgpack: [new Date(5), Buffer.from([1, 2, 255]), new Float64Array([1.5]), Number.NaN, /a/g, new RangeError('far')],
  binary: [Buffer.from([1, 2, 255]), Number.NaN, 2 ** 40],
  jsonh: [
    [
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
    ],
    [1, 'a', 'A'],
  ],
};

const plain = [0, '', false, null, 'é ü 漢 🎉 \u2028 \0', { a: [null, -1, 70_000, 1.5] }, 'x'.repeat(100_000)];

describe.skipIf(noChromium)('a parser in a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  /** Opens a page with that script, which echoes every message. */
  async function visit(url: string): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage();
    cleanup(() => page.close());
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${url}/`);
    await page.evaluate(() => {
      const client = new window.Primus();
      Object.assign(window, { client, received: [], errors: [] });
      client.on('error', (error) => window.errors.push(String(error)));
      client.on('data', (data) => {
        window.received.push(data);
        client.write(data);
      });
    });
    return { page, complaints };
  }

  function show(body: string, script = ''): RequestListener {
    return ({ url }, response) => {
      const asked = url === '/page.js';
      response.setHeader('Content-Type', asked ? 'text/javascript' : 'text/html; charset=utf-8');
      response.end(asked ? script : `<!doctype html><link rel="icon" href="data:,">${body}`);
    };
  }

  it.each(Object.entries(kinds))('%s works in the library that the server creates', async (parser, special) => {
    const { primus, server, url } = await serve({ parser, pingInterval: 3_000 });
    server.on('request', show('<script src="/primus/primus.js"></script>'));
    const announced = event(primus, 'connection');
    const { page, complaints } = await visit(url);
    const [spark] = (await announced) as [Spark];
    const echoes: unknown[] = [];
    spark.on('data', (data) => echoes.push(data));
    const values = [...plain, ...special];
    for (const value of values) spark.write(value);
    await until(() => echoes.length === values.length);
    expect(same(values, echoes)).toBe(true);
    const names = await page.evaluate(() => window.received.map((value) => Object.prototype.toString.call(value)));
    expect(names).toEqual(values.map((value) => Object.prototype.toString.call(value)));
    expect(await page.evaluate(() => new Promise((resolve) => window.client.id(resolve)))).toBe(spark.id);
    await event(spark, 'heartbeat');
    expect([await page.evaluate(() => window.errors), complaints]).toEqual([[], []]);
  });

  it.each([
    ['json', plain],
    ['ejson', [...plain, ...kinds.ejson]],
    ['msgpack', [...plain, new Date(5), Buffer.from([1, 2, 255]), /a/g]],
    // The original's page splits characters beyond the first 65,536.
    ['binary', [0, false, null, 'é ü 漢', { a: [null, -1, 70_000, 1.5] }]],
  ])('a page of 8.0.9 talks %s to our server', async (parser, values) => {
    const { primus, server, url } = await serve({ parser });
    server.on(
      'request',
      show('<script src="/page.js"></script>', new Original(createServer(), { parser, transformer: 'websockets' }).library()),
    );
    const announced = event(primus, 'connection');
    await visit(url);
    const [spark] = (await announced) as [Spark];
    const echoes: unknown[] = [];
    spark.on('data', (data) => echoes.push(data));
    for (const value of values) spark.write(value);
    await until(() => echoes.length === values.length);
    expect(same(values, echoes)).toBe(true);
  });

  it('drops a frame that it cannot read, reports it, and goes on', async () => {
    const { primus, server, url } = await serve({ parser: 'msgpack' });
    server.on('request', show('<script src="/primus/primus.js"></script>'));
    const announced = event(primus, 'connection');
    const { page } = await visit(url);
    const [spark] = (await announced) as [Spark];
    spark.connection.link?.send(Buffer.from('ddffffffff', 'hex'));
    spark.connection.link?.send('a string');
    const echo = event(spark, 'data');
    spark.write('next');
    expect((await echo)[0]).toBe('next');
    expect(await page.evaluate(() => window.errors)).toHaveLength(2);
  });

  it('works in a page that bundles it', async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: `
          import { configure, Primus } from 'primus-rx/client';
          import { msgpack } from 'primus-rx/parsers/msgpack';
          globalThis.Primus = configure({ ...Primus.parts, parser: msgpack });
        `,
        resolveDir: import.meta.dirname,
      },
      bundle: true,
      platform: 'browser',
      write: false,
    });
    const script = outputFiles[0]?.text ?? '';
    // Other parsers are not in the bundle.
    expect(script).not.toMatch(/BinaryPack|EJSON|jsonh/);
    const { primus, server, url } = await serve({ parser: 'msgpack' });
    server.on('request', show('<script src="/page.js"></script>', script));
    const announced = event(primus, 'connection');
    await visit(url);
    const [spark] = (await announced) as [Spark];
    const echo = event(spark, 'data');
    spark.write({ at: new Date(5), bytes: Buffer.from('ab') });
    expect(same({ at: new Date(5), bytes: Buffer.from('ab') }, (await echo)[0])).toBe(true);
  });
});

describe('a served library', () => {
  it('has the requested parser and no other', () => {
    const sizes = Object.keys(kinds).map((parser) => {
      const primus = new Primus(createServer(), { parser });
      cleanup(() => primus.destroy());
      const source = primus.library();
      expect(source.match(/var PrimusParser\b/g) ?? []).toHaveLength(parser === 'json' ? 0 : 1);
      return source.length;
    });
    const byObject = new Primus(createServer(), { parser: ejson });
    cleanup(() => byObject.destroy());
    expect(sizes).toContain(byObject.library().length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(40_000);
  });
});
