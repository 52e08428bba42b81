import type { ClientOptions } from './options.js';
import type { Primus } from './primus.js';

/** A class of clients that runs the client functions of its option `plugin`, as they are, at the end of `initialise`. */
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
