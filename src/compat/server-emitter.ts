import { EventEmitter } from 'node:events';

type Listener = ((...args: unknown[]) => unknown) & { listener?: Listener; context?: unknown };

const { on, removeListener, removeAllListeners } = EventEmitter.prototype as unknown as {
  on(event: string, listener: Listener): EventEmitter;
  removeListener(event: string, listener: Listener): EventEmitter;
  removeAllListeners(event?: string): EventEmitter;
};

/**
 * The methods in which the emitter of servers of Primus 8 differs from Node's: a listener may have another `this`, and listeners are
 * removed by event alone, or by their `this` too.
 */
export const serverEmitter = {
  on(this: EventEmitter, event: string, listener: Listener, context?: unknown) {
    return on.call(this, event, context ? bound(listener, context) : listener);
  },

  once(this: EventEmitter, event: string, listener: Listener, context?: unknown) {
    if (!context || typeof listener !== 'function') return EventEmitter.prototype.once.call(this, event, listener);
    const once: Listener = (...args) => {
      removeListener.call(this, event, once);
      return listener.apply(context, args);
    };
    return on.call(this, event, Object.assign(once, { listener, context }));
  },

  removeListener(this: EventEmitter, event: string, listener?: Listener, context?: unknown) {
    if (!listener) return removeAllListeners.call(this, event);
    if (typeof listener !== 'function' || event === undefined) return this;
    if (!context) return removeListener.call(this, event, listener);
    const found = (this.rawListeners(event) as Listener[]).filter((entry) => entry.listener === listener && entry.context === context);
    for (const entry of found) removeListener.call(this, event, entry);
    return this;
  },
};

/** Returns a listener with another `this`, which is removed by the original. */
function bound(listener: Listener, context: unknown): Listener {
  if (typeof listener !== 'function') return listener;
  return Object.assign(listener.bind(context) as Listener, { listener, context });
}
