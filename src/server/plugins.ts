import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { describe, PrimusError } from '../core/errors.js';
import type { Plugin } from '../core/plugin.js';

/** The plugins of a server, or of a client that is created without one. */
export class Ark {
  readonly plugins: { [name: string]: Plugin } = Object.create(null);

  /**
   * Adds a plugin, or that of a package.
   *
   * @throws ERR_PRIMUS_PLUGIN when it has no name or the wrong type, its name is taken, or its package cannot be loaded
   */
  add(name: unknown, given: unknown): Plugin {
    if (typeof name !== 'string' || name === '') throw invalid(`The name of a plugin must be a non-empty string, got ${describe(name)}`);
    if (Object.hasOwn(this.plugins, name)) throw invalid(`There is already a plugin '${name}'. Remove it first: plugout('${name}')`);
    const plugin = typeof given === 'string' ? load(given) : given;
    if ((typeof plugin !== 'object' && typeof plugin !== 'function') || plugin === null) {
      throw invalid(
        `The plugin '${name}' must be the name of a package, or an object with server, client or library, got ${describe(plugin)}`,
      );
    }
    const { server, client, library } = plugin as { [Part in keyof Plugin]?: unknown };
    for (const [part, value] of Object.entries({ server, client })) {
      if (value !== undefined && typeof value !== 'function')
        throw invalid(`The ${part} of the plugin '${name}' must be a function, got ${describe(value)}`);
    }
    if (library !== undefined && typeof library !== 'string')
      throw invalid(`The library of the plugin '${name}' must be a string, got ${describe(library)}`);
    if (server === undefined && client === undefined && library === undefined)
      throw invalid(`The plugin '${name}' must have a server, a client or a library`);
    this.plugins[name] = plugin as Plugin;
    return plugin as Plugin;
  }

  /** Removes a plugin. */
  remove(name: string): void {
    delete this.plugins[name];
  }
}

/**
 * Returns the names and plugins, or packages, of the option `plugin`: an object, in which `false` is none, or the names of packages,
 * separated by commas or spaces.
 *
 * @throws ERR_PRIMUS_PLUGIN when the option has the wrong type
 */
export function pluginsOf(option: unknown): [name: string, plugin: Plugin | string][] {
  if (!option) return [];
  if (typeof option === 'string') return option.split(/[\s,]+/).flatMap((name) => (name === '' ? [] : [[name, name]]));
  if (typeof option === 'object') return Object.entries(option).filter(([, plugin]) => plugin);
  throw invalid(`\`plugin\` must be an object, or a string with the names of packages, got ${describe(option)}`);
}

/**
 * Returns the names and plugins of the option `plugin`, with those of packages loaded.
 *
 * @throws ERR_PRIMUS_PLUGIN when the option has the wrong type, or a package cannot be loaded
 */
export function loadedPlugins(option: unknown): [name: string, plugin: Plugin][] {
  return pluginsOf(option).map(([name, plugin]) => [name, typeof plugin === 'string' ? load(plugin) : plugin]);
}

/** Returns the folders in which an application has its packages: that of its main script, and the working directory. */
function folders(): string[] {
  const main = process.argv[1];
  // With `node -e` the first argument stands in its place.
  return [...(main && isAbsolute(main) ? [dirname(main)] : []), process.cwd()];
}

/** Returns a `require` that finds the packages of the application. */
export function applicationRequire(): NodeJS.Require {
  const [first = process.cwd()] = folders();
  const require = createRequire(join(first, 'index.js'));
  return Object.assign((name: string) => require(resolve(require, name)), require);
}

function resolve(require: NodeJS.Require, name: string): string {
  try {
    return require.resolve(name, { paths: folders() });
  } catch (missing) {
    // A main script elsewhere, such as a test runner's, may have this package and its plugins side by side.
    const { url } = import.meta as { url?: string };
    if (url === undefined || (missing as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw missing;
    return createRequire(url).resolve(name);
  }
}

function load(name: string): Plugin {
  let loaded: Plugin & { default?: Plugin };
  try {
    loaded = applicationRequire()(name);
  } catch (cause) {
    throw invalid(
      `The plugin '${name}' could not be loaded from ${folders().join(' or ')}. Is it installed? Run: npm install ${name}`,
      cause,
    );
  }
  const given = loaded.server ?? loaded.client ?? loaded.library;
  return given === undefined && loaded.default !== undefined ? loaded.default : loaded;
}

/** The contents of files that are libraries, by path, with the version that was read. */
const files = new Map<string, { version: string; source: string }>();

/** Returns the source of a plugin's library: the string itself, or the contents of the file that it names, which is read when it changes. */
export function librarySource({ library }: Plugin): string {
  if (library === undefined) return '';
  const stats = isAbsolute(library) && !library.includes('\n') ? statSync(library, { throwIfNoEntry: false }) : undefined;
  if (stats === undefined) return library;
  const version = `${stats.ino} ${stats.mtimeMs} ${stats.size}`;
  let file = files.get(library);
  if (file?.version !== version) {
    file = { version, source: readFileSync(library, 'utf8') };
    files.set(library, file);
  }
  return file.source;
}

function invalid(message: string, cause?: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_PLUGIN', message, cause === undefined ? undefined : { cause });
}
