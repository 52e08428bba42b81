import type { Primus } from './primus.js';

/** Adds `Symbol.asyncDispose` to a class of clients, for `await using`. The library that is served to pages does not have it. */
export function disposable<C extends typeof Primus>(Class: C): C {
  Class.prototype[Symbol.asyncDispose] = dispose;
  return Class;
}

async function dispose(this: Primus): Promise<void> {
  const { name } = this.state;
  if (name !== 'idle' && name !== 'closed') await new Promise<void>((resolve) => this.once('end', resolve).end());
  this.destroy();
}
