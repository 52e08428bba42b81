import { asError, PrimusError } from './errors.js';

/** A function that resolves and loads modules: Node's `require`, of the module that needs the framework. */
export interface Require {
  (id: string): unknown;
  resolve(id: string): string;
}

/**
 * Loads a framework that is an optional peer.
 *
 * @param module the package, or a module of it: `sockjs`, `browserchannel/dist/server.js`
 * @param range the supported versions, as a caret range: `^0.3.20`; `^0.3.20-0` includes its pre-releases
 * @param source the argument of `npm install`, where that is not name and range
 * @throws ERR_PRIMUS_MISSING with the command to run, when the package is not installed or its version is not supported
 */
export function loadFramework<T>(require: Require, module: string, range: string, source?: string): T {
  const [name] = /^(?:@[^/]+\/)?[^/]+/.exec(module) as unknown as [string];
  const hint = `. Run: npm install ${source ?? `${name}@${range}`}`;
  let path: string;
  try {
    path = require.resolve(module);
  } catch (cause) {
    if ((cause as { code?: unknown } | null)?.code !== 'MODULE_NOT_FOUND') throw broken(name, cause, hint);
    throw new PrimusError('ERR_PRIMUS_MISSING', `The package '${name}' is not installed${hint}`, { cause });
  }
  const version = versionOf(require, name, path);
  if (version !== undefined && !within(range, version)) {
    throw new PrimusError('ERR_PRIMUS_MISSING', `The package '${name}' must be ${range}, got ${version}${hint}`);
  }
  try {
    return require(module) as T;
  } catch (cause) {
    throw broken(name, cause, hint);
  }
}

function broken(name: string, cause: unknown, hint: string): PrimusError {
  return new PrimusError(
    'ERR_PRIMUS_MISSING',
    `The package '${name}' is installed, but cannot be loaded: ${asError(cause).message}${hint}`,
    { cause },
  );
}

/** Finds the version in package.json, from the module upwards: not every package exports it. */
function versionOf(require: Require, name: string, path: string): string | undefined {
  for (let folder = path; folder !== ''; folder = folder.replace(/[\\/]?[^\\/]*$/, '')) {
    const manifest = manifestIn(require, folder);
    // A package that is installed under an alias has another name in its package.json.
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

/** Whether a version is in a caret range: at least as high, and equal up to the first number that is not 0. */
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

/** Returns a function that creates a value on its first call and keeps it. When `make` throws, the next call tries again. */
export function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
