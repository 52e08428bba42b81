import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, noChromium } from '../support/chromium.js';
import { cleanup, serve } from '../support/serve.js';

// biome-ignore lint/suspicious/noExplicitAny: the globals of a page.
type Any = any;

describe.skipIf(noChromium)('a client in a page', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  /** A server at `/app/live`, and a page of the same host at another path. */
  async function visit(options: object = {}) {
    const { server, primus, url } = await serve({ pathname: '/app/live', ...options });
    server.on('request', (_request, response) => {
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end('<!doctype html><link rel="icon" href="data:,"><script src="/app/live/primus.js"></script>');
    });
    const page = await browser.newPage();
    cleanup(() => page.close());
    await page.goto(`${url}/chat/room?id=1#top`);
    return { page, primus, url };
  }

  it.each([
    ['its own address', 'location.href'],
    ['its own address after it has changed', "(history.pushState(null, '', '/other'), location.href)"],
    ['its origin', 'location.origin'],
    ['nothing', 'undefined'],
    ['a path', "'/app/live'"],
    ['the path in an address', "location.origin + '/app/live/?a=b'"],
    ['a query', "'?a=b'"],
    ['a host', "'//' + location.host"],
  ])('connects to the server when it is given %s', async (_what, address) => {
    const { page, primus } = await visit();
    const opened = await page.evaluate(
      (source) =>
        new Promise((resolve) => {
          const scope = globalThis as Any;
          const client = new scope.Primus(scope.eval(source), { strategy: false });
          client.on('open', () => resolve(client.pathname));
          client.on('error', resolve);
        }),
      address,
    );
    expect(opened).toBe('/app/live');
    expect(primus.connected).toBe(1);
  });

  it('needs an address in a sandboxed frame, whose origin is opaque', async () => {
    const { page, primus, url } = await visit();
    const answers = await page.evaluate(
      (address) =>
        new Promise((resolve) => {
          const frame = document.createElement('iframe');
          frame.setAttribute('sandbox', 'allow-scripts');
          // The frame shares nothing with this page: it reports by messages.
          frame.srcdoc = `<script src="${address}/app/live/primus.js"></script><script>
            var codes = [undefined, location.origin, '/app/live'].map(function (given) {
              try { new Primus(given); return 'no error'; } catch (error) { return error.code; }
            });
            var client = new Primus('${address}');
            client.on('open', function () { parent.postMessage([location.origin].concat(codes), '*'); });
            client.on('error', function (error) { parent.postMessage(error.message, '*'); });
          </script>`;
          addEventListener('message', ({ data }) => resolve(data));
          document.body.append(frame);
        }),
      url,
    );
    expect(answers).toEqual(['null', 'ERR_PRIMUS_URL', 'ERR_PRIMUS_URL', 'ERR_PRIMUS_URL']);
    expect(primus.connected).toBe(1);
  });

  it('gets an error that names the limit when it sends more than the server accepts', async () => {
    const { page } = await visit({ maxLength: 1_000 });
    const message = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const client = new (globalThis as Any).Primus(undefined, { strategy: false });
          client.on('error', (error: Error) => resolve(error.message));
          client.write('x'.repeat(5_000));
        }),
    );
    expect(message).toBe('The connection dropped (1009 A message exceeds maxLength (1000))');
  });
});
