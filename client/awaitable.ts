import { Subscription } from 'rxjs';
import { PrimusError } from '../src/core/errors.js';
import type { ReadyOptions } from './options.js';
import type { Primus } from './primus.js';

/**
 * Adds what you can await to a class of clients: `ready`, and `Symbol.asyncDispose` for `await using`. The library that is served to pages does
 * not have it.
 */
export function awaitable<C extends typeof Primus>(Class: C): C {
  Class.prototype[Symbol.asyncDispose] = dispose;
  Class.prototype.ready = ready;
  return Class;
}

async function dispose(this: Primus): Promise<void> {
  const { name } = this.state;
  if (name !== 'idle' && name !== 'closed') await new Promise<void>((resolve) => this.once('end', resolve).end());
  this.destroy();
}

function ready(this: Primus, { signal }: ReadyOptions = {}): Promise<void> {
  const waiting = new Subscription();
  return new Promise<void>((resolve, reject) => {
    const abort = () => reject(new PrimusError('ERR_PRIMUS_ABORTED', 'The signal was aborted', { cause: signal?.reason }));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    waiting.add(() => signal?.removeEventListener('abort', abort));
    waiting.add(
      this.state$.subscribe((state) => {
        if (state.name === 'open') resolve();
        else if (state.name === 'closed') reject(state.cause ?? new PrimusError('ERR_PRIMUS_CLOSED', 'The client was ended'));
      }),
    );
  }).finally(() => waiting.unsubscribe());
}
