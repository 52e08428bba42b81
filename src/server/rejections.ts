import { EventEmitter } from 'node:events';

const emitter = new EventEmitter({ captureRejections: true });

/** Whether each emitter with this option has an `emit` of its own, as on Bun: it would hide that of its class, and those of plugins. */
const hasOwnEmit = Object.hasOwn(emitter, 'emit');

/** Emits an event. A listener whose promise is rejected is reported to the emitter: its method is named by the symbol `nodejs.rejection`. */
export const { emit } = emitter;

/** The options of emitters of the classes that `reportRejections` has seen. */
export const CAPTURING = hasOwnEmit ? {} : { captureRejections: true };

/** Makes emitters that are created with `CAPTURING` report rejected listeners on every runtime. */
export function reportRejections(Class: { readonly prototype: object }): void {
  if (hasOwnEmit) Object.defineProperty(Class.prototype, 'emit', { value: emit, writable: true, configurable: true });
}
