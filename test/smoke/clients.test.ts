import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { createServer as createViteServer, build as viteBuild } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder } from '../../scripts/processes.mjs';
import { Primus } from '../../src/index.js';
import { launch, noChromium } from '../support/chromium.js';
import { until } from '../support/serve.js';
import { Installation } from './installed.js';

const transformers = ['websockets', 'engine.io', 'sockjs', 'socket.io', 'browserchannel', 'faye', 'uws'];
/** Installed by the application. The clients of the other frameworks need no package of theirs. */
const peers = ['engine.io-client', 'socket.io-client'] as const;

const app = new Installation();
const servers = new Map<string, { http: Server; primus: Primus; url: string }>();

beforeAll(async () => {
  await app.install('clients', peers);
  const classes = transformers.map(
    (name, index) => `import { Primus as P${index}, PrimusError as E${index} } from 'primus-rx/client/${name}';`,
  );
  const entries = transformers.map((name, index) => `'${name}': P${index}`);
  const oneError = transformers.map((_name, index) => `E${index} === PrimusError`).join(' && ');
  const page = `import { PrimusError } from 'primus-rx/client';\n${classes.join('\n')}
globalThis.classes = { ${entries.join(', ')} };\nglobalThis.oneError = ${oneError};\n`;
  writeFileSync(join(app.folder, 'page.js'), page);
  for (const transformer of transformers) {
    const http = createServer();
    const primus = new Primus(http, { transformer });
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write({ echo: data })));
    await once(http.listen(0), 'listening');
    servers.set(transformer, { http, primus, url: `http://localhost:${(http.address() as AddressInfo).port}` });
  }
});

afterAll(async () => {
  for (const { primus } of servers.values()) await new Promise<void>((resolve) => primus.destroy({}, resolve));
  removeFolder(app.folder);
});

describe.skipIf(noChromium)('the imported client of each transformer', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(() => browser?.close());

  it('runs by Vite in development', async () => {
    const vite = await createViteServer({ root: app.folder, configFile: false, logLevel: 'error', server: { port: 0, hmr: false } });
    try {
      await vite.listen();
      await echoes(vite.resolvedUrls?.local[0] as string);
    } finally {
      await vite.close();
    }
  });

  it('runs when Vite builds it', async () => {
    await viteBuild({ root: app.folder, configFile: false, logLevel: 'error', build: { outDir: 'built' } });
    await serving('built', echoes);
  });

  it('runs bundled without any shim of Node.js, and without evaluated code', async () => {
    mkdirSync(join(app.folder, 'bundled'));
    writeFileSync(join(app.folder, 'bundled/index.html'), readFileSync(join(app.folder, 'index.html')));
    const outfile = join(app.folder, 'bundled/page.js');
    await build({ absWorkingDir: app.folder, entryPoints: ['page.js'], outfile, bundle: true, format: 'esm', logLevel: 'warning' });
    expect(readFileSync(outfile, 'utf8')).not.toMatch(/\beval\(|\bnew Function\(/);
    await serving('bundled', echoes);
  });

  it('runs as the ES module that the server saves', async () => {
    const folder = join(app.folder, 'saved');
    mkdirSync(folder);
    const imports = transformers.map((name, index) => {
      servers.get(name)?.primus.save(join(folder, `client${index}.mjs`));
      return `import P${index}, { Primus as N${index} } from './client${index}.mjs';`;
    });
    const entries = transformers.map((name, index) => `'${name}': P${index}`);
    const same = transformers.map((_name, index) => `P${index} === N${index}`).join(' && ');
    writeFileSync(
      join(folder, 'page.js'),
      `${imports.join('\n')}\nglobalThis.classes = { ${entries.join(', ')} };\nglobalThis.oneError = ${same};`,
    );
    writeFileSync(join(folder, 'index.html'), readFileSync(join(app.folder, 'index.html')));
    await serving('saved', echoes);
  });

  it('runs from a CDN, with the hash that the reference names', async () => {
    const installed = join(app.folder, 'node_modules/primus-rx');
    const page = readFileSync(join(installed, 'docs/reference/cdn.md'), 'utf8');
    const hashes = new Map([...page.matchAll(/^\| `(.*)\.js` \| `(sha384-.*)` \|$/gm)].map(([, name, hash]) => [name, hash]));
    expect([...hashes.keys()].sort()).toEqual([...transformers].sort());
    const cdn = createServer(({ url }, response) => {
      response.setHeader('Access-Control-Allow-Origin', '*').setHeader('Content-Type', 'text/javascript');
      response.end(readFileSync(join(installed, 'dist/cdn', url as string)));
    });
    await once(cdn.listen(0), 'listening');
    const address = `http://localhost:${(cdn.address() as AddressInfo).port}`;
    const folder = join(app.folder, 'cdn');
    mkdirSync(folder);
    // One after the other, as each sets the same global.
    const scripts = transformers.map(
      (name) =>
        `<script src="${address}/${name}.js" integrity="${hashes.get(name)}" crossorigin="anonymous"></script><script src="${name}.js"></script>`,
    );
    for (const name of transformers) writeFileSync(join(folder, `${name}.js`), `(globalThis.all ??= {})['${name}'] = Primus;`);
    writeFileSync(join(folder, 'last.js'), 'globalThis.classes = all; globalThis.oneError = true;');
    const html = `<!doctype html><link rel="icon" href="data:,">${scripts.join('')}<script src="last.js"></script>`;
    writeFileSync(join(folder, 'index.html'), html);
    try {
      await serving('cdn', echoes, `'self' ${address}`);
    } finally {
      cdn.closeAllConnections();
      cdn.close();
    }
  });

  async function serving(folder: string, run: (url: string) => Promise<void>, sources = "'self'"): Promise<void> {
    const names = readdirSync(join(app.folder, folder), { recursive: true, encoding: 'utf8' });
    const files = createServer(({ url = '/' }, response) => {
      const name = url === '/' ? 'index.html' : url.slice(1);
      if (!names.includes(name)) return response.writeHead(404).end();
      response.setHeader('Content-Type', /\.m?js$/.test(name) ? 'text/javascript' : 'text/html');
      // As strict as a page can be about evaluated code.
      response.setHeader('Content-Security-Policy', `script-src ${sources}`);
      return response.end(readFileSync(join(app.folder, folder, name)));
    });
    await once(files.listen(0), 'listening');
    try {
      await run(`http://localhost:${(files.address() as AddressInfo).port}/`);
    } finally {
      files.closeAllConnections();
      files.close();
    }
  }

  /** Opens the page, and expects an echo by the client of each transformer, and no error. */
  async function echoes(url: string): Promise<void> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    await page.goto(url);
    await until(async () => complaints.length > 0 || (await page.evaluate(() => 'classes' in globalThis)));
    expect(complaints).toEqual([]);
    for (const [transformer, server] of servers) {
      const answer = page.evaluate(
        ([name, address]) =>
          new Promise((resolve, reject) => {
            // biome-ignore lint/suspicious/noExplicitAny: the page's own global.
            const client = new (globalThis as any).classes[name as string](address);
            client.on('error', ({ message }: Error) => reject(new Error(`${name}: ${message}`)));
            client.on('data', (data: unknown) => {
              client.end();
              resolve(data);
            });
            client.write(`hello ${name}`);
          }),
        [transformer, server.url],
      );
      expect(await answer).toEqual({ echo: `hello ${transformer}` });
    }
    expect(await page.evaluate(() => (globalThis as { oneError?: boolean }).oneError)).toBe(true);
    expect(complaints).toEqual([]);
    await page.close();
  }
});

describe('in Node.js', () => {
  it('the imported client of each transformer connects, and has one class of errors with the server', async () => {
    const script = `import { PrimusError } from 'primus-rx';
for (const [name, url] of Object.entries(JSON.parse(process.argv[2]))) {
  const { Primus, PrimusError: error } = await import('primus-rx/client/' + name);
  const client = new Primus(url);
  client.write(name);
  const { echo } = await new Promise((resolve, reject) => client.on('data', resolve).on('error', reject));
  client.end();
  console.log(echo, error === PrimusError);
}`;
    writeFileSync(join(app.folder, 'node.mjs'), script);
    const urls = JSON.stringify(Object.fromEntries([...servers].map(([name, { url }]) => [name, url])));
    // Its framework is a package of the application.
    await app.add('sockjs-client', 'browserchannel');
    const output = transformers.map((name) => `${name} true\n`).join('');
    expect(await app.node('node.mjs', urls)).toEqual({ code: 0, output });
  });

  it('the saved ES module connects, as a stream', async () => {
    const { primus, url } = servers.get('websockets') as { primus: Primus; url: string };
    primus.save(join(app.folder, 'saved-client.mjs'));
    const script = `import { Stream } from 'node:stream';
import { Primus } from './saved-client.mjs';
const client = new Primus(process.argv[2]);
client.write('hello');
client.on('error', console.error).on('data', ({ echo }) => {
  console.log(echo, client instanceof Stream);
  client.end();
});`;
    writeFileSync(join(app.folder, 'saved-node.mjs'), script);
    expect(await app.node('saved-node.mjs', url)).toEqual({ code: 0, output: 'hello true\n' });
  });

  it('names the package that a client needs', async () => {
    writeFileSync(
      join(app.folder, 'missing.cjs'),
      `
const Module = require('node:module');
const original = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  if (request === 'sockjs-client') throw Object.assign(new Error('none'), { code: 'MODULE_NOT_FOUND' });
  return original.call(this, request, ...rest);
};
try { require('primus-rx/client/sockjs'); } catch ({ code, message }) { console.log(code, message); }
console.log(typeof require('primus-rx/client/engine.io'));
`,
    );
    expect((await app.node('missing.cjs')).output).toMatch(/^ERR_PRIMUS_MISSING .*npm install sockjs-client.*\nfunction\n$/);
  });
});
