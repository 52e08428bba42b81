import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder } from '../../scripts/processes.mjs';
import { Primus, type Spark } from '../../src/index.js';
import { launch, noChromium } from '../support/chromium.js';
import { until } from '../support/serve.js';
import { Installation } from './installed.js';

/** Nothing else here needs them: they are installed beside the package, as an application does. */
const packages = {
  Angular: ['@angular/core@22', '@angular/common@22', '@angular/compiler@22', '@angular/platform-browser@22'],
  Vue: ['vue@3'],
  Svelte: ['svelte@5'],
};

const app = new Installation();

describe.skipIf(noChromium)('the recipe for', () => {
  const http = createServer((request, response) => {
    response.setHeader('Content-Type', request.url?.endsWith('.js') ? 'text/javascript' : 'text/html');
    const name = /^\/(\w+)\.js$/.exec(request.url ?? '')?.[1];
    if (name) response.end(readFileSync(join(app.folder, 'out', `${name}.js`)));
    else response.end('<!doctype html><link rel="icon" href="data:,"><app-live></app-live><script type="module" src="/page.js"></script>');
  });
  const primus = new Primus(http, { pingInterval: false });
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    await app.install('frameworks');
    await app.add(...Object.values(packages).flat());
    mkdirSync(join(app.folder, 'out'));
    await build({
      absWorkingDir: app.folder,
      entryPoints: ['page.js', 'angular.js', 'vue.js', 'svelte.js'],
      outdir: 'out',
      bundle: true,
      splitting: false,
      format: 'esm',
      logLevel: 'warning',
      plugins: [svelte],
    });
    await once(http.listen(0), 'listening');
    url = `http://localhost:${(http.address() as AddressInfo).port}`;
    browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
    await new Promise<void>((resolve) => primus.destroy({}, resolve));
    removeFolder(app.folder);
  });

  const svelte: Plugin = {
    name: 'svelte',
    setup({ onLoad }) {
      const { compile } = createRequire(join(app.folder, 'page.js'))('svelte/compiler') as {
        compile(source: string, options: object): { js: { code: string } };
      };
      onLoad({ filter: /\.svelte$/ }, ({ path }) => ({ contents: compile(readFileSync(path, 'utf8'), { filename: path }).js.code }));
    },
  };

  it.each(['Angular', 'Vue', 'Svelte'])('%s shows the state and the messages of a client, and unsubscribes', async (name) => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await page.goto(url);
    await page.evaluate(`(async () => {
      const { mount${name} } = await import('/${name.toLowerCase()}.js');
      globalThis.client = new Primus(location.origin, { reconnect: { min: 10, max: 50 } });
      globalThis.unmount = mount${name}(client);
    })()`);
    const shows = (text: string) => page.waitForFunction((expected) => document.querySelector('p')?.textContent === expected, text);
    await shows('open, last nothing');
    primus.write('one');
    await shows('open, last one');
    const [spark] = Object.values(primus.connections) as [Spark];
    spark.connection.link?.destroy();
    await until(() => primus.connected === 1 && Object.values(primus.connections)[0] !== spark);
    primus.write('two');
    await shows('open, last two');
    const listeners = () => page.evaluate('client.listenerCount("data")');
    expect(await listeners()).toBeGreaterThan(0);
    await page.evaluate('unmount()');
    expect(await listeners()).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
    await until(() => primus.connected === 0);
  });
});
