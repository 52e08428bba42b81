import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { minify } from 'terser';
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

/** The frameworks whose packages a page cannot import as they are: CommonJS that expects globals of Node.js, or that evaluates strings. */
const frameworks = ['browserchannel', 'sockjs'];

/** Replaces the modules that import these frameworks by bundles of them, for pages that import the client. */
export async function bundleFrameworks() {
  for (const name of frameworks) {
    const path = `transformers/${name}/client/browser-framework`;
    await build({ ...pageOptions, entryPoints: [`${path}.ts`], outfile: `dist/${path}.js` });
    // That of the compiler is for the module that was replaced.
    rmSync(join(root, `dist/${path}.js.map`), { force: true });
  }
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

/**
 * Replacements in browserchannel's client, each with a pattern that must not be left, for code that a page may forbid, or that throws in an
 * ES module, where all code is strict. It evaluates the messages: its server sends JSON. It finds the global object in `this`, and the caller of
 * a function for the traces of a logger that is off.
 */
const notStrict = [
  [/\beval\("\(" ?\+ ?(\w+) ?\+ ?"\)"\)/g, 'JSON.parse($1)', /\beval\(/],
  [/(aa = aa \|\| \{\}, l = )this;/, '$1globalThis;', /^\(function\(\)\{\s*var [^;]*= this;/],
  [/\barguments\.callee\.caller\b/g, 'null', /\barguments\.callee\b/],
];

const strict = {
  name: 'strict',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]browserchannel[\\/]dist[\\/]bcsocket-uncompressed\.js$/ }, ({ path }) => {
      const contents = notStrict.reduce((text, [old, replacement]) => text.replace(old, replacement), readFileSync(path, 'utf8'));
      const left = notStrict.find(([, , forbidden]) => forbidden.test(contents));
      if (left) throw new Error(`${path} has changed, and matches ${left[2]}: see scripts/bundle.mjs`);
      return { contents, loader: 'js' };
    });
  },
};

/** Options of esbuild for what runs in a page. */
const pageOptions = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  conditions: ['es2015', 'browser'],
  // What the modules are compiled to as well. Anything older turns every private field into a WeakMap.
  target: 'es2022',
  // What CommonJS packages ask for: `global` is theirs to expect, and NODE_ENV spares the page their traces. `attachEvent` is of browsers that
  // would not run the rest.
  define: { global: 'globalThis', 'process.env.NODE_ENV': '"production"', attachEvent: 'undefined' },
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [withoutDeadCode, strict],
};

/**
 * Writes `NAME.js`, to be read in a debugger, and `NAME.min.js`, since a server has no minifier. Gives what esbuild says of the modules in
 * the second.
 */
async function script(entry, name, globalName) {
  const [, { metafile }] = await Promise.all([write(entry, name, globalName, false), write(entry, `${name}.min`, globalName, true)]);
  return metafile;
}

async function write(entry, name, globalName, isMinified) {
  const result = await build({
    ...pageOptions,
    entryPoints: [entry],
    outfile: `dist/browser/${name}.js`,
    minify: isMinified,
    metafile: true,
    write: false,
    // The sources that RxJS publishes, whole: compiled for today's browsers they need none of tslib's helpers, 0.7 kB gzipped.
    alias: { rxjs: join(root, 'node_modules/rxjs/src/index.ts') },
    // Fields as assignments are shorter.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
  });
  const [{ path, text }] = result.outputFiles;
  const source = plain(text, globalName);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, isMinified ? await minified(path, source) : source);
  return result;
}

/**
 * Vite's minifier takes another 4 % off what esbuild's leaves, and Terser 2 % off that. No property that is read has a getter with effects. A page
 * of another charset would misread other characters than those of ASCII.
 */
async function minified(path, source) {
  const { code } = minifySync(path, source, {
    module: false,
    compress: { target: 'es2022', treeshake: { propertyReadSideEffects: false } },
  });
  const result = await minify(code, {
    ecma: 2020,
    compress: { passes: 3, pure_getters: true },
    format: { ascii_only: true, comments: false },
  });
  return result.code;
}

/** A module as a script with one variable. esbuild's own way to say this, with getters for exports, is 0.2 kB gzipped. */
function plain(text, globalName) {
  const body = text.replace(/\bexport ?\{([^}]*)\};?\s*$/, (_, names) => {
    const exported = names.split(',').map((name) => name.trim().replace(/^(\S+) as (\S+)$/, '$2: $1'));
    return `return { ${exported.filter(Boolean).join(', ')} };\n`;
  });
  return `var ${globalName} = (() => {\n${body}})();\n`;
}
