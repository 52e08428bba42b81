// Finds the runtimes of docs/runtimes.md for their tests. As a program: installs them when they are missing.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Packages } from './packages.mjs';

const packages = new Packages('test/runtimes/packages', 'the runtimes', 'scripts/runtimes.mjs');

/** The runtimes, each with its program in the packages, and the arguments before a script. */
const programs = [
  ['Node.js 20', 'node-20/bin/node', []],
  ['Node.js 22', 'node-22/bin/node', []],
  ['Node.js 24', 'node-24/bin/node', []],
  ['Bun', '@oven/bun-linux-x64/bin/bun', []],
  // Without its cache of compiled code, which would run an earlier build of the same folder.
  ['Deno', '@deno/linux-x64-glibc/deno', ['run', '--allow-all', '--quiet', '--no-code-cache']],
];

/**
 * The runtimes with their commands; this Node.js too, where one is missing. `missing` is the reason why one cannot be tested: there are packages
 * for Linux on x64 only.
 */
export function findRuntimes() {
  const found = programs.map(([name, path, args]) => {
    const program = join(packages.folder, 'node_modules', path);
    const missing = existsSync(program)
      ? undefined
      : (packages.missing() ?? `there is no package of it for ${process.platform} ${process.arch}`);
    return { name, command: [program, ...args], missing };
  });
  if (found.every(({ missing }) => missing === undefined)) return found;
  return [{ name: 'this Node.js', command: [process.execPath], missing: undefined }, ...found];
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (packages.missing()) packages.install();
  for (const { name, missing } of findRuntimes()) {
    console.log(missing ? `The tests on ${name} are SKIPPED: ${missing}` : `The contract is tested on ${name}`);
  }
}
