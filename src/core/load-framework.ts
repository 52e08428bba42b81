import { asError, PrimusError } from './errors.js';

/** What resolves and loads modules: Node's `require`, of the module that needs the framework. */
export interface Require {
  (id: string): unknown;
  resolve(id: string): string;
}

/**
 * A framework that is installed beside us, loaded when it is first needed.
 *
 * @param module the package, or a module of it: `sockjs`, `browserchannel/dist/server.js`
 * @param range the versions that work, as a caret range: `^0.3.20`; `^0.3.20-0` takes those before a release as well
 * @param source what `npm install` is told, where that is not name and range
 * @throws PrimusError `ERR_PRIMUS_MISSING` that names the command which cures it
 */
export function loadFramework<T>(require: Require, module: string, range: string, source?: string): T {
  const [name] = /^(?:@[^/]+\/)?[^/]+/.exec(module) as unknown as [string];
  const cure = `; run: npm install ${source ?? `${name}@${range}`}`;
  let path: string;
  try {
    path = require.resolve(module);
  } catch (cause) {
    if ((cause as { code?: unknown } | null)?.code !== 'MODULE_NOT_FOUND') throw broken(name, cause, cure);
    throw new PrimusError('ERR_PRIMUS_MISSING', `This needs '${name}', which is not installed${cure}`, { cause });
  }
  const version = versionOf(require, name, path);
  if (version !== undefined && !within(range, version)) {
    throw new PrimusError('ERR_PRIMUS_MISSING', `This needs '${name}' ${range}, and ${version} is installed${cure}`);
  }
  try {
    return require(module) as T;
  } catch (cause) {
    throw broken(name, cause, cure);
  }
}

function broken(name: string, cause: unknown, cure: string): PrimusError {
  return new PrimusError('ERR_PRIMUS_MISSING', `'${name}' is installed but does not load: ${asError(cause).message}${cure}`, { cause });
}

/** Not every package exports its package.json: it is looked for from the module upwards. */
function versionOf(require: Require, name: string, path: string): string | undefined {
  for (let folder = path; folder !== ''; folder = folder.replace(/[\\/]?[^\\/]*$/, '')) {
    const manifest = manifestIn(require, folder);
    // One that is installed under another name is known by its place.
    if (manifest?.name === name || (manifest && folder.replaceAll('\\', '/').endsWith(`node_modules/${name}`))) return manifest.version;
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

/** Whether a version is in a caret range: not below it, and the same up to the first number that is not 0. */
export function within(range: string, version: string): boolean {
  const least = numbers(range.replace(/-0$/, ''));
  const given = numbers(range.endsWith('-0') ? version.replace(/-.*$/, '') : version);
  const fixed = least.findIndex((number) => number > 0);
  const differs = given.findIndex((number, index) => number !== least[index]);
  return given.length === 3 && (differs === -1 || (differs > fixed && (given[differs] as number) > (least[differs] as number)));
}

function numbers(version: string): number[] {
  const [, ...parts] = /^\^?(\d+)\.(\d+)\.(\d+)(?:\+.*)?$/.exec(version) ?? [];
  return parts.map(Number);
}

/** What is made when it is first needed, and kept; one that cannot be made is tried anew. */
export function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
