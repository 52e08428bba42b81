import type { Plugin } from '../src/core/plugin.js';
import type { ClientOptions } from './options.js';
import type { Primus } from './primus.js';

/** Returns the plugins of the option `plugin`. Other platforms may load them. */
export type FindPlugins = (option: ClientOptions['plugin']) => readonly (readonly [name: string, plugin: Plugin])[];

/** Returns a class of clients with the option `plugin`, whose client functions are in the `ark` of that client. */
export function pluggable<C extends typeof Primus>(Class: C, find: FindPlugins = (option) => Object.entries(option ?? {})): C {
  const Pluggable = class extends (Class as typeof Primus) {
    override initialise(options: ClientOptions): this {
      this.ark = { ...this.ark };
      for (const [name, plugin] of find(options.plugin)) if (plugin?.client) this.ark[name] = plugin.client;
      return super.initialise(options);
    }
  };
  return Pluggable as unknown as C;
}
