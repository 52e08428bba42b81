type Listener = ((...args: unknown[]) => unknown) & { listener?: Listener };

/**
 * A small EventEmitter with the names and semantics of Node's, but for one: an `error` that nobody listens to is not
 * thrown. What a listener throws, or its promise is rejected with, goes to `onListenerError`.
 */
export class Emitter {
  private handlers: Record<string, readonly Listener[]> = Object.create(null);

  on(event: string, listener: Listener): this {
    return this.insert(event, listener, false);
  }

  addListener(event: string, listener: Listener): this {
    return this.on(event, listener);
  }

  prependListener(event: string, listener: Listener): this {
    return this.insert(event, listener, true);
  }

  once(event: string, listener: Listener): this {
    return this.insert(event, this.single(event, listener), false);
  }

  prependOnceListener(event: string, listener: Listener): this {
    return this.insert(event, this.single(event, listener), true);
  }

  removeListener(event: string, listener: Listener): this {
    const list = this.handlers[event] ?? [];
    const index = list.findIndex((entry) => entry === listener || entry.listener === listener);
    if (index !== -1) this.handlers[event] = list.filter((_, at) => at !== index);
    return this;
  }

  off(event: string, listener: Listener): this {
    return this.removeListener(event, listener);
  }

  removeAllListeners(event?: string): this {
    if (event === undefined) this.handlers = Object.create(null);
    else delete this.handlers[event];
    return this;
  }

  emit(event: string, ...args: unknown[]): boolean {
    const list = this.handlers[event];
    if (list === undefined || list.length === 0) return false;
    for (const listener of list) {
      try {
        const result = listener.apply(this, args);
        if (result instanceof Promise) result.catch((error: unknown) => this.onListenerError(error, event));
      } catch (error) {
        this.onListenerError(error, event);
      }
    }
    return true;
  }

  listeners(event: string): Listener[] {
    return (this.handlers[event] ?? []).map((entry) => entry.listener ?? entry);
  }

  listenerCount(event: string): number {
    return this.handlers[event]?.length ?? 0;
  }

  eventNames(): string[] {
    return Object.keys(this.handlers).filter((event) => this.listenerCount(event) > 0);
  }

  /** A listener threw. Replaced by whoever has somewhere to report it. */
  protected onListenerError(_error: unknown, _event: string): void {}

  private insert(event: string, listener: Listener, first: boolean): this {
    if (typeof listener !== 'function') throw new TypeError(`The listener of '${event}' must be a function`);
    const list = this.handlers[event] ?? [];
    this.handlers[event] = first ? [listener, ...list] : [...list, listener];
    return this;
  }

  private single(event: string, listener: Listener): Listener {
    const once: Listener = (...args) => {
      this.removeListener(event, once);
      return listener.apply(this, args);
    };
    once.listener = listener;
    return once;
  }
}
