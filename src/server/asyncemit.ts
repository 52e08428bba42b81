import type { EventEmitter } from 'node:events';
import { Observable } from 'rxjs';
import { asError } from '../core/errors.js';
import { isPromise } from '../core/from-node-callback.js';

type AnyListener = ((...args: unknown[]) => unknown) & { listener?: (...args: unknown[]) => unknown };

/** What a listener passed to its callback: a decision, where what it throws is a mistake. */
export class Refusal {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/**
 * Emits an event whose listeners may be asynchronous: one with a parameter more than there are arguments gets a
 * callback, and the listeners after it wait until it is called. When all are synchronous they are called at once, and what one
 * throws is thrown. Else the answer emits `true` when all have agreed, errors with what a listener threw, or a `Refusal` with
 * what it passed to its callback, and asks no further.
 */
export function asyncemit(emitter: EventEmitter, event: string, ...args: unknown[]): true | Observable<true> {
  const listeners = emitter.rawListeners(event) as AnyListener[];
  const isAsync = (listener: AnyListener) => (listener.listener ?? listener).length > args.length;
  if (!listeners.some(isAsync)) {
    for (const listener of listeners) settled(emitter, event, args, listener.apply(emitter, args));
    return true;
  }
  return new Observable((subscriber) => {
    const ask = (index: number): void => {
      for (let at = index; at < listeners.length && !subscriber.closed; at++) {
        const listener = listeners[at] as AnyListener;
        if (isAsync(listener)) {
          let called = false;
          const answer = (error?: unknown) => {
            if (called) return;
            called = true;
            if (error) subscriber.error(error);
            else attempt(at + 1);
          };
          const result = listener.call(emitter, ...args, (error?: unknown) => answer(error && new Refusal(error)));
          if (isPromise(result)) result.then(undefined, (thrown) => answer(asError(thrown)));
          return;
        }
        settled(emitter, event, args, listener.apply(emitter, args));
      }
      subscriber.next(true);
      subscriber.complete();
    };
    const attempt = (index: number): void => {
      try {
        ask(index);
      } catch (thrown) {
        subscriber.error(thrown);
      }
    };
    attempt(0);
  });
}

const rejection = Symbol.for('nodejs.rejection');

/** A listener that is an async function is not waited for, but its rejection is not lost. */
function settled(emitter: EventEmitter, event: string, args: unknown[], result: unknown): void {
  if (!(result instanceof Promise)) return;
  const handlers = emitter as unknown as { [rejection]?: (error: unknown, event: string, ...args: unknown[]) => void };
  result.catch((error: unknown) => handlers[rejection]?.(error, event, ...args));
}
