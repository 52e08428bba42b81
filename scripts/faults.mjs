// Bundles the programs of test/faults, which run the built package, and runs them with the arguments.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './run.mjs';

const folder = join(root, 'dist/faults');
await build({
  entryPoints: {
    main: 'test/faults/main.ts',
    server: 'test/faults/server/main.ts',
    innocent: 'test/faults/innocent.ts',
    'traffic-server': 'test/faults/traffic/server.ts',
    'cluster-node': 'test/faults/cluster/node.ts',
  },
  absWorkingDir: root,
  outdir: folder,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'inline',
});
const child = spawn(process.execPath, ['--enable-source-maps', join(folder, 'main.js'), ...process.argv.slice(2)], { stdio: 'inherit' });
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => child.kill(name));
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
