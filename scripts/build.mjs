// Compiles the house, layer by layer, then bundles one browser client per transformer that serves one.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root, run } from './run.mjs';

if (!run('tsc', ['-b', 'src', 'examples'])) process.exit(1);
prune();

for (const name of readdirSync(join(root, 'transformers'))) {
  const entry = join(root, 'transformers', name, 'browser.ts');
  if (existsSync(entry)) await bundle(name, entry);
}

/**
 * Not minified: it is read in a debugger, and who serves it to the world compresses it anyway.
 * `es2015` picks the RxJS build without helpers for ES5, which is a fifth smaller.
 */
function bundle(name, entry) {
  return build({
    entryPoints: [entry],
    outfile: join(root, 'dist/browser', `${name}.js`),
    bundle: true,
    format: 'iife',
    globalName: 'PrimusClient',
    platform: 'browser',
    conditions: ['es2015', 'browser'],
    target: 'es2020',
    legalComments: 'none',
    logLevel: 'warning',
  });
}

/** The compiler never removes what it wrote for a source that has since moved, and the tarball would ship it. */
function prune() {
  const layers = ['client', 'examples', 'operators', 'src', 'transformers'].filter((layer) => existsSync(join(root, 'dist', layer)));
  for (const layer of layers) {
    for (const file of readdirSync(join(root, 'dist', layer), { recursive: true })) {
      const source = file.replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
      if (source !== file && !existsSync(join(root, layer, source))) rmSync(join(root, 'dist', layer, file));
    }
  }
}
