import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
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
  return build({
    absWorkingDir: root,
    entryPoints: [`transformers/${name}/browser.ts`],
    outfile: `dist/browser/${name}.js`,
    bundle: true,
    format: 'iife',
    globalName: 'PrimusClient',
    platform: 'browser',
    conditions: ['es2015', 'browser'],
    // RxJS from the sources it ships: compiled for today's browsers they need no helpers, which saves 0.8 kB gzipped.
    alias: { rxjs: join(root, 'node_modules/rxjs/src/index.ts') },
    // What the modules are compiled to as well. Anything older turns every private field into a WeakMap.
    target: 'es2022',
    // Fields as assignments, which is what those sources were written for, and shorter.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    legalComments: 'none',
    logLevel: 'warning',
    ...options,
  });
}
