// Compiles the house, bundles one browser client per transformer that serves one and what is added to them, then compiles the examples.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  bundle,
  bundleChannels,
  bundleCloseReasons,
  bundled,
  bundleEdge,
  bundleFrameworks,
  bundleParser,
  bundleRequests,
  bundleSessions,
  parsers,
} from './bundle.mjs';
import { commonjs } from './commonjs.mjs';
import { root, run } from './run.mjs';

await compile('src');
await Promise.all([
  ...bundled().map((name) => bundle(name)),
  ...parsers.map((name) => bundleParser(name)),
  bundleCloseReasons(),
  bundleSessions(),
  bundleChannels(),
  bundleRequests(),
  bundleEdge(),
  bundleFrameworks(),
  commonjs(),
]);
await compile('examples');
prune();
// Loads what was built.
if (!(await run('node', ['scripts/cdn.mjs'])).ok) process.exit(1);

async function compile(project) {
  if (!(await run('tsc', ['-b', project])).ok) process.exit(1);
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
