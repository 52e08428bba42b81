import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { pack } from '../../scripts/pack.mjs';
import { kill, removeFolder, start, temporaryFolder } from '../../scripts/processes.mjs';
import { launch, noChromium } from '../support/chromium.js';

const consumer = fileURLToPath(new URL('./consumer/', import.meta.url));
const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

/** An empty folder outside the repository, so that only the tarball's packages are found. */
const folder = temporaryFolder('smoke');
let server: ChildProcess;
let url: string;

beforeAll(async () => {
  const { devDependencies } = manifest;
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const wanted = [pack(folder), `rxjs@${devDependencies.rxjs}`, `@types/node@${devDependencies['@types/node']}`];
  await execute('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted]);
  cpSync(consumer, folder, { recursive: true });

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
    expect(await execute(process.execPath, [tsc, '--project', join(folder, project)])).toEqual({ code: 0, output: '' });
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
  const { code, output } = await execute(process.execPath, [join(folder, script), ...args]);
  expect(code).toBe(0);
  return JSON.parse(output);
}

/** Runs a program in the folder; its exit code and what it printed. */
async function execute(command: string, args: string[]): Promise<{ code: number | null; output: string }> {
  const child = start(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  const [[code], output] = await Promise.all([once(child, 'close'), text(child.stdout as Readable)]);
  return { code, output };
}
