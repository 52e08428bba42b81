import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe } from 'vitest';
import { launch, noChromium } from '../../support/chromium.js';
import { testFolder } from '../../support/folder.js';
import type { Any, Stage } from '../defects/stage.js';
import { compare, type Scenario } from './compare.js';

/** The loader of require.js. */
const requireJs = readFileSync(createRequire(import.meta.url).resolve('requirejs/require.js'), 'utf8');

/** Sends a message with a client of this class, and passes its echo on: in pages, frames and workers. */
const ECHO = `function echo(Client, address, done) {
  var client = new Client(address);
  client.on('error', function (error) { done('error'); });
  client.on('data', function (data) { client.end(); done(data); });
  client.write('hello');
}`;

const library = '<script src="/primus/primus.js"></script>';
const loader = '<script src="/require.js"></script>';

/** Reports in the page what a class receives, with the type of the global. */
const report = (Client: string) => `echo(${Client}, location.origin, function (data) { seen = [data, typeof Primus]; });`;

interface Site {
  /** The HTML of the page, behind the script that defines `echo`. */
  readonly body: string;
  /** Other files: paths, and their contents. */
  readonly files?: Record<string, string>;
  readonly headers?: Record<string, string>;
  readonly transformer?: string;
}

describe.skipIf(noChromium)('8.0.9 in Chromium', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  /** Serves a page that echoes, and returns its address. */
  async function serve(stage: Stage, { body, files = {}, headers = {}, transformer = 'websockets' }: Site) {
    const { primus, http, url } = await stage.serve({ transformer });
    primus.on('connection', (spark: Any) => spark.on('data', (data: unknown) => spark.write({ echo: data })));
    const all: Record<string, string> = { '/require.js': requireJs, '/echo.js': ECHO, ...files };
    http.on('request', (request, response) => {
      const path = request.url ?? '';
      if (response.writableEnded || path.startsWith('/primus')) return;
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      response.setHeader('Content-Type', path.endsWith('.js') ? 'text/javascript' : 'text/html');
      response.end(all[path] ?? `<!doctype html><link rel="icon" href="data:,"><script src="/echo.js"></script>${body}`);
    });
    return { primus, url };
  }

  /** Opens a page. Returns what it reports in its global `seen`, and its uncaught errors. */
  async function visit(stage: Stage, address: string): Promise<unknown> {
    const page: Page = await browser.newPage();
    stage.cleanup(() => page.close());
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => complaints.push(message.split('\n')[0] as string));
    await page.goto(address);
    const seen: Any = await (await page.waitForFunction(() => (globalThis as Any).seen)).jsonValue();
    if (seen[0] === 'error') throw new Error('The client cannot connect');
    return { seen, complaints };
  }

  const open = async (stage: Stage, site: Site) => visit(stage, (await serve(stage, site)).url);

  const script = (source: string) => `<script>${source}</script>`;

  const everywhere = (name: string, body: string): Scenario[] =>
    ['websockets', 'engine.io', 'sockjs'].map((transformer) => ({
      name: `${transformer}: ${name}`,
      run: (stage) => open(stage, { body, transformer }),
    }));

  compare('with require.js', [
    // The loader takes the definition of a script that it has not asked for as a mistake, and goes on.
    ...everywhere(
      'a plain script behind the loader',
      `${loader}${script(`requirejs.onError = function (error) {
        echo(Primus, location.origin, function (data) { seen = [data, error.requireType]; });
      };`)}${library}${script('require([]);')}`,
    ),
    ...everywhere('a module by its address', loader + script(`require(['/primus/primus.js'], function (Client) { ${report('Client')} });`)),
    {
      name: 'a plain script before the loader',
      run: (stage) => open(stage, { body: library + loader + script(report('Primus')) }),
    },
    {
      name: 'a module by a name of the configuration, twice',
      run: (stage) =>
        open(stage, {
          body: `${loader}${script(`require.config({ paths: { primus: '/primus/primus' } });
            require(['primus'], function (One) { require(['primus'], function (Two) { ${report('One === Two && Two')} }); });`)}`,
        }),
    },
    {
      name: 'a module whose global is named in a shim',
      run: (stage) =>
        open(stage, {
          body: `${loader}${script(`require.config({ paths: { primus: '/primus/primus' }, shim: { primus: { exports: 'Primus' } } });
            require(['primus'], function (Client) { ${report('Client')} });`)}`,
        }),
    },
    {
      name: 'a dependency of a module, from data-main',
      run: (stage) =>
        open(stage, {
          body: '<script src="/require.js" data-main="/main.js"></script>',
          files: { '/main.js': `define(['/primus/primus.js'], function (Client) { ${report('Client')} });` },
        }),
    },
  ]);

  const worker = (transformer: string, type: string): Scenario => ({
    name: `${transformer}, as ${type}`,
    run: (stage) =>
      open(stage, {
        transformer,
        body: script(`var ${type} = new ${type === 'worker' ? 'Worker' : 'SharedWorker'}('/worker.js'), port = ${type}.port || ${type};
          port.onmessage = function (event) { seen = event.data; };
          ${type}.onerror = function (event) { seen = [event.message]; };`),
        files: {
          '/worker.js': `importScripts('/echo.js', '/primus/primus.js');
            function run(port) { echo(Primus, location.origin, function (data) { port.postMessage([data, typeof self.Primus]); }); }
            if (self.postMessage) run(self); else onconnect = function (event) { run(event.ports[0]); };`,
        },
      }),
  });

  const echoed = { seen: [{ echo: 'hello' }, 'function'], complaints: [] };
  const none = 'window is not defined';

  compare('with importScripts', [
    ...['websockets', 'engine.io', 'sockjs'].map((transformer) => worker(transformer, 'worker')),
    worker('websockets', 'shared'),
    {
      ...worker('browserchannel', 'worker'),
      differs: {
        ours: echoed,
        original: { seen: [`Uncaught ReferenceError: ${none}`], complaints: [none] },
        row: 'a worker whose library is that of browserchannel',
      },
    },
  ]);

  const strict = { 'Content-Security-Policy': "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:" };

  compare(
    'with a strict content security policy',
    ['websockets', 'engine.io', 'sockjs'].map((transformer) => ({
      name: transformer,
      run: (stage) =>
        open(stage, {
          body: `${library}<script src="/page.js"></script>`,
          files: { '/page.js': report('Primus') },
          headers: strict,
          transformer,
        }),
    })),
  );

  const frame = (transformer: string, attributes: string): Scenario => ({
    name: `${transformer} ${attributes}`,
    run: async (stage) => {
      const { url } = await serve(stage, { body: '', transformer });
      const inner = `<script src="${url}/echo.js"></script><script src="${url}/primus/primus.js"></script>
        <script>echo(Primus, "${url}", function (data) { parent.postMessage([data, typeof Primus], "*"); });</script>`;
      const site = await serve(stage, {
        body: `${script('onmessage = function (event) { seen = event.data; };')}<iframe ${attributes} src="/inner.html"></iframe>`,
        files: { '/inner.html': inner },
      });
      return visit(stage, site.url);
    },
  });

  compare('in a frame', [
    frame('websockets', ''),
    ...['websockets', 'engine.io'].map((transformer) => frame(transformer, 'sandbox="allow-scripts"')),
  ]);

  const file = (transformer: string): Scenario => ({
    name: transformer,
    run: async (stage) => {
      const { primus, url } = await serve(stage, { body: '', transformer });
      const folder = testFolder('file');
      primus.save(join(folder, 'primus.js'));
      writeFileSync(join(folder, 'echo.js'), ECHO);
      const path = join(folder, 'index.html');
      writeFileSync(
        path,
        `<!doctype html><script src="echo.js"></script><script src="primus.js"></script>
        ${script(`echo(Primus, "${url}", function (data) { seen = [data, typeof Primus]; });`)}`,
      );
      return visit(stage, pathToFileURL(path).href);
    },
  });

  compare('in a page that is a file', ['websockets', 'engine.io'].map(file));
});
