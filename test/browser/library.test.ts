import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../src/index.js';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup, type Served, serve, until } from '../support/serve.js';

/** The globals of a page that uses only what the documents show. */
type Scope = Record<string, unknown> & { loaded?: unknown };

describe.skipIf(noChromium)('the served library in a page', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  /** Opens a page of the server with this in its head, and records its errors. */
  async function visit({ server, url }: Served, head: string, headers: Record<string, string> = {}) {
    server.on('request', (_request, response) => {
      if (response.writableEnded) return;
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end(`<!doctype html><title>Test</title><link rel="icon" href="data:,">${head}`);
    });
    const page = await browser.newPage();
    cleanup(() => page.close());
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await page.goto(url);
    return { page, complaints };
  }

  async function start(options: ServerOptions = {}): Promise<Served> {
    const served = await serve(options);
    served.primus.on('connection', (spark) => spark.on('data', (data) => spark.write({ echo: data })));
    return served;
  }

  /** The echo that a client of the class called `name` receives, at the address of the page. */
  function echo(page: Page, name: string): Promise<unknown> {
    return page.evaluate(
      (member) =>
        new Promise((resolve) => {
          const Client = (globalThis as Scope)[member] as new () => {
            write(data: unknown): void;
            on(name: string, listener: unknown): void;
          };
          const client = new Client();
          client.on('data', resolve);
          client.write('hello');
        }),
      name,
    );
  }

  const hello = { echo: 'hello' };

  it('is a global when loaded by a plain script', async () => {
    const { page, complaints } = await visit(await start(), '<script src="/primus/primus.js"></script>');
    expect(await echo(page, 'Primus')).toEqual(hello);
    expect(complaints).toEqual([]);
  });

  it.each([
    ['websockets', true],
    ['websockets', false],
    ['engine.io', true],
    ['sockjs', true],
    ['socket.io', true],
    ['faye', true],
    ['browserchannel', true],
  ])('connects when it arrives compressed: %s, minified: %s', async (transformer, minify) => {
    const client = Function('client', "client.on('data', function (data) { data.plugged = true; });") as never;
    const served = await start({ transformer, minify, parser: 'msgpack', plugin: { mark: { client } } });
    const { page, complaints } = await visit(served, '');
    const loaded = page.waitForResponse(/primus\.js/);
    await page.addScriptTag({ url: '/primus/primus.js' });
    const headers = await (await loaded).allHeaders();
    expect(headers['content-encoding']).toBe('br');
    expect(Number(headers['content-length'])).toBeLessThan(served.primus.library().length / 2);
    expect(await echo(page, 'Primus')).toEqual({ ...hello, plugged: true });
    expect(complaints).toEqual([]);
  });

  it.each([true, false])('waits for its connection, and ends with what was written, minified: %s', async (minify) => {
    const served = await start({ minify });
    const received: unknown[] = [];
    served.primus.on('connection', (spark) => spark.on('data', (data) => received.push(data)));
    const { page, complaints } = await visit(served, '<script src="/primus/primus.js"></script>');
    const outcomes = await page.evaluate(async () => {
      interface Client {
        readyState: number;
        write(data: unknown): boolean;
        ready(options?: { signal: AbortSignal }): Promise<void>;
        [Symbol.asyncDispose](): Promise<void>;
      }
      const { Primus } = globalThis as unknown as { Primus: new (options?: object) => Client };
      const client = new Primus();
      await client.ready();
      const open = client.readyState;
      const idle = new Primus({ manual: true });
      const { code } = await idle.ready({ signal: AbortSignal.abort() }).then(
        () => ({ code: 'none' }),
        (error) => error,
      );
      client.write('last');
      await client[Symbol.asyncDispose]();
      return [open, code, client.readyState];
    });
    expect(outcomes).toEqual([3, 'ERR_PRIMUS_ABORTED', 2]);
    await until(() => received.length === 1);
    expect(received).toEqual(['last']);
    expect(complaints).toEqual([]);
  });

  it('is loaded again from the cache for as long as it stays the same', async () => {
    const served = await start();
    const script = '<script src="/primus/primus.js"></script>';
    const { page, complaints } = await visit(served, script);
    const statuses: number[] = [];
    const reload = async () => {
      const network = await page.context().newCDPSession(page);
      await network.send('Network.enable');
      network.on('Network.responseReceivedExtraInfo', ({ statusCode }) => statuses.push(statusCode));
      await page.goto(served.url);
      await network.detach();
    };
    await reload();
    expect(await echo(page, 'Primus')).toEqual(hello);
    served.primus.plugin('one', { client() {} });
    await reload();
    expect(await echo(page, 'Primus')).toEqual(hello);
    // The page itself, then its script.
    expect(statuses).toEqual([200, 304, 200, 200]);
    expect(complaints).toEqual([]);
  });

  it('adds no other global', async () => {
    const names = () => page.evaluate(() => Object.getOwnPropertyNames(globalThis));
    const served = await start();
    const { page } = await visit(served, '');
    const before = await names();
    await page.addScriptTag({ url: '/primus/primus.js' });
    expect((await names()).filter((name) => !before.includes(name))).toEqual(['Primus']);
  });

  it('is a global with the name that the server sets', async () => {
    const { page, complaints } = await visit(await start({ global: 'Live' }), '<script src="/primus/primus.js"></script>');
    expect(await echo(page, 'Live')).toEqual(hello);
    expect(await page.evaluate(() => 'Primus' in globalThis)).toBe(false);
    expect(complaints).toEqual([]);
  });

  it('works beside the library of another server', async () => {
    const one = await start({ global: 'One' });
    const two = await start({ global: 'Two', pathname: '/two', transformer: 'engine.io' });
    const { page, complaints } = await visit(
      one,
      `<script src="/primus/primus.js"></script><script src="${two.url}/two/primus.js"></script>`,
    );
    expect(await echo(page, 'One')).toEqual(hello);
    const answer = page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const { Two } = globalThis as unknown as Record<
            'Two',
            new (
              url: string,
            ) => { write(data: unknown): void; on(name: string, listener: unknown): void }
          >;
          const client = new Two(url);
          client.on('data', resolve);
          client.write('hello');
        }),
      two.url,
    );
    expect(await answer).toEqual(hello);
    expect(complaints).toEqual([]);
  });

  it.each(['', 'engine.io', 'sockjs'])('is an anonymous AMD module under an AMD loader, and a global: %s', async (transformer) => {
    // As a loader does: a definition belongs to the running script.
    const loader = `<script>
      var modules = {};
      function define(factory) { modules[document.currentScript.getAttribute('src')] = factory; }
      define.amd = {};
    </script>`;
    const served = await start(transformer ? { transformer } : {});
    const { page, complaints } = await visit(served, `${loader}<script src="/primus/primus.js"></script>`);
    const before = await page.evaluate(() => {
      const { modules } = globalThis as unknown as { modules: Record<string, () => unknown> };
      const scope = globalThis as Scope;
      const found = { modules: Object.keys(modules), global: 'Primus' in scope };
      scope.loaded = modules['/primus/primus.js']?.();
      return found;
    });
    expect(before).toEqual({ modules: ['/primus/primus.js'], global: true });
    expect(await echo(page, 'loaded')).toEqual(hello);
    expect(complaints).toEqual([]);
  });

  it('is a global when `define` is not that of an AMD loader', async () => {
    const head = '<script>function define() { throw new Error("not mine"); }</script><script src="/primus/primus.js"></script>';
    const { page, complaints } = await visit(await start(), head);
    expect(await echo(page, 'Primus')).toEqual(hello);
    expect(complaints).toEqual([]);
  });

  it('loads as a module, deferred and asynchronously as well', async () => {
    for (const kind of ['type="module"', 'defer', 'async']) {
      const { page, complaints } = await visit(await start(), `<script ${kind} src="/primus/primus.js"></script>`);
      expect(await echo(page, 'Primus')).toEqual(hello);
      expect(complaints).toEqual([]);
    }
  });

  it.each(['websockets', 'engine.io', 'sockjs', 'socket.io', 'faye', 'browserchannel'])(
    "needs only 'self' scripts in a content security policy: %s",
    async (transformer) => {
      const policy = { 'Content-Security-Policy': "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:" };
      const served = await start({ transformer, parser: 'msgpack', plugin: { none: { client() {} } } });
      const { page, complaints } = await visit(served, '<script src="/primus/primus.js"></script>', policy);
      expect(await echo(page, 'Primus')).toEqual(hello);
      expect(complaints).toEqual([]);
    },
  );
});
