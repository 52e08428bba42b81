import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { createServer as createViteServer, build as viteBuild } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import webpack, { type Configuration } from 'webpack';
import manifest from '../../package.json' with { type: 'json' };
import { removeFolder, temporaryFolder } from '../../scripts/processes.mjs';
import { Primus } from '../../src/index.js';
import { launch, noChromium } from '../support/chromium.js';
import { Installation } from './installed.js';

const app = new Installation();
const echoed = `${JSON.stringify({ echo: true, version: manifest.version })}\n`;

beforeAll(() => app.install('tools'));

afterAll(() => removeFolder(app.folder));

it('gives the same objects to require and import in one process', async () => {
  expect(await app.node('both.mjs')).toEqual({ code: 0, output: 'once\n' });
});

it('runs in Jest with its defaults', async () => {
  writeFileSync(join(app.folder, 'jest.config.json'), '{}');
  const { code, output } = await app.tool('jest/bin/jest.js', '--config', 'jest.config.json', '--json', '--runInBand', 'app');
  expect(JSON.parse(output)).toMatchObject({ success: true, numPassedTests: 2 });
  expect(code).toBe(0);
});

describe('Jest with jsdom', () => {
  const environment = createRequire(import.meta.url).resolve('jest-environment-jsdom');

  it.each([
    ['with its defaults', undefined, 4],
    ['with the packages of Node.js', ['node', 'node-addons'], 5],
  ])('runs %s', async (_name, customExportConditions, passed) => {
    const http = createServer();
    const primus = new Primus(http);
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
    await once(http.listen(0), 'listening');
    try {
      primus.save(join(app.folder, 'saved.js'));
      const configuration = { testEnvironment: environment, testEnvironmentOptions: { customExportConditions } };
      writeFileSync(join(app.folder, 'jsdom.config.json'), JSON.stringify(configuration));
      process.env.ECHO = `http://localhost:${(http.address() as AddressInfo).port}`;
      process.env.CONDITIONS = customExportConditions?.[0] ?? '';
      const { output } = await app.tool('jest/bin/jest.js', '--config', 'jsdom.config.json', '--json', '--runInBand', 'jsdom');
      expect(JSON.parse(output)).toMatchObject({ success: true, numPassedTests: passed });
    } finally {
      await new Promise<void>((resolve) => primus.destroy({}, resolve));
    }
  });
});

describe('a bundled server starts and serves its library', () => {
  const define = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" };

  it.each([
    ['CommonJS', 'echo.cjs', 'cjs', undefined],
    ['ES modules, as CommonJS', 'echo.mjs', 'cjs', undefined],
    ['ES modules', 'echo.mjs', 'esm', undefined],
    ['ES modules, with a `require`', 'echo.mjs', 'esm', define],
  ] as const)('with esbuild: %s', async (name, entry, format, banner) => {
    const outfile = `out/esbuild ${name}.${format === 'esm' ? 'mjs' : 'cjs'}`;
    const options = { absWorkingDir: app.folder, bundle: true, platform: 'node', logLevel: 'warning' } as const;
    await build({ ...options, entryPoints: [entry], outfile, format, ...(banner && { banner }) });
    expect(await app.node(outfile)).toEqual({ code: 0, output: echoed });
  });

  it.each([
    ['CommonJS', 'echo.cjs', 'webpack.cjs', {}],
    [
      'ES modules',
      'echo.mjs',
      'webpack.mjs',
      { experiments: { outputModule: true }, output: { module: true, chunkFormat: 'module', library: { type: 'module' } } },
    ],
  ] as const)('with webpack: %s', async (_name, entry, filename, more) => {
    const output = { path: join(app.folder, 'out'), filename, ...('output' in more ? more.output : {}) };
    await bundle({ context: app.folder, entry: `./${entry}`, target: 'node20', mode: 'none', ...more, output } as Configuration);
    expect(await app.node(`out/${filename}`)).toEqual({ code: 0, output: echoed });
  });

  it('and says by its code what it does not find elsewhere', async () => {
    const elsewhere = temporaryFolder('bundle');
    try {
      const outfile = join(elsewhere, 'missing.cjs');
      await build({
        absWorkingDir: app.folder,
        entryPoints: ['missing.cjs'],
        outfile,
        bundle: true,
        platform: 'node',
        logLevel: 'warning',
      });
      const alone = Object.assign(new Installation(), { folder: elsewhere });
      expect(await alone.node('missing.cjs')).toEqual({ code: 0, output: '["ERR_PRIMUS_MISSING","ERR_PRIMUS_MISSING"]\n' });
    } finally {
      removeFolder(elsewhere);
    }
  });

  async function bundle(configuration: Configuration): Promise<void> {
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) =>
      webpack(configuration, (error, result) => (error ? reject(error) : resolve(result))),
    );
    expect(stats?.toJson({ all: false, errors: true }).errors).toEqual([]);
  }
});

it.each([
  ['nodenext', 'nodenext', ['app.ts', 'legacy.ts', 'required.cts', 'legacy.cts']],
  ['node16', 'node16', ['app.ts', 'legacy.ts', 'required.cts', 'legacy.cts']],
  ['bundler', 'esnext', ['app.ts', 'legacy.ts']],
])('compiles with moduleResolution %s', async (moduleResolution, module, files) => {
  for (const type of moduleResolution === 'bundler' ? ['module'] : ['module', 'commonjs']) {
    const folder = join(app.folder, `${moduleResolution}-${type}`);
    const legacy = readFileSync(join(app.folder, 'legacy.ts'), 'utf8');
    mkdirSync(folder);
    for (const file of files) if (file !== 'legacy.cts') cpSync(join(app.folder, file), join(folder, file));
    writeFileSync(join(folder, 'legacy.cts'), legacy.replace("import Primus from 'primus-rx'", "import Primus = require('primus-rx')"));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }));
    const compilerOptions = { target: 'ES2022', lib: ['ES2022'], module, moduleResolution, strict: true, noEmit: true, types: ['node'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    expect(await app.tool('typescript/bin/tsc', '--project', folder)).toEqual({ code: 0, output: '' });
  }
});

describe.skipIf(noChromium)('a page with Vite', () => {
  const http = createServer();
  const primus = new Primus(http);
  let browser: Browser;

  beforeAll(async () => {
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write({ echo: data })));
    await once(http.listen(0), 'listening');
    browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
    primus.destroy();
  });

  it('runs in development', async () => {
    const vite = await createViteServer({ root: app.folder, configFile: false, logLevel: 'error', server: { port: 0, hmr: false } });
    try {
      await vite.listen();
      expect(await echo(vite.resolvedUrls?.local[0] as string)).toEqual({ echo: 'hello' });
    } finally {
      await vite.close();
    }
  });

  it('runs when it is built', async () => {
    await viteBuild({ root: app.folder, configFile: false, logLevel: 'error', build: { outDir: 'page' } });
    const files = createServer(({ url = '/' }, response) => {
      response.setHeader('Content-Type', url.endsWith('.js') ? 'text/javascript' : 'text/html');
      response.end(readFileSync(join(app.folder, 'page', url === '/' ? 'index.html' : url)));
    });
    await once(files.listen(0), 'listening');
    try {
      expect(await echo(`http://localhost:${(files.address() as AddressInfo).port}/`)).toEqual({ echo: 'hello' });
    } finally {
      files.closeAllConnections();
      files.close();
    }
  });

  async function echo(url: string): Promise<unknown> {
    const page = await browser.newPage();
    await page.goto(url);
    await page.waitForFunction('globalThis.Primus !== undefined');
    const answer = await page.evaluate(
      (port) =>
        new Promise((resolve, reject) => {
          // biome-ignore lint/suspicious/noExplicitAny: the page's own global.
          const client = new (globalThis as any).Primus(`http://localhost:${port}`);
          client.on('error', reject);
          client.on('data', resolve);
          client.write('hello');
        }),
      (http.address() as AddressInfo).port,
    );
    await page.close();
    return answer;
  }
});
