// Packs the package as it would be published, from the present build, for the tools that examine the tarball.
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './run.mjs';

/** Packs into a folder and returns the path of the tarball. Its name has no version, so that other tools need not know it. */
export function pack(folder) {
  mkdirSync(folder, { recursive: true });
  const report = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: root, encoding: 'utf8' });
  const tarball = join(folder, 'primus-rx.tgz');
  renameSync(join(folder, JSON.parse(report)[0].filename), tarball);
  return tarball;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) console.log(`packed ${pack(join(root, 'dist'))}`);
