import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Primus, PrimusError } from '../../src/index.js';
import { requests } from '../../src/request.js';
import { serveChannels } from '../../src/server/library.js';
import { testFolder } from '../support/folder.js';
import { cleanup, event, serve } from '../support/serve.js';

/** Runs a library as a page would, and hands back the page's globals. */
function load(source: string, globals: Record<string, unknown> = {}): Record<string, unknown> {
  const page = createContext({
    queueMicrotask,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    URL,
    TextDecoder,
    TextEncoder,
    addEventListener() {},
    removeEventListener() {},
    reportError() {},
    ...globals,
  });
  runInContext(source, page);
  return page;
}

interface ClientClass {
  new (url: string, options?: object): { pathname: string; options: Record<string, unknown> };
}

describe('the library', () => {
  it('defines the global, configured as the server is', async () => {
    const { primus } = await serve({ pathname: '/live', pingInterval: 2_000, maxLength: 1_234 });
    const { Primus } = load(primus.library()) as { Primus: ClientClass };
    const client = new Primus('http://localhost', { manual: true });
    expect(client.pathname).toBe('/live');
    expect(client.options).toMatchObject({ pingTimeout: 3_000 });
  });

  it('defines the global of the options, and no other', async () => {
    const { primus } = await serve({ global: 'My.Name' });
    const before = Object.keys(load(''));
    expect(Object.keys(load(primus.library())).filter((name) => !before.includes(name))).toEqual(['My.Name']);
  });

  it('loads as CommonJS and as AMD, and is a global of the page all the same', async () => {
    const { primus } = await serve();
    const module = { exports: {} as unknown };
    const commonjs = load(primus.library(), { module });
    expect(typeof module.exports).toBe('function');
    expect(commonjs.Primus).toBe(module.exports);
    let made: unknown;
    const define = Object.assign(
      (factory: () => unknown) => {
        made = factory();
      },
      { amd: {} },
    );
    const amd = load(primus.library(), { define });
    expect(typeof made).toBe('function');
    expect(amd.Primus).toBe(made);
  });

  it.each(['</script><script>alert(1)</script>', '\u2028\u2029', '"];alert(1);//', '__proto__x', '<!--', '$&$`'])(
    'carries the name %j as data',
    async (name) => {
      const { primus } = await serve({ global: name });
      const source = primus.library();
      expect(source).not.toContain('</script');
      expect(source.split('PrimusClient.configure').at(-1)).not.toMatch(/[\u2028\u2029<]/);
      let alerted = false;
      const page = load(source, { alert: () => (alerted = true) });
      expect(alerted).toBe(false);
      expect(typeof page[name]).toBe('function');
    },
  );

  it('carries an odd pathname as data', async () => {
    const pathname = '/"</script>\\$&';
    const { primus } = await serve({ pathname });
    const source = primus.library();
    expect(source).not.toContain('</script');
    const { Primus } = load(source) as { Primus: ClientClass };
    expect(new Primus('http://localhost', { manual: true }).pathname).toBe(pathname);
  });

  it('carries the names of a custom transformer and parser as data', async () => {
    const { websockets } = await import('../../transformers/websockets/index.js');
    const name = '\nalert()\u2028alert()</script>';
    const { primus } = await serve({ transformer: { ...websockets, name } as never, parser: { name, encoder() {}, decoder() {} } });
    let alerted = false;
    load(primus.library(), { alert: () => (alerted = true) });
    expect(alerted).toBe(false);
  });

  it('is valid JavaScript for Node.js', async () => {
    const { primus } = await serve();
    const path = join(testFolder('library'), 'primus.js');
    primus.save(path);
    expect(() => execFileSync(process.execPath, ['--check', path])).not.toThrow();
  });

  it.each([{}, { plugin: { greeter: { client() {} } } }])(
    'has channels only if the server has any, with the options %j',
    async (options) => {
      const { primus } = await serve(options);
      const Plain = load(primus.library()).Primus as ClientClass & { channels?: unknown };
      expect(Plain.channels).toBeUndefined();
      serveChannels(primus);
      const page = load(primus.library());
      const Page = page.Primus as ClientClass & { channels(client: object): { channel(name: string): { name: string } } };
      const client = new Page('http://localhost', { manual: true });
      expect(Page.channels(client).channel('news').name).toBe('news');
      expect(() => Page.channels(client).channel('')).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_CHANNEL' }));
      expect(Object.keys(page)).not.toContain('PrimusChannels');
    },
  );

  it('has requests only if the server has any', async () => {
    const { primus } = await serve();
    expect(load(primus.library()).Primus).not.toHaveProperty('requests');
    requests(primus);
    const page = load(primus.library());
    const Page = page.Primus as ClientClass & { requests(client: object): object; RequestError: unknown };
    const client = new Page('http://localhost', { manual: true });
    expect(Page.requests(client)).toBe(Page.requests(client));
    expect(Page.RequestError).toBeTypeOf('function');
    expect(Object.keys(page)).not.toContain('PrimusRequests');
  });

  it('does not exist for a transformer without a client for pages', async () => {
    const { primus, url } = await serve({ transformer: 'memory' });
    expect(() => primus.library()).toThrow(
      expect.objectContaining({ code: 'ERR_PRIMUS_TRANSFORMER', message: expect.stringContaining('memory') }),
    );
    expect((await fetch(`${url}/primus/primus.js`)).status).toBe(500);
  });
});

describe('a minified library', () => {
  const plugin = {
    shout: {
      client(client: { shouted?: boolean }) {
        // A comment of the user's own.
        client.shouted = true;
      },
      library: 'Primus.brought   =   1;',
    },
  };

  it('is less than half as long, and does the same', async () => {
    const { primus } = await serve({ pathname: '/live', refuseWithClose: true, parser: 'msgpack', plugin } as never);
    const minified = primus.library({ minify: true });
    expect(minified.length).toBeLessThan(primus.library().length / 2);
    const { Primus } = load(minified) as { Primus: ClientClass & { brought?: number } };
    const client = new Primus('http://localhost', { manual: true });
    expect(client).toMatchObject({ pathname: '/live', shouted: true });
    expect(Primus.brought).toBe(1);
  });

  it('contains the code of the application unchanged', async () => {
    const parser = { encoder: (data: unknown, done: (error: null, frame: string) => void) => done(null, `${data}`), decoder() {} };
    const { primus } = await serve({ plugin, parser } as never);
    const minified = primus.library({ minify: true });
    expect(minified).toContain("// A comment of the user's own.");
    expect(minified).toContain('Primus.brought   =   1;');
    expect(minified).toContain(parser.encoder.toString());
  });

  it('exists for every transformer with a client for pages, and for every parser', async () => {
    for (const transformer of ['websockets', 'uws', 'engine.io', 'sockjs', 'faye', 'browserchannel', 'socket.io'])
      for (const parser of ['json', 'jsonh', 'binary', 'msgpack', 'ejson']) {
        const primus = new Primus(createServer(), { transformer, parser });
        cleanup(() => primus.destroy());
        expect(typeof load(primus.library({ minify: true })).Primus, `${transformer} and ${parser}`).toBe('function');
      }
  });

  it('follows the option minify of the server, unless the call has its own', async () => {
    const { primus, url } = await serve({ minify: true });
    const plain = primus.library({ minify: false });
    expect(primus.library()).toBe(primus.library({ minify: true }));
    expect(primus.library().length).toBeLessThan(plain.length / 2);
    expect(await (await fetch(`${url}/primus/primus.js`)).text()).toBe(primus.library());
    primus.options.minify = false;
    expect(primus.library()).toBe(plain);
    expect(await (await fetch(`${url}/primus/primus.js`)).text()).toBe(plain);
  });

  it('rejects an option minify that is neither true nor false', async () => {
    const error = expect.objectContaining({ code: 'ERR_PRIMUS_OPTION', message: expect.stringMatching(/minify.*true or false.*yes/) });
    expect(() => new Primus(createServer(), { minify: 'yes' as never })).toThrow(error);
    const { primus } = await serve();
    expect(() => primus.library({ minify: 'yes' as never })).toThrow(error);
    expect(() => primus.library('yes' as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
    expect(primus.library({ minify: undefined as never })).toBe(primus.library(null as never));
  });
});

describe('an ES module', () => {
  let files = 0;
  const plugin = { shout: { client: (client: object) => Object.assign(client, { shouted: true }), library: 'Primus.brought = 1;' } };

  /** Imports a module as Node.js does: a file once. */
  async function imported(source: string) {
    const path = join(testFolder('library'), `client${++files}.mjs`);
    writeFileSync(path, source);
    return import(path);
  }

  it.each([false, true])('exports the class, by its name and as the default, and sets no global; minified: %s', async (minify) => {
    const { primus } = await serve({ pathname: '/live', refuseWithClose: true, parser: 'msgpack', global: 'Live', plugin } as never);
    const { Primus, default: main, ...others } = await imported(primus.library({ format: 'module', minify }));
    expect(Object.keys(others)).toEqual([]);
    expect(main).toBe(Primus);
    expect('Live' in globalThis).toBe(false);
    expect(Primus.brought).toBe(1);
    expect(new Primus('http://localhost', { manual: true })).toMatchObject({ pathname: '/live', shouted: true });
  });

  it('is valid for every transformer with a client for pages', async () => {
    for (const transformer of ['websockets', 'uws', 'engine.io', 'sockjs', 'faye', 'browserchannel', 'socket.io'])
      for (const minify of [false, true]) {
        const primus = new Primus(createServer(), { transformer });
        cleanup(() => primus.destroy());
        const path = join(testFolder('library'), 'client.mjs');
        primus.save(path, { minify });
        // What it is made of runs in pages: a browser test loads them.
        expect(() => execFileSync(process.execPath, ['--check', path])).not.toThrow();
      }
  });

  it('is what save writes into a file that ends with .mjs, unless the call has its own format', async () => {
    const { primus } = await serve();
    const path = join(testFolder('library'), 'client.mjs');
    primus.save(path);
    expect(readFileSync(path, 'utf8')).toBe(primus.library({ format: 'module' }));
    primus.save(path, { minify: true });
    expect(readFileSync(path, 'utf8')).toBe(primus.library({ format: 'module', minify: true }));
    primus.save(path, { format: 'script' });
    expect(readFileSync(path, 'utf8')).toBe(primus.library());
  });

  it('rejects another format', async () => {
    const { primus } = await serve();
    const error = expect.objectContaining({
      code: 'ERR_PRIMUS_OPTION',
      message: expect.stringMatching(/format.*'script' or 'module'.*"esm"/),
    });
    expect(() => primus.library({ format: 'esm' as never })).toThrow(error);
    expect(() => primus.save('x.mjs', 'esm' as never)).toThrow(expect.objectContaining({ code: 'ERR_PRIMUS_OPTION' }));
  });
});

describe('the library is made once', () => {
  const plugin = { client() {} };

  it('and again when a plugin is added or removed, an option changes or authorization is set', async () => {
    const { primus } = await serve();
    const seen = new Set([primus.library()]);
    const changes: [string, () => unknown][] = [
      ['a plugin', () => primus.plugin('one', plugin)],
      ['a library of a plugin', () => primus.plugin('two', { library: 'Primus.two = 1;' })],
      ['another client of a plugin', () => Object.assign(plugin, { client: (_client: unknown) => {} })],
      ['an option', () => Object.assign(primus.options, { maxLength: 17 })],
      ['a global', () => Object.assign(primus.options, { global: 'Live' })],
      ['close reasons', () => Object.assign(primus.options, { refuseWithClose: true })],
      ['authorization', () => primus.authorize((_request, done) => done())],
      ['a parser', () => Object.assign(primus, { parser: { encoder() {}, decoder() {}, library: 'var own = 1;' } })],
    ];
    for (const [what, change] of changes) {
      change();
      expect(seen.has(primus.library()), what).toBe(false);
      seen.add(primus.library());
    }
    primus.plugout('one');
    expect(seen.has(primus.library())).toBe(false);
  });

  it('and again when the file that a plugin names has changed', async () => {
    const path = join(testFolder('library'), 'library.js');
    writeFileSync(path, 'Primus.file = 1;');
    const { url } = await serve({ plugin: { file: { library: path } } });
    const fetched = async () => (await fetch(`${url}/primus/primus.js`)).text();
    expect(await fetched()).toContain('Primus.file = 1;');
    writeFileSync(path, 'Primus.file = 2;');
    expect(await fetched()).toContain('Primus.file = 2;');
  });
});

describe('save', () => {
  it('writes the minified library when it is asked to', async () => {
    const { primus } = await serve();
    const [first, second] = [join(testFolder('library'), 'a.js'), join(testFolder('library'), 'b.js')];
    primus.save(first, { minify: true });
    expect(readFileSync(first, 'utf8')).toBe(primus.library({ minify: true }));
    await new Promise<void>((resolve, reject) => primus.save(second, { minify: true }, (error) => (error ? reject(error) : resolve())));
    expect(readFileSync(second, 'utf8')).toBe(primus.library({ minify: true }));
  });

  it('writes the library, at once or with a callback', async () => {
    const { primus } = await serve();
    const [first, second] = [join(testFolder('library'), 'a.js'), join(testFolder('library'), 'b.js')];
    primus.save(first);
    expect(readFileSync(first, 'utf8')).toBe(primus.library());
    await new Promise<void>((resolve, reject) => primus.save(second, (error) => (error ? reject(error) : resolve())));
    expect(readFileSync(second, 'utf8')).toBe(primus.library());
  });

  it('throws its errors, or calls back with them', async () => {
    const { primus } = await serve();
    const nowhere = join(testFolder('library'), 'missing', 'a.js');
    expect(() => primus.save(nowhere)).toThrow(/ENOENT/);
    const error = await new Promise((resolve) => primus.save(nowhere, resolve));
    expect(error).toMatchObject({ code: 'ENOENT' });
    expect(() => primus.save(undefined as never)).toThrow(PrimusError);
  });
});

describe('the served resource', () => {
  it('is the library at <pathname>/primus.js', async () => {
    const { primus, url } = await serve({ pathname: 'live/' });
    const answer = await fetch(`${url}/live/primus.js?x=1`, { headers: { 'accept-encoding': 'identity' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    const text = await answer.text();
    expect(text).toBe(primus.library());
    expect(Number(answer.headers.get('content-length'))).toBe(Buffer.byteLength(text));
  });

  it('is the specification at <pathname>/spec', async () => {
    const { primus, url } = await serve({ pingInterval: '5 s' });
    const answer = await fetch(`${url}/primus/spec`);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await answer.json()).toEqual({
      version: primus.version,
      pathname: '/primus',
      parser: 'json',
      transformer: 'websockets',
      pingInterval: 5_000,
    });
    expect(primus.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('names a parser or transformer of the application `custom`, and an interval that is off `false`', async () => {
    const { primus } = await serve({ parser: { encoder() {}, decoder() {} }, pingInterval: false });
    expect(primus.spec).toMatchObject({ parser: 'custom', pingInterval: false });
  });

  it('has no body for HEAD, and rejects other methods and paths', async () => {
    const { url } = await serve();
    for (const path of ['/primus/primus.js', '/primus/spec']) {
      const head = await fetch(`${url}${path}`, { method: 'HEAD' });
      expect([head.status, await head.text()]).toEqual([200, '']);
      const post = await fetch(`${url}${path}`, { method: 'POST' });
      expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
    for (const path of ['/primus', '/primus/', '/primus/primus.jsx', '/primus/specs', '/primus/x/spec']) {
      const answer = await fetch(`${url}${path}`);
      expect(answer.status, path).toBe(426);
      expect(answer.headers.get('cache-control')).toContain('no-store');
    }
  });

  it('works for a server at the path /', async () => {
    const { url, connect } = await serve({ pathname: '/' });
    expect(await (await fetch(`${url}/spec`)).json()).toMatchObject({ pathname: '/' });
    expect((await fetch(`${url}/primus.js`)).status).toBe(200);
    await event(connect(), 'open');
  });
});
