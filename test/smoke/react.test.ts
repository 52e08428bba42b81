import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { createServer as createViteServer, type ViteDevServer } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder } from '../../scripts/processes.mjs';
import { Primus, type Spark } from '../../src/index.js';
import { launch, noChromium } from '../support/chromium.js';
import { until } from '../support/serve.js';
import { Installation } from './installed.js';

/** Nothing else here needs React: it is installed beside the package, as an application does. */
const react = ['react@19', 'react-dom@19', '@types/react@19'];

const app = new Installation();
const http = createServer();
const primus = new Primus(http, { pingInterval: false });
let url: string;
let connections = 0;

beforeAll(async () => {
  await app.install('react');
  await app.add(...react);
  primus.on('connection', () => connections++);
  await once(http.listen(0), 'listening');
  url = `http://localhost:${(http.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await new Promise<void>((resolve) => primus.destroy({}, resolve));
  removeFolder(app.folder);
});

const FIRST = '<p>idle, last nothing, all </p><i>none</i>';

/** Renders the application to a string, as a server does. */
async function rendered(format: 'esm' | 'cjs'): Promise<string> {
  const outfile = `ssr-${format}.${format === 'esm' ? 'mjs' : 'cjs'}`;
  await build({
    absWorkingDir: app.folder,
    entryPoints: ['ssr.mjs'],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format,
    logLevel: 'warning',
  });
  const { code, output } = await app.node(outfile, url);
  expect(code).toBe(0);
  return output;
}

describe('the hooks for React', () => {
  it.each(['esm', 'cjs'] as const)('render on a server what a page begins with, and connect to nothing: %s', async (format) => {
    const before = connections;
    expect(await rendered(format)).toBe(FIRST);
    expect(connections).toBe(before);
  });

  it('have types, with what must not compile', async () => {
    const compilerOptions = {
      target: 'ES2022',
      lib: ['ES2022', 'DOM'],
      module: 'esnext',
      moduleResolution: 'bundler',
      jsx: 'react-jsx',
      strict: true,
      noEmit: true,
      types: [],
      customConditions: ['browser'],
    };
    writeFileSync(join(app.folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.tsx'] }));
    expect(await app.tool('typescript/bin/tsc', '--project', app.folder)).toEqual({ code: 0, output: '' });
  });
});

describe.skipIf(noChromium)('the hooks for React in a page, in StrictMode', () => {
  let browser: Browser;
  let vite: ViteDevServer;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    browser = await launch();
    vite = await createViteServer({ root: app.folder, configFile: false, logLevel: 'error', server: { port: 0, hmr: false } });
    await vite.listen();
  });

  afterEach(async () => {
    await page.close();
    await until(() => primus.connected === 0);
  });

  afterAll(async () => {
    await vite?.close();
    await browser?.close();
  });

  async function open(): Promise<void> {
    page = await browser.newPage();
    complaints = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await page.goto(vite.resolvedUrls?.local[0] as string);
    await page.waitForFunction('globalThis.hydrate !== undefined');
  }

  const shows = (text: string) => page.waitForFunction((expected) => document.querySelector('p')?.textContent === expected, text);
  const run = (source: string) => page.evaluate(source);

  it('connect once, follow messages and reconnections, and disconnect when they are unmounted', async () => {
    await open();
    const before = connections;
    await run(`mount(${JSON.stringify(url)})`);
    await shows('open, last nothing, all ');
    expect(connections - before).toBe(1);
    primus.write('one');
    primus.write('two');
    await shows('open, last two, all one two');
    const [spark] = Object.values(primus.connections) as [Spark];
    spark.connection.link?.destroy();
    await until(() => connections - before === 2);
    await shows('open, last two, all one two');
    primus.write('three');
    await shows('open, last three, all one two three');
    await run('root.unmount()');
    await until(() => primus.connected === 0);
    expect(await run('client.state')).toMatchObject({ name: 'closed', by: 'destroy' });
    expect(connections - before).toBe(2);
    expect(complaints).toEqual([]);
  });

  it('replace the client when a dependency changes', async () => {
    await open();
    await run(`mount(${JSON.stringify(`${url}?room=a`)})`);
    await shows('open, last nothing, all ');
    primus.write('one');
    await shows('open, last one, all one');
    await run(`globalThis.first = client; root.unmount(); mount(${JSON.stringify(`${url}?room=b`)})`);
    await shows('open, last nothing, all ');
    expect(await run('[first === client, first.state.name]')).toEqual([false, 'closed']);
    expect(complaints).toEqual([]);
  });

  it('take over what a server has rendered, without a difference', async () => {
    const html = await rendered('esm');
    await open();
    await run(`hydrate(${JSON.stringify(html)}, ${JSON.stringify(url)})`);
    await shows('open, last nothing, all ');
    expect(complaints).toEqual([]);
  });

  it('render once for the values of one turn, and not for a value that stays the same', async () => {
    await open();
    await run(`mount(${JSON.stringify(url)})`);
    await shows('open, last nothing, all ');
    const value = (text: string) => page.waitForFunction((expected) => document.querySelector('i')?.textContent === expected, text);
    await run('renders = 0; for (let i = 0; i < 100; i++) values$.next(i)');
    await value('99');
    // StrictMode renders each time twice.
    expect(await run('renders')).toBe(2);
    await run('values$.next(99)');
    await run('values$.next(100)');
    await value('100');
    expect(await run('renders')).toBe(4);
  });

  it('throw the error of an Observable to the error boundary', async () => {
    await open();
    await run(`mount(${JSON.stringify(url)})`);
    await shows('open, last nothing, all ');
    await run("values$.error(new Error('broken'))");
    await page.waitForFunction(() => document.querySelector('b')?.textContent === 'broken');
    expect(await page.evaluate(() => document.querySelector('p')?.textContent)).toBe('open, last nothing, all ');
  });
});
