// Finds the published plugins for their tests. As a program: installs them, and Debian's Redis, when they are missing.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { aptInstall, findProgram } from './apt.mjs';
import { root } from './run.mjs';

const folder = join(root, 'test/plugins');
const stamp = join(folder, 'node_modules/.installed');
const why = join(folder, 'node_modules/.failed');

/** The reason why the plugins cannot be tested; `undefined` when they are installed as the lockfile has them. */
export function missingPlugins() {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lockfile()) return undefined;
  return existsSync(why) ? readFileSync(why, 'utf8') : 'the published plugins are not installed; node scripts/plugins.mjs installs them';
}

/** The path of a Redis server; `undefined` when there is none. */
export function findRedis() {
  return findProgram('redis-server');
}

function lockfile() {
  return readFileSync(join(folder, 'package-lock.json'), 'utf8');
}

function installPlugins() {
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=1', '--fetch-timeout=60000'];
  const { status, stderr, error } = spawnSync('npm', ['ci', ...options], { cwd: folder, encoding: 'utf8', timeout: 240_000 });
  if (status === 0) {
    rmSync(why, { force: true });
    writeFileSync(stamp, lockfile());
    return;
  }
  const reason = error?.message ?? stderr.split('\n').find((line) => /npm error (?!code)/.test(line)) ?? `npm ended with ${status}`;
  if (existsSync(join(folder, 'node_modules'))) writeFileSync(why, `the published plugins could not be installed: ${reason.trim()}`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (missingPlugins()) installPlugins();
  if (!findRedis()) aptInstall('redis-server');
  const missing = missingPlugins();
  console.log(missing ? `Plugin tests are SKIPPED: ${missing}` : 'The published plugins are installed');
  console.log(
    findRedis() ? 'Metroplex is tested with a Redis server of its own' : 'The test of metroplex is SKIPPED: no Redis server was found',
  );
}
