type Listener = ((...args: unknown[]) => unknown) & { listener?: Listener };

const NONE: readonly Listener[] = [];

/**
 * A small EventEmitter with the names and semantics of Node's, with one exception: an `error` without listeners is not
 * thrown. An error that a listener throws, or that its promise rejects with, goes to `onListenerError`.
 */
export class Emitter {
  #handlers = new Map<string, readonly Listener[]>();

  /** Adds a listener. `context` is its `this`: the emitter of Primus 8 in pages has it. */
  on(event: string, listener: Listener, context?: unknown): this {
    return this.#set(event, [
      ...this.#get(event),
      context ? Object.assign(checked(listener).bind(context), { listener }) : checked(listener),
    ]);
  }

  prependListener(event: string, listener: Listener): this {
    return this.#set(event, [checked(listener), ...this.#get(event)]);
  }

  once(event: string, listener: Listener, context: unknown = this): this {
    const once: Listener = (...args) => {
      this.removeListener(event, once);
      return listener.apply(context, args);
    };
    once.listener = checked(listener);
    return this.on(event, once);
  }

  /** Removes a listener; without one all listeners of the event. */
  removeListener(event: string, listener?: Listener): this {
    const list = this.#get(event);
    // The latest of several, as in Node.
    const index = list.map((entry) => entry === listener || entry.listener === listener).lastIndexOf(true);
    return this.#set(
      event,
      list.filter((_, at) => listener && at !== index),
    );
  }

  removeAllListeners(event?: string): this {
    if (event === undefined) this.#handlers.clear();
    else this.#handlers.delete(event);
    return this;
  }

  emit(event: string, ...args: unknown[]): boolean {
    const list = this.#get(event);
    for (const listener of list) {
      try {
        const result = listener.apply(this, args);
        if (result instanceof Promise) result.catch((error: unknown) => this.onListenerError(error, event));
      } catch (error) {
        this.onListenerError(error, event);
      }
    }
    return list.length > 0;
  }

  listeners(event: string): Listener[] {
    return this.#get(event).map((entry) => entry.listener ?? entry);
  }

  listenerCount(event: string): number {
    return this.#get(event).length;
  }

  eventNames(): string[] {
    return [...this.#handlers.keys()].filter((event) => this.listenerCount(event));
  }

  /** Handles the error of a listener. A subclass reports it. */
  protected onListenerError(_error: unknown, _event: string): void {}

  declare addListener: Emitter['on'];
  declare off: Emitter['removeListener'];

  #get(event: string): readonly Listener[] {
    return this.#handlers.get(event) ?? NONE;
  }

  #set(event: string, list: readonly Listener[]): this {
    this.#handlers.set(event, list);
    return this;
  }
}

Emitter.prototype.addListener = Emitter.prototype.on;
Emitter.prototype.off = Emitter.prototype.removeListener;

function checked(listener: Listener): Listener {
  if (typeof listener === 'function') return listener;
  throw new TypeError('A listener must be a function');
}
