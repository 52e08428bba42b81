import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { lean } from './lean.mjs';
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
export function bundleCloseReasons() {
  return script('client/close-reasons.ts', 'close-reasons', { globalName: 'PrimusCloseReasons' });
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
