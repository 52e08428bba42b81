import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kill, removeFolder, start } from '../../scripts/processes.mjs';
import { launch, noChromium } from '../support/chromium.js';
import { Installation } from './installed.js';

const app = new Installation();
const { folder } = app;
let server: ChildProcess;
let url: string;

beforeAll(async () => {
  await app.install('consumer');
  server = start(process.execPath, [join(folder, 'server.mjs')], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [port] = await once(server, 'message');
  url = `http://localhost:${port}`;
});

afterAll(async () => {
  if (server) await kill(server);
  removeFolder(folder);
});

describe('the packed package, installed into an empty folder', () => {
  it('installs one dependency, the types that its types use, and the peer', () => {
    const installed = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(installed.sort()).toEqual(['@types', 'primus-rx', 'rxjs', 'tslib', 'undici-types', 'ws']);
  });

  it('runs as ES modules', async () => {
    expect(await node('client.mjs', url)).toEqual({ echo: 'from a module' });
  });

  it('runs as CommonJS, where require returns the constructor itself', async () => {
    expect(await node('both.cjs')).toEqual({ echo: 'from CommonJS' });
  });

  it.each([
    ['a strict TypeScript application, as ES module and as CommonJS', 'tsconfig.json'],
    ['a page that is bundled, which has no types of Node', 'tsconfig.page.json'],
  ])('compiles in %s without any framework', async (_what, project) => {
    expect(await app.tool('typescript/bin/tsc', '--project', join(folder, project))).toEqual({ code: 0, output: '' });
  });
});

describe.skipIf(noChromium)('the packed package in a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    await build({
      entryPoints: [join(folder, 'page.mjs')],
      outfile: join(folder, 'page.js'),
      bundle: true,
      platform: 'browser',
      logLevel: 'silent',
    });
    browser = await launch();
  });

  afterAll(() => browser?.close());

  it('runs bundled with the page', () => inPage('bundled'));

  it('runs as the library that the server creates', () => inPage('served'));

  it('runs bundled with a web worker', async () => {
    const page = await browser.newPage();
    await page.goto(`${url}/empty`);
    const answer = await page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const program = `importScripts(location.origin + '/page.js');
            const client = new Primus(location.origin);
            client.on('error', ({ message }) => postMessage(message));
            client.on('data', (data) => postMessage(data));
            client.write('from a worker');`;
          const worker = new Worker(URL.createObjectURL(new Blob([program])));
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(message);
        }),
    );
    expect(answer).toEqual({ echo: 'from a worker' });
    await page.close();
  });

  async function inPage(name: string): Promise<void> {
    const page = await browser.newPage();
    const errors: Error[] = [];
    page.on('pageerror', (error) => errors.push(error));
    await page.goto(`${url}/${name}`);
    expect(await echo(page, `from a ${name} page`)).toEqual({ echo: `from a ${name} page` });
    expect(errors).toEqual([]);
    await page.close();
  }

  function echo(page: Page, words: string): Promise<unknown> {
    return page.evaluate(
      (data) =>
        new Promise((resolve, reject) => {
          // biome-ignore lint/suspicious/noExplicitAny: the page's own global.
          const client = new (globalThis as any).Primus(location.origin);
          client.on('error', reject);
          client.on('data', resolve);
          client.write(data);
        }),
      words,
    );
  }
});

/** Runs a script of the consumer and returns its output. */
async function node(script: string, ...args: string[]): Promise<unknown> {
  const { code, output } = await app.node(script, ...args);
  expect(code).toBe(0);
  return JSON.parse(output);
}
