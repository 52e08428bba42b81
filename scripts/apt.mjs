// Finds and installs the programs of Debian that tests run against. No dependencies: it is used before `npm ci`.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The path of a program, also in the folders of servers (`sbin`); `undefined` when there is none. */
export function findProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find(existsSync);
}

/** The path of a program; throws when there is none. Debian has it in a package of the same name. */
export function requireProgram(name) {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`There is no ${name}. Is it installed? On Debian: apt-get install ${name}`);
  return path;
}

/** Installs packages, but only where it looks like a container or a CI machine: as root, on Debian or a derivative. */
export function aptInstall(...packages) {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return;
  // In this runlevel the installation does not start a server.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const options = { stdio: ['ignore', 'ignore', 'inherit'], env };
  spawnSync('apt-get', ['update', '-q'], options);
  spawnSync('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], options);
}
