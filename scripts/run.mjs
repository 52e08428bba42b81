import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs a command of this package or of the system in the root folder, with its output shown; whether it succeeded. */
export function run(command, args) {
  const PATH = `${root}/node_modules/.bin:${process.env.PATH}`;
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH } }).status === 0;
}
