import { asError, PrimusError } from './errors.js';

/** Loads a module by its name, as `require` does. */
export type Load = (module: string) => unknown;

/**
 * A framework that is installed beside us, loaded when it is first needed.
 *
 * @param range the versions that work, as a caret range: `^0.3.20`; `^0.3.20-0` takes those before a release as well
 * @param source what `npm install` is told, where that is not its name
 * @throws PrimusError `ERR_PRIMUS_MISSING` that names the command which cures it
 */
export function framework<T>(load: Load, name: string, range: string, source = `${name}@${range}`): T {
  const cure = `; run: npm install ${source}`;
  let version: string;
  try {
    version = (load(`${name}/package.json`) as { version: string }).version;
  } catch (cause) {
    if ((cause as { code?: unknown } | null)?.code !== 'MODULE_NOT_FOUND') throw broken(name, cause, cure);
    throw new PrimusError('ERR_PRIMUS_MISSING', `This transformer stands on '${name}', which is not installed${cure}`, { cause });
  }
  if (!within(range, version)) {
    throw new PrimusError('ERR_PRIMUS_MISSING', `This transformer needs '${name}' ${range}, and ${version} is installed${cure}`);
  }
  try {
    return load(name) as T;
  } catch (cause) {
    throw broken(name, cause, cure);
  }
}

function broken(name: string, cause: unknown, cure: string): PrimusError {
  return new PrimusError('ERR_PRIMUS_MISSING', `'${name}' is installed but does not load: ${asError(cause).message}${cure}`, { cause });
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
