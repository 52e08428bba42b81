import { PrimusError } from './errors.js';

/** What resolves packages: Node's `require`, of the module that needs the framework. */
export interface Require {
  (id: string): unknown;
  resolve(id: string): string;
}

/**
 * The framework a transformer stands on. Frameworks are optional: one that is not installed, or too old or too new to
 * work, is an `ERR_PRIMUS_MISSING` that names the command which cures it.
 *
 * @param least lowest that works, such as `6.6.7`; so does all that follows it within the major version
 */
export function installed<T>(require: Require, name: string, least: string): T {
  const cure = `npm install ${name}@^${least}`;
  let path: string;
  try {
    path = require.resolve(name);
  } catch (cause) {
    throw new PrimusError('ERR_PRIMUS_MISSING', `${name} is not installed; run: ${cure}`, { cause });
  }
  const version = versionOf(require, name, path);
  if (version !== undefined && !satisfies(version, least)) {
    throw new PrimusError('ERR_PRIMUS_MISSING', `${name} ${version} is installed, but ^${least} is needed; run: ${cure}`);
  }
  return require(name) as T;
}

/** Most packages do not export their package.json: it is looked for from their entry upwards. */
function versionOf(require: Require, name: string, path: string): string | undefined {
  for (let folder = path; folder !== ''; folder = folder.replace(/[\\/]?[^\\/]*$/, '')) {
    const manifest = manifestIn(require, folder);
    if (manifest?.name === name) return manifest.version;
  }
  return undefined;
}

function manifestIn(require: Require, folder: string): { name?: string; version?: string } | undefined {
  try {
    return require(`${folder}/package.json`) as { name?: string; version?: string };
  } catch {
    return undefined;
  }
}

function satisfies(installed: string, wanted: string): boolean {
  const [major = 0, minor = 0, patch = 0] = numbers(installed);
  const [needed = 0, least = 0, last = 0] = numbers(wanted);
  return major === needed && (minor > least || (minor === least && patch >= last));
}

function numbers(version: string): number[] {
  return version.split(/[.+-]/, 3).map(Number);
}
