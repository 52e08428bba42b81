import type { Observable, Subscription } from 'rxjs';
import { PrimusError } from '../src/core/errors.js';
import type { ReadyOptions } from './options.js';
import type { ClientState } from './state.js';

/** The part of a client that is awaited. */
interface Client {
  readonly state: ClientState;
  readonly state$: Observable<ClientState>;
  once(event: 'end', listener: () => void): this;
  end(): this;
  destroy(): unknown;
}

/** Ends a client when it has sent what was written, and destroys it. */
export async function dispose(this: Client): Promise<void> {
  const { name } = this.state;
  if (name !== 'idle' && name !== 'closed') await new Promise<void>((resolve) => this.once('end', resolve).end());
  this.destroy();
}

/** Waits until a client is open. */
export function ready(this: Client, { signal }: ReadyOptions = {}): Promise<void> {
  let abort: () => void;
  let waiting: Subscription;
  return new Promise<void>((resolve, reject) => {
    abort = () => reject(new PrimusError('ERR_PRIMUS_ABORTED', 'The wait was aborted', { cause: (signal as AbortSignal).reason }));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    waiting = this.state$.subscribe((state) => {
      if (state.name === 'open') resolve();
      else if (state.name === 'closed') reject(state.cause ?? new PrimusError('ERR_PRIMUS_CLOSED', 'The client was ended'));
    });
  }).finally(() => {
    signal?.removeEventListener('abort', abort);
    waiting.unsubscribe();
  });
}
