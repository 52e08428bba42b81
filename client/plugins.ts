import type { ClientOptions } from './options.js';
import type { Primus } from './primus.js';

/** Returns a class of clients with the option `plugin`, whose client functions are in the `ark` of that client. */
export function pluggable<C extends typeof Primus>(Class: C): C {
  const Pluggable = class extends (Class as typeof Primus) {
    override initialise(options: ClientOptions): this {
      const given = Object.entries(options.plugin ?? {}).flatMap(([name, { client }]) => (client ? [[name, client] as const] : []));
      this.ark = { ...this.ark, ...Object.fromEntries(given) };
      return super.initialise(options);
    }
  };
  return Pluggable as unknown as C;
}
