import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { root } from './run.mjs';

/** The transformers that serve a client: those with an entry for it. */
export function bundled() {
  return readdirSync(join(root, 'transformers')).filter((name) => existsSync(join(root, 'transformers', name, 'browser.ts')));
}

/**
 * Bundles the browser client of a transformer, with esbuild's own options on top.
 * Not minified: it is read in a debugger, and who serves it to the world compresses it anyway.
 */
export function bundle(name, options = {}) {
  return script(`transformers/${name}/browser.ts`, name, { globalName: 'PrimusClient', ...options });
}

/** The parsers that a served library has in addition when they are asked for: all but JSON. */
export const parsers = ['binary', 'ejson', 'jsonh', 'msgpack'];

export function bundleParser(name, options = {}) {
  return script(`src/parsers/${name}.ts`, name, { globalName: 'PrimusParser', ...options });
}

/** What a served library has in addition when the server says why it refuses. */
export function bundleExplaining() {
  return script('client/explaining.ts', 'explaining', { globalName: 'PrimusExplaining' });
}

/** What a served library has in addition when there are plugins. */
export function bundleEdge() {
  return script('src/compat/browser.ts', 'edge', { globalName: 'PrimusEdge' });
}

async function script(entry, name, { globalName, ...options }) {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: `dist/browser/${name}.js`,
    bundle: true,
    format: 'esm',
    write: false,
    platform: 'browser',
    conditions: ['es2015', 'browser'],
    // RxJS from the sources it ships: compiled for today's browsers they need no helpers, which saves 0.8 kB gzipped.
    alias: { rxjs: join(root, 'node_modules/rxjs/src/index.ts') },
    // What the modules are compiled to as well. Anything older turns every private field into a WeakMap.
    target: 'es2022',
    // Fields as assignments, which is what those sources were written for, and shorter.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    // Private names of RxJS and of the frameworks; `_write` is ours, and public, `_placeholder` is on Socket.IO's line, `_S` on BrowserChannel's.
    mangleProps: /^_/,
    reserveProps: /^_(write|placeholder|S)$/,
    // What CommonJS packages ask for. `global` is theirs to expect, and the other spares the page their traces.
    define: { global: 'globalThis', 'process.env.NODE_ENV': '"production"' },
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [lean],
    ...options,
  });
  const [{ path, text }] = result.outputFiles;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, plain(text, globalName));
  return result;
}

/** A module as a script with one variable. esbuild's own way to say this, with getters for exports, is 0.2 kB gzipped. */
function plain(text, globalName) {
  const body = text.replace(/^export \{([^}]*)\};?\s*$/m, (_, names) => {
    const exported = names.split(',').map((name) => name.trim().replace(/^(\S+) as (\S+)$/, '$2: $1'));
    return `return { ${exported.filter(Boolean).join(', ')} };\n`;
  });
  return `var ${globalName} = (() => {\n${body}})();\n`;
}

/** Parts of RxJS, and of frameworks, that the client reaches by no more than a default, an overload or a kind of input it never uses. */
const unused = {
  scheduled: "export function scheduled() { throw new Error('No scheduler here'); }",
  executeSchedule: "export function executeSchedule() { throw new Error('No scheduler here'); }",
  reportUnhandledError: 'export const reportUnhandledError = (error) => queueMicrotask(() => { throw error; });',
  errorContext: 'export const errorContext = (run) => run(); export const captureError = () => {};',
  UnsubscriptionError: 'export class UnsubscriptionError extends Error { constructor(errors) { super(errors); this.errors = errors; } }',
  NotificationFactories: 'export const COMPLETE_NOTIFICATION = null, errorNotification = () => {}, nextNotification = errorNotification;',
  // Its settings, which nobody in a page can reach, and what it does only if they say so.
  config: 'export const config = {};',
  timeoutProvider: 'export const timeoutProvider = {};',
  // Numbers and schedulers behind the streams that are to be merged: ours are streams alone.
  args: 'export const popScheduler = () => {}, popResultSelector = popScheduler, popNumber = (_, number) => number;',
  // After a while, once, by the scheduler it is told.
  timer: `
    import { Observable } from '../Observable';
    export const timer = (due, scheduler) =>
      new Observable((subscriber) => scheduler.schedule(() => { subscriber.next(0); subscriber.complete(); }, due));`,
  // What the client's operators are fed with: streams, promises, lists and generators.
  innerFrom: `
    import { Observable } from '../Observable';
    export function innerFrom(input) {
      if (input instanceof Observable) return input;
      return new Observable((subscriber) => {
        const last = (value) => { subscriber.next(value); subscriber.complete(); };
        if (input.then) return void input.then(last, (error) => subscriber.error(error));
        for (const value of input) {
          subscriber.next(value);
          if (subscriber.closed) return;
        }
        subscriber.complete();
      });
    }`,
  // What sockjs-client has for browsers that do not run the rest of the bundle, or for pages within a frame.
  'sockjs-shims': '',
  'sockjs-iframe-bootstrap': 'module.exports = () => {};',
  'sockjs-info-iframe': 'module.exports = { enabled: () => false };',
  'sockjs-log': 'module.exports = console;',
  // Engine.IO's: addresses are parsed by us, and every browser of today has CORS.
  parseuri: 'export const parse = () => {};',
  'has-cors': 'export const hasCORS = true;',
};

/** Leaves them out, and puts `client/clock.ts` in the place of RxJS's timers: together a fifth of the bundle. */
const lean = {
  name: 'lean',
  setup({ onLoad, onResolve }) {
    const internal = join(root, 'node_modules/rxjs/src/internal');
    onResolve({ filter: /\/scheduler\/async$/ }, () => ({ path: join(root, 'client/clock.ts') }));
    onResolve({ filter: new RegExp(`/(${Object.keys(unused).join('|')})(.js)?$`) }, ({ path }) => ({
      path: path.replace(/.*\/|\.js$/g, ''),
      namespace: 'unused',
    }));
    onResolve({ filter: /^\.\.?\/(shims|iframe-bootstrap|info-iframe|utils\/log)$/ }, ({ path, importer }) =>
      /[\\/]sockjs-client[\\/]/.test(importer) ? { path: `sockjs${path.replace(/.*\//, '-')}`, namespace: 'unused' } : undefined,
    );
    // What RxJS does for its deprecated settings.
    onLoad({ filter: /rxjs.src.internal.Subscriber\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/\bconfig\.useDeprecated\w+/g, 'false'),
      loader: 'ts',
    }));
    onLoad({ filter: /.*/, namespace: 'unused' }, ({ path }) => ({ contents: unused[path], resolveDir: join(internal, 'observable') }));
  },
};
