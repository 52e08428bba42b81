import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { describe, PrimusError } from '../core/errors.js';
import type { Plugin, Plugins } from '../core/plugin.js';

/** The plugins of a server, or of a client that is made apart from one. */
export class Ark {
  readonly plugins: { [name: string]: Plugin } = Object.create(null);

  /** Adds a plugin, once it has been looked at. */
  add(name: unknown, plugin: unknown): Plugin {
    if (typeof name !== 'string' || name === '') throw invalid(`A plugin must have a name, not ${describe(name)}`);
    if (Object.hasOwn(this.plugins, name)) throw invalid(`The plugin '${name}' is there already; plugout('${name}') removes it`);
    if ((typeof plugin !== 'object' && typeof plugin !== 'function') || plugin === null) {
      throw invalid(`The plugin '${name}' must be an object with server, client or library, not ${describe(plugin)}`);
    }
    const { server, client, library } = plugin as { [Part in keyof Plugin]?: unknown };
    for (const [part, value] of Object.entries({ server, client })) {
      if (value !== undefined && typeof value !== 'function')
        throw invalid(`The ${part} of the plugin '${name}' must be a function, not ${describe(value)}`);
    }
    if (library !== undefined && typeof library !== 'string')
      throw invalid(`The library of the plugin '${name}' must be a text, not ${describe(library)}`);
    if (server === undefined && client === undefined && library === undefined)
      throw invalid(`The plugin '${name}' has neither server nor client nor library`);
    this.plugins[name] = plugin as Plugin;
    return plugin as Plugin;
  }

  /** The plugin that was there. */
  remove(name: string): Plugin | undefined {
    const plugin = this.plugins[name];
    delete this.plugins[name];
    return plugin;
  }
}

/** The option `plugin`: an object, or names of packages, separated by commas or spaces. */
export function pluginsOf(option: unknown): Plugins {
  if (option == null) return {};
  if (typeof option === 'object' && !Array.isArray(option)) return option as Plugins;
  if (typeof option !== 'string') throw invalid(`The option plugin must be an object, or names of packages, not ${describe(option)}`);
  const names = option.split(/[\s,]+/).filter(Boolean);
  return Object.fromEntries(names.map((name) => [name, load(name)]));
}

/** Where an application's packages are: beside its main script, or where it was started. */
function folders(): string[] {
  const main = process.argv[1];
  return [...(main ? [dirname(main)] : []), process.cwd()];
}

/** The application's own `require`. */
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
    throw invalid(`The plugin '${name}' could not be loaded from ${folders().join(' or ')}; npm install ${name} may cure it`, cause);
  }
  const given = loaded.server ?? loaded.client ?? loaded.library;
  return given === undefined && loaded.default !== undefined ? loaded.default : loaded;
}

/** The source of a plugin's library: the text itself, or that of the file it names. */
export function librarySource({ library }: Plugin): string {
  if (library === undefined) return '';
  return isAbsolute(library) && !library.includes('\n') && existsSync(library) ? readFileSync(library, 'utf8') : library;
}

function invalid(message: string, cause?: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_PLUGIN', message, cause === undefined ? undefined : { cause });
}
