// Finds the published plugins for their tests. As a program: installs them, and Debian's Redis, when they are missing.
import { pathToFileURL } from 'node:url';
import { aptInstall, findProgram } from './apt.mjs';
import { Packages } from './packages.mjs';

const plugins = new Packages('test/plugins', 'the published plugins', 'scripts/plugins.mjs');

/** The reason why the plugins cannot be tested; `undefined` when they are installed as the lockfile has them. */
export function missingPlugins() {
  return plugins.missing();
}

/** The path of a Redis server; `undefined` when there is none. */
export function findRedis() {
  return findProgram('redis-server');
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (missingPlugins()) plugins.install();
  if (!findRedis()) aptInstall('redis-server');
  const missing = missingPlugins();
  console.log(missing ? `Plugin tests are SKIPPED: ${missing}` : 'The published plugins are installed');
  console.log(
    findRedis() ? 'Metroplex is tested with a Redis server of its own' : 'The test of metroplex is SKIPPED: no Redis server was found',
  );
}
