import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { describe, PrimusError } from '../core/errors.js';
import type { Plugin, Plugins } from '../core/plugin.js';

/** The plugins of a server, or of a client that is created without one. */
export class Ark {
  readonly plugins: { [name: string]: Plugin } = Object.create(null);

  /**
   * Adds a plugin.
   *
   * @throws ERR_PRIMUS_PLUGIN when it has no name or the wrong type, or its name is taken
   */
  add(name: unknown, plugin: unknown): Plugin {
    if (typeof name !== 'string' || name === '') throw invalid(`The name of a plugin must be a non-empty string, got ${describe(name)}`);
    if (Object.hasOwn(this.plugins, name)) throw invalid(`There is already a plugin '${name}'. Remove it first: plugout('${name}')`);
    if ((typeof plugin !== 'object' && typeof plugin !== 'function') || plugin === null) {
      throw invalid(`The plugin '${name}' must be an object with server, client or library, got ${describe(plugin)}`);
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

  /** Removes a plugin, and returns it. */
  remove(name: string): Plugin | undefined {
    const plugin = this.plugins[name];
    delete this.plugins[name];
    return plugin;
  }
}

/**
 * Returns the plugins of the option `plugin`: an object, or the names of packages, separated by commas or spaces.
 *
 * @throws ERR_PRIMUS_PLUGIN when the option has the wrong type, or a package cannot be loaded
 */
export function pluginsOf(option: unknown): Plugins {
  if (option == null) return {};
  if (typeof option === 'object' && !Array.isArray(option)) return option as Plugins;
  if (typeof option !== 'string')
    throw invalid(`\`plugin\` must be an object, or a string with the names of packages, got ${describe(option)}`);
  const names = option.split(/[\s,]+/).filter(Boolean);
  return Object.fromEntries(names.map((name) => [name, load(name)]));
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
  return require.resolve(name, { paths: folders() });
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

/** Returns the source of a plugin's library: the string itself, or the contents of the file that it names. */
export function librarySource({ library }: Plugin): string {
  if (library === undefined) return '';
  return isAbsolute(library) && !library.includes('\n') && existsSync(library) ? readFileSync(library, 'utf8') : library;
}

function invalid(message: string, cause?: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_PLUGIN', message, cause === undefined ? undefined : { cause });
}
