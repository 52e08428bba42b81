import type { ClientOptions } from './options.js';
import type { Primus } from './primus.js';

/** Returns a class of clients that calls the client functions of the option `plugin` at the end of `initialise`. */
export function pluggable<C extends typeof Primus>(Class: C): C {
  const Pluggable = class extends (Class as typeof Primus) {
    override initialise(options: ClientOptions): this {
      super.initialise(options);
      for (const plugin of Object.values(options.plugin ?? {})) plugin.client?.call(this, this, options);
      return this;
    }
  };
  return Pluggable as unknown as C;
}
