import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Browser, Page } from 'playwright-core';
import { createServer as createViteServer, type ViteDevServer } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { kill, removeFolder, start } from '../../scripts/processes.mjs';
import { printedAddress } from '../support/address.js';
import { launch, noChromium } from '../support/chromium.js';
import { Installation } from './installed.js';

/** Nothing in this repository needs React. */
const react = ['react@19', 'react-dom@19', '@types/react@19', '@types/react-dom@19'];

const folders: string[] = [];
const servers: ChildProcess[] = [];

/** Installs an example as a new user has it: in an empty folder of its own, with the packed tarball and the packages that it names. */
async function install(example: string, optional: Parameters<Installation['install']>[1] = [], others: readonly string[] = []) {
  const app = new Installation();
  folders.push(app.folder);
  await app.install(`../../examples/${example}`, optional);
  if (others.length > 0) await app.add(...others);
  const manifest = join(app.folder, 'package.json');
  writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, 'utf8')), type: 'module' }));
  const compilerOptions = { target: 'ES2022', module: 'nodenext', strict: true, outDir: 'out', rootDir: '.', types: ['node'] };
  const project = join(app.folder, 'tsconfig.programs.json');
  writeFileSync(project, JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  expect(await app.tool('typescript/bin/tsc', '--project', project)).toEqual({ code: 0, output: '' });
  return app;
}

afterEach(async () => {
  for (const server of servers.splice(0)) await kill(server);
});

afterAll(() => {
  for (const folder of folders) removeFolder(folder);
});

/** Starts a compiled server of an example, and returns the address that it prints. */
async function serve({ folder }: Installation, env: Record<string, string> = {}): Promise<{ server: ChildProcess; url: string }> {
  const program = join(folder, 'out/server.js');
  const server = start(process.execPath, [program], { env: { ...process.env, PORT: '0', ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  servers.push(server);
  return { server, url: await printedAddress(server) };
}

describe('the example with Express', () => {
  let app: Installation;
  const order = (url: string, ...rest: string[]) => app.node('out/client.js', url, ...rest);

  beforeAll(async () => {
    app = await install('express', ['zod', 'express', '@types/express']);
  });

  it('takes an order of who has logged in, and streams its steps', async () => {
    const { url } = await serve(app);
    const output = ['left of tea: 8', 'order 1', 'accepted', 'packed', 'sent', ''].join('\n');
    expect(await order(url, 'ada', 'lovelace', 'tea', '2')).toEqual({ code: 0, output });
    const orders = await (await fetch(`${url}/orders`)).json();
    expect(orders).toEqual([{ id: 1, by: 'ada', item: 'tea', count: 2 }]);
  });

  it('refuses what the contract, the shop, or authorization refuses, with a code', async () => {
    const { url } = await serve(app);
    const output = async (...rest: string[]) => (await order(url, ...rest)).output;
    expect(await output('ada', 'lovelace', 'tea', 'many')).toMatch(/^ERR_PRIMUS_CONTRACT: .*count/);
    expect(await output('ada', 'lovelace', 'cake', '4')).toBe('ERR_PRIMUS_REQUEST: There are not 4 of cake\n');
    expect(await output('ada', 'wrong', 'tea', '1')).toMatch(/^error: .*401 Please log in\nERR_PRIMUS_CLOSED: /);
    expect(await (await fetch(`${url}/orders`)).json()).toEqual([]);
  });
});

it('the example with 1,000 prices a second serves a reader of ten, with fresh prices and flat memory', async () => {
  const { folder } = await install('prices');
  const child = start(process.execPath, ['--expose-gc', join(folder, 'out/main.js'), '12'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  servers.push(child);
  let last = '';
  for await (const line of createInterface({ input: child.stdout as Readable })) last = line;
  const { made, taken, oldest, growth } = JSON.parse(last);
  expect(taken).toBeGreaterThan(20);
  expect(taken).toBeLessThan(made / 10);
  // A queue of all prices would be eleven seconds long, and its first price as old.
  expect(oldest).toBeLessThan(6_000);
  // What was not taken is not kept: 10,000 prices have over a megabyte.
  expect(growth).toBeLessThan(700_000);
});

it('the example of a test passes', async () => {
  const app = await install('testing');
  expect((await app.run(process.execPath, ['--test', join(app.folder, 'out/ticker.test.js')])).code).toBe(0);
});

describe.skipIf(noChromium)('the example with React', () => {
  let app: Installation;
  let browser: Browser;
  let vite: ViteDevServer;
  let page: Page;

  beforeAll(async () => {
    app = await install('react', [], react);
    browser = await launch();
    vite = await createViteServer({
      root: app.folder,
      configFile: false,
      logLevel: 'error',
      server: { port: 0, hmr: false },
    });
    await vite.listen();
  });

  afterAll(async () => {
    await page?.close();
    await vite?.close();
    await browser?.close();
  });

  const shows = (text: string) => page.waitForFunction((expected) => document.body.textContent?.includes(expected), text);

  it('has types for a page', async () => {
    expect(await app.tool('typescript/bin/tsc', '--project', app.folder)).toEqual({ code: 0, output: '' });
  });

  it('goes on when its server is restarted, and counts the vote of meanwhile', async () => {
    const address = vite.resolvedUrls?.local[0] as string;
    const env = { ORIGIN: address.replace(/\/$/, '') };
    const { server, url } = await serve(app, env);
    page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    await page.goto(`${address}?server=${url}`);
    await shows('connected');
    await page.click('text=tea: 0');
    await shows('tea: 1');
    await kill(server);
    await shows('connecting');
    await page.click('text=cake: 0');
    await serve(app, { ...env, PORT: new URL(url).port });
    await shows('connected');
    // The votes before went with the server.
    await shows('tea: 0');
    await shows('cake: 1');
    expect(complaints).toEqual([]);
  });
});
