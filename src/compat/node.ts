import { EventEmitter } from 'node:events';
import { Stream } from 'node:stream';
import { compileFunction } from 'node:vm';
import type { Primus } from '../../client/primus.js';
import type { EmitsArguments } from '../core/events.js';
import { guardedEmits } from '../core/guarded-emits.js';
import type { ClientFunctions, Plugins } from '../core/plugin.js';
import { sourceOf } from '../server/function-source.js';
import { applicationRequire, librarySource } from '../server/plugins.js';
import { type LegacyClientClass, legacyClient } from './client.js';

/** Creates the class of clients for Node that old plugins expect. */
export function legacyNodeClient(Class: typeof Primus): LegacyClientClass {
  const Guarded = class extends Class {
    override emits(event: string, ...bound: EmitsArguments): (...args: unknown[]) => boolean {
      return guardedEmits(this as never, (error) => this.onListenerError(error), event, bound);
    }
  };
  return legacyClient(Guarded, { EventEmitter, Stream, requires: applicationRequire() });
}

/**
 * Creates the class of clients for Node with plugins, which run as in a page: their libraries once, and their client functions for each
 * client; from source, in sloppy mode, with `Primus` and `require` in scope.
 */
export function withPlugins(Class: typeof Primus, plugins: Plugins): LegacyClientClass {
  const Client = legacyNodeClient(Class);
  const list = Object.entries(plugins);
  const require = applicationRequire();
  const run = (source: string, name: string): unknown => {
    const filename = `primus-plugin-${name}.js`;
    return compileFunction(source, ['Primus', 'require'], { filename }).call(undefined, Client, require);
  };
  for (const [name, plugin] of list) run(librarySource(plugin), `${name}-library`);
  const clients = list.filter(([, { client }]) => client !== undefined);
  Client.prototype.ark = Object.fromEntries(
    clients.map(([name, { client }]) => [
      name,
      run(`return ${sourceOf(client, `The client of the plugin '${name}'`)}`, name) as ClientFunctions[string],
    ]),
  );
  return Client;
}
