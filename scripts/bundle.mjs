import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { minifySync } from 'vite';
import { root } from './run.mjs';

/** The transformers that serve a client: those with an entry for it. */
export function bundled() {
  return readdirSync(join(root, 'transformers')).filter((name) => existsSync(join(root, 'transformers', name, 'browser.ts')));
}

/** Bundles the browser client of a transformer. */
export function bundle(name) {
  return script(`transformers/${name}/browser.ts`, name, 'PrimusClient');
}

/** The parsers that a served library has in addition when they are asked for: all but JSON. */
export const parsers = ['binary', 'ejson', 'jsonh', 'msgpack'];

export function bundleParser(name) {
  return script(`src/parsers/${name}.ts`, name, 'PrimusParser');
}

/** Bundles the part of a served library that reports why the server rejected a connection. */
export function bundleCloseReasons() {
  return script('client/close-reasons.ts', 'close-reasons', 'PrimusCloseReasons');
}

/** Bundles the part of a served library that resumes sessions. */
export function bundleSessions() {
  return script('client/resume.ts', 'sessions', 'PrimusSessions');
}

/** Bundles the part of a served library that uses channels. */
export function bundleChannels() {
  return script('client/channels.ts', 'channels', 'PrimusChannels');
}

/** Bundles the part of a served library that makes and answers requests. */
export function bundleRequests() {
  return script('src/requests/page.ts', 'requests', 'PrimusRequests');
}

/** Bundles the part of a served library that plugins need. */
export function bundleEdge() {
  return script('src/compat/browser.ts', 'edge', 'PrimusEdge');
}

/**
 * Modules of the frameworks that do nothing in a served library, or that are for browsers that would not run the rest of it, each with its
 * replacement. Engine.IO's and Socket.IO's client asks whether there is CORS and parses its
 * address, which comes from us; sockjs-client has shims, the frames of pages without CORS, and a logger.
 */
const deadCode = {
  'engine.io-client': {
    'contrib/has-cors': 'export const hasCORS = true;',
    'contrib/parseuri': 'export const parse = () => {};',
  },
  'sockjs-client': {
    'lib/shims': '',
    'lib/iframe-bootstrap': 'module.exports = () => {};',
    'lib/info-iframe': 'module.exports = { enabled: () => false };',
    'lib/utils/log': 'module.exports = console;',
  },
};

const withoutDeadCode = {
  name: 'without-dead-code',
  setup({ onLoad }) {
    for (const [framework, modules] of Object.entries(deadCode)) {
      for (const [module, contents] of Object.entries(modules)) {
        const file = `/${framework}/(.*/)?${module}\\.[jt]s$`.replaceAll('/', '[\\\\/]');
        onLoad({ filter: new RegExp(file) }, () => ({ contents, loader: 'js' }));
      }
    }
  },
};

/** browserchannel's client evaluates what it receives, which the content security policy of a page may forbid. Its server sends JSON. */
const withoutEval = {
  name: 'without-eval',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]browserchannel[\\/]dist[\\/]bcsocket-uncompressed\.js$/ }, ({ path }) => {
      const contents = readFileSync(path, 'utf8').replace(/\beval\("\(" ?\+ ?(\w+) ?\+ ?"\)"\)/g, 'JSON.parse($1)');
      if (/\beval\(/.test(contents)) throw new Error(`${path} evaluates something else: see scripts/bundle.mjs`);
      return { contents, loader: 'js' };
    });
  },
};

/**
 * Writes `NAME.js`, to be read in a debugger, and `NAME.min.js`, since a server has no minifier. Gives what esbuild says of the modules in
 * the second.
 */
async function script(entry, name, globalName) {
  const [, { metafile }] = await Promise.all([write(entry, name, globalName, false), write(entry, `${name}.min`, globalName, true)]);
  return metafile;
}

async function write(entry, name, globalName, minify) {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: `dist/browser/${name}.js`,
    bundle: true,
    format: 'esm',
    minify,
    metafile: true,
    write: false,
    platform: 'browser',
    conditions: ['es2015', 'browser'],
    // The sources that RxJS publishes, whole: compiled for today's browsers they need none of tslib's helpers, 0.7 kB gzipped.
    alias: { rxjs: join(root, 'node_modules/rxjs/src/index.ts') },
    // What the modules are compiled to as well. Anything older turns every private field into a WeakMap.
    target: 'es2022',
    // Fields as assignments are shorter.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    // What CommonJS packages ask for. `global` is theirs to expect, and the other spares the page their traces.
    define: { global: 'globalThis', 'process.env.NODE_ENV': '"production"' },
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [withoutDeadCode, withoutEval],
  });
  const [{ path, text }] = result.outputFiles;
  const source = plain(text, globalName);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, minify ? minified(path, source) : source);
  return result;
}

/**
 * Vite's minifier takes another 4 % off what esbuild's leaves. No property that is read has a getter with effects. It writes characters as
 * they are, which a page of another charset would misread.
 */
function minified(path, source) {
  const { code } = minifySync(path, source, {
    module: false,
    compress: { target: 'es2022', treeshake: { propertyReadSideEffects: false } },
  });
  return code.replace(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A module as a script with one variable. esbuild's own way to say this, with getters for exports, is 0.2 kB gzipped. */
function plain(text, globalName) {
  const body = text.replace(/\bexport ?\{([^}]*)\};?\s*$/, (_, names) => {
    const exported = names.split(',').map((name) => name.trim().replace(/^(\S+) as (\S+)$/, '$2: $1'));
    return `return { ${exported.filter(Boolean).join(', ')} };\n`;
  });
  return `var ${globalName} = (() => {\n${body}})();\n`;
}
