import { expect, it } from 'vitest';
import { launch, noChromium } from '../support/chromium.js';
import { possible, serveHttp2 } from '../support/http2.js';
import { cleanup, until } from '../support/serve.js';

it.skipIf(noChromium || !possible).each(['websockets', 'engine.io', 'socket.io', 'sockjs', 'browserchannel'])(
  'serves a page over HTTP/2 that connects, by %s',
  async (transformer) => {
    const { primus, url } = await serveHttp2({ transformer });
    primus.server.on('request', (_request, response) =>
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<title>page</title>'),
    );
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write({ echo: data, token: spark.query.token })));
    const browser = await launch();
    cleanup(() => browser.close());
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    await page.goto(url);
    await page.addScriptTag({ url: '/primus/primus.js' });
    const echo = await page.evaluate(
      `new Promise((resolve) => { const primus = new Primus({ credentials: async () => ({ token: 'x' }) }); primus.on('data', resolve); primus.write('hello'); })`,
    );
    expect(echo).toEqual({ echo: 'hello', token: 'x' });
    expect(await page.evaluate(`performance.getEntriesByType('navigation')[0].nextHopProtocol`)).toBe('h2');
    await until(() => primus.connected === 1);
  },
);
