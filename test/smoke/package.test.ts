import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { pack } from '../../scripts/pack.mjs';
import { launch, noChromium } from '../support/chromium.js';

const consumer = fileURLToPath(new URL('./consumer/', import.meta.url));
const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
const execute = promisify(execFile);

/** An empty folder outside the repository, so that only the tarball's packages are found. */
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'primus-rx-smoke-')));
let server: ChildProcess;
let url: string;

beforeAll(async () => {
  const { devDependencies } = manifest;
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const wanted = [pack(folder), `rxjs@${devDependencies.rxjs}`, `@types/node@${devDependencies['@types/node']}`];
  await execute('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted], { cwd: folder });
  cpSync(consumer, folder, { recursive: true });

  server = fork(join(folder, 'server.mjs'), { execArgv: [] });
  const [port] = await once(server, 'message');
  url = `http://localhost:${port}`;
});

afterAll(async () => {
  if (server?.connected) {
    server.disconnect();
    await once(server, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

describe('the packed package, installed into an empty folder', () => {
  it('installs two dependencies, the types that its types use, and the peer', () => {
    const installed = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(installed.sort()).toEqual(['@types', 'nanoid', 'primus-rx', 'rxjs', 'tslib', 'undici-types', 'ws']);
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
    const { stdout } = await execute(process.execPath, [tsc, '--project', join(folder, project)], { cwd: folder }).catch((error) => error);
    expect(stdout).toBe('');
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

  function echo(page: Page, text: string): Promise<unknown> {
    return page.evaluate(
      (text) =>
        new Promise((resolve, reject) => {
          // biome-ignore lint/suspicious/noExplicitAny: the page's own global.
          const client = new (globalThis as any).Primus(location.origin);
          client.on('error', reject);
          client.on('data', resolve);
          client.write(text);
        }),
      text,
    );
  }
});

/** Runs a script of the consumer and returns its output. */
async function node(script: string, ...args: string[]): Promise<unknown> {
  const { stdout } = await execute(process.execPath, [join(folder, script), ...args], { cwd: folder, timeout: 20_000 });
  return JSON.parse(stdout);
}
