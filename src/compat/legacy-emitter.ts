type Listener = ((...args: unknown[]) => unknown) & { listener?: Listener };

const handlers = new WeakMap<object, Map<string, Listener[]>>();

function of(emitter: object, event: string): Listener[] {
  return handlers.get(emitter)?.get(event) ?? [];
}

function set(emitter: object, event: string, listeners: Listener[]): void {
  const map = handlers.get(emitter) ?? new Map<string, Listener[]>();
  handlers.set(emitter, map.set(event, listeners));
}

/** The emitter that plugins in a page inherit from. Its methods also work on objects that this constructor did not create. */
export function LegacyEmitter(this: unknown): void {}

Object.assign(LegacyEmitter.prototype, {
  on(this: object, event: string, listener: Listener, context?: unknown) {
    set(this, event, [...of(this, event), context ? Object.assign(listener.bind(context), { listener }) : listener]);
    return this;
  },
  once(this: LegacyEmitterObject, event: string, listener: Listener, context: unknown = this) {
    const once: Listener = (...args) => {
      this.removeListener(event, once);
      return listener.apply(context, args);
    };
    once.listener = listener;
    return this.on(event, once);
  },
  removeListener(this: object, event: string, listener?: Listener) {
    const kept = of(this, event).filter((entry) => listener && entry !== listener && entry.listener !== listener);
    set(this, event, kept);
    return this;
  },
  removeAllListeners(this: object, event?: string) {
    if (event === undefined) handlers.delete(this);
    else handlers.get(this)?.delete(event);
    return this;
  },
  emit(this: object, event: string, ...args: unknown[]) {
    const listeners = of(this, event);
    for (const listener of listeners) listener.apply(this, args);
    return listeners.length > 0;
  },
  listeners(this: object, event: string) {
    return of(this, event).map((entry) => entry.listener ?? entry);
  },
  listenerCount(this: object, event: string) {
    return of(this, event).length;
  },
});

interface LegacyEmitterObject {
  on(event: string, listener: Listener): this;
  removeListener(event: string, listener: Listener): this;
}

LegacyEmitter.prototype.addListener = LegacyEmitter.prototype.on;
LegacyEmitter.prototype.off = LegacyEmitter.prototype.removeListener;
