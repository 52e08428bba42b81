import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Frame, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../src/index.js';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup, serve } from '../support/serve.js';

/** Whether the page's client opened, and whether each spark had the page's cookie. */
interface Outcome {
  open: boolean;
  cookies: boolean[];
}

const OPEN: Outcome = { open: true, cookies: [true] };
const ANONYMOUS: Outcome = { open: true, cookies: [false] };
const REFUSED: Outcome = { open: false, cookies: [] };

/** Another site: a page with a sandboxed frame, which has no origin. */
async function site(): Promise<string> {
  const http = createServer((request, response) => {
    const frame = request.url === '/' ? '<iframe sandbox="allow-scripts" src="/frame"></iframe>' : '';
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><title>Site</title><link rel="icon" href="data:,">${frame}`);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  cleanup(() => http.close());
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

type ClientClass = new (url: string, options: object) => { on(name: string, listener: () => void): void };

describe.skipIf(noChromium)('a page of another origin', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  let here: string;

  beforeEach(async () => {
    here = await site();
  });

  async function visit(): Promise<Page> {
    const context = await browser.newContext();
    cleanup(() => context.close());
    const page = await context.newPage();
    await page.goto(here);
    return page;
  }

  /** Connects from that page, or from its frame, and returns the outcome. */
  async function connect(options: ServerOptions, clientOptions: object = {}, { sandbox = false } = {}): Promise<Outcome> {
    const { primus, url } = await serve(options);
    const cookies: boolean[] = [];
    primus.on('connection', ({ headers }) => void cookies.push(headers.cookie === 'who=me'));
    const page = await visit();
    await page.context().addCookies([{ name: 'who', value: 'me', url }]);
    const frame = page.frames()[sandbox ? 1 : 0] as Frame;
    await frame.addScriptTag({ content: primus.library() });
    const open = await frame.evaluate(
      ([address, given]) =>
        new Promise<boolean>((resolve) => {
          const { Primus } = globalThis as unknown as { Primus: ClientClass };
          const client = new Primus(address, { strategy: false, ...given });
          client.on('open', () => resolve(true));
          client.on('end', () => resolve(false));
        }),
      [url, clientOptions] as const,
    );
    return { open, cookies };
  }

  const polling = { transport: { transports: ['polling'], withCredentials: true } };

  const ways: [string, ServerOptions, object][] = [
    ['websockets', { transformer: 'websockets' }, {}],
    ['engine.io polling', { transformer: 'engine.io' }, polling],
  ];

  describe.each(ways)('over %s', (_way, transformer, client) => {
    it.each<[string, () => ServerOptions, Outcome]>([
      ['connects with credentials where it is named', () => ({ origins: here }), OPEN],
      ['connects with credentials when it is one of `origins`', () => ({ origins: ['https://a.example', here] }), OPEN],
      ['connects with credentials where those of any origin are wanted', () => ({ credentials: 'any-origin' }), OPEN],
      ['is rejected when `origins` has another one', () => ({ origins: 'http://a.example' }), REFUSED],
      ['is rejected when `origins` has its host with another port', () => ({ origins: 'http://127.0.0.1:1' }), REFUSED],
      ['is refused where its host is named with another scheme', () => ({ origins: here.replace('http:', 'https:') }), REFUSED],
    ])('%s', async (_what, options, outcome) => {
      expect(await connect({ ...transformer, ...options() }, client)).toEqual(outcome);
    });

    it('connects by default, with credentials where the browser says that it is of the same site', async () => {
      // Chromium says so of requests, and not of WebSockets.
      expect(await connect(transformer, client)).toEqual('transport' in client ? OPEN : ANONYMOUS);
    });

    it('without an origin (a sandboxed frame) connects without credentials by default', async () => {
      // A browser does not show such a page the answer to a request with credentials.
      const without = 'transport' in client ? { transport: { transports: ['polling'] } } : {};
      expect(await connect(transformer, without, { sandbox: true })).toEqual(ANONYMOUS);
    });

    it('without an origin is rejected when `origins` is set', async () => {
      expect(await connect({ ...transformer, origins: here }, client, { sandbox: true })).toEqual(REFUSED);
    });
  });

  it.each<[string, string, object]>([
    ['sockjs', 'xhr-streaming', { transport: { transports: 'xhr-streaming' } }],
    ['sockjs', 'xhr-polling', { transport: { transports: 'xhr-polling' } }],
    ['sockjs', 'WebSocket', { transport: { transports: 'websocket' } }],
    ['socket.io', 'polling', polling],
    ['faye', 'WebSocket', {}],
    ['browserchannel', 'requests', {}],
  ])('connects with credentials where it is named, over %s by %s', async (transformer, _way, client) => {
    expect(await connect({ transformer, origins: here }, client)).toEqual(OPEN);
  });

  it('that polls with credentials is blocked by the browser when `credentials` is false, and connects without', async () => {
    const options = { transformer: 'engine.io', credentials: false };
    expect(await connect(options, polling)).toEqual({ open: false, cookies: [false] });
    expect(await connect(options, { transport: { transports: ['polling'] } })).toEqual(ANONYMOUS);
  });

  describe('with what SockJS serves for pages that cannot use XMLHttpRequest', () => {
    /** Opens a frame in the page. Returns whether it shows what the server has answered, and the script of that. */
    async function framed(options: ServerOptions, path: string): Promise<{ shown: boolean; script?: string | undefined }> {
      const { url } = await serve({ ...options, transformer: 'sockjs' });
      const page = await visit();
      const loaded = page.waitForEvent('framenavigated');
      await page.evaluate((address) => {
        const frame = document.createElement('iframe');
        frame.src = address;
        document.body.append(frame);
      }, `${url}/primus/${path}`);
      await loaded;
      const frame = page.frames().at(-1) as Frame;
      if (!frame.url().startsWith(url)) return { shown: false };
      return { shown: true, script: await frame.evaluate(() => document.scripts[0]?.src) };
    }

    const evil = { origins: 'http://a.example' };

    it('frames its page where it is named, whose script comes from the server', async () => {
      const { shown, script } = await framed({ origins: here }, 'iframe.html');
      expect(shown).toBe(true);
      expect(script).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/primus\/sockjs\.min\.js$/);
      expect(await (await fetch(script as string)).text()).toContain('iframe');
    });

    it.each([
      ['where another origin is named', evil],
      ['by default', {}],
    ])('does not frame its pages %s', async (_name, options) => {
      for (const path of ['iframe.html', '1/2/htmlfile?c=callback']) expect(await framed(options, path)).toEqual({ shown: false });
    });

    it('does not load its scripts where another origin is named', async () => {
      const { url } = await serve({ ...evil, transformer: 'sockjs' });
      const page = await visit();
      const loads = (path: string) =>
        page.evaluate(
          (src) =>
            new Promise((resolve) => {
              const script = Object.assign(document.createElement('script'), { src });
              script.onload = () => resolve(true);
              script.onerror = () => resolve(false);
              document.body.append(script);
            }),
          `${url}/primus/${path}`,
        );
      expect(await loads('1/2/jsonp?c=callback')).toBe(false);
      expect(await loads('primus.js')).toBe(true);
    });
  });

  it('may use the methods and headers, and read the headers, of the options', async () => {
    const options: ServerOptions = { origins: here, methods: 'GET', headers: 'X-Good', exposed: 'X-Shown', maxAge: '1 minute' };
    const { primus, url } = await serve(options);
    primus.use(
      'shown',
      (_request: unknown, response: { setHeader?(name: string, value: string): void }) => {
        response.setHeader?.('X-Shown', 'yes');
        response.setHeader?.('X-Hidden', 'yes');
      },
      undefined,
      0,
    );
    const page = await visit();
    const ask = (init: RequestInit) =>
      page.evaluate(
        async ([address, given]) => {
          const answer = await fetch(`${address}/primus/spec`, given as RequestInit).catch(() => null);
          return answer && { status: answer.status, shown: answer.headers.get('X-Shown'), hidden: answer.headers.get('X-Hidden') };
        },
        [url, init] as const,
      );
    const read = { status: 200, shown: 'yes', hidden: null };
    expect(await ask({})).toEqual(read);
    expect(await ask({ credentials: 'include' })).toEqual(read);
    expect(await ask({ headers: { 'X-Good': '1' } })).toEqual(read);
    expect(await ask({ headers: { 'X-Bad': '1' } })).toBeNull();
    expect(await ask({ method: 'DELETE' })).toBeNull();
  });
});
