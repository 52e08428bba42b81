import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The modules of the package whose entries applications import: these are tested as they are published. */
const entries: Record<string, string> = {
  'client/primus.js': 'primus-rx/client',
  'src/index.js': 'primus-rx',
  'src/request.js': 'primus-rx/request',
};

const published: Plugin = {
  name: 'published',
  setup({ onResolve }) {
    onResolve({ filter: /^vitest$/ }, () => ({ path: resolve(root, 'test/runtimes/runner.ts') }));
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const entry = entries[relative(root, resolve(resolveDir, path))];
      return entry === undefined ? undefined : { path: entry, external: true };
    });
  },
};

/** Bundles the contract for runtimes without TypeScript and vitest, and returns the path of the program. */
export async function bundleContract(): Promise<string> {
  const outfile = resolve(root, 'dist/runtimes/contract.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['test/runtimes/contract.ts'],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    plugins: [published],
    logLevel: 'warning',
  });
  return outfile;
}
