import type { EventEmitter } from 'node:events';
import { Observable } from 'rxjs';
import { asError } from '../core/errors.js';
import { isPromise, Pending } from '../core/eventual.js';
import { sequence } from '../core/sequence.js';

type AnyListener = ((...args: unknown[]) => unknown) & { listener?: (...args: unknown[]) => unknown };

/** The error that a listener passed to its callback: a decision of the application, where what a listener throws is a mistake. */
export class ListenerError extends Error {
  /** The value that the listener passed, of any type. */
  readonly reason: unknown;
  readonly #brand = true;

  constructor(reason: unknown) {
    super(asError(reason).message, { cause: reason });
    this.name = 'ListenerError';
    this.reason = reason;
  }

  /** Whether a value is one. Never throws, unlike `instanceof`: a listener may throw a proxy. */
  static is(value: unknown): value is ListenerError {
    return typeof value === 'object' && value !== null && #brand in value;
  }
}

/** An event to emit. */
export interface Emission {
  event: string;
  args: unknown[];
  /** Called with the promise of each listener that is an async function. */
  started?: (running: Promise<unknown>) => void;
  /** Called with `true` before a listener with a callback is called, with `false` when it has called back. */
  asking?: (isAsking: boolean) => void;
}

/** Whether an event has a listener that is asynchronous when it is called with `count` arguments. */
export function hasAsyncListener(emitter: EventEmitter, event: string, count: number): boolean {
  return (emitter.rawListeners(event) as AnyListener[]).some((listener) => takesCallback(listener, count));
}

function takesCallback(listener: AnyListener, count: number): boolean {
  return (listener.listener ?? listener).length > count;
}

/**
 * Emits an event whose listeners may be asynchronous: a listener with one parameter more than there are arguments gets a callback, and
 * the listeners after it wait until the callback is called. Unsubscribing stops before the next listener.
 *
 * @returns `true` when all listeners are synchronous: they have been called; else an observable that emits `true` when all have agreed
 * @throws what a synchronous listener throws; the observable errors with it, or with the `ListenerError` of a callback
 */
export function asyncemit(emitter: EventEmitter, { event, args, started, asking }: Emission): true | Observable<true> {
  const listeners = emitter.rawListeners(event) as AnyListener[];
  const isAsync = (listener: AnyListener) => takesCallback(listener, args.length);
  const watched = (result: unknown): unknown => {
    if (started !== undefined && isPromise(result)) started(result);
    return result;
  };
  const run = (listener: AnyListener) => captureRejection(emitter, event, args, watched(listener.apply(emitter, args)));
  if (!listeners.some(isAsync)) {
    for (const listener of listeners) run(listener);
    return true;
  }
  const call = (listener: AnyListener): unknown => {
    if (!isAsync(listener)) return run(listener);
    return Pending.of((done) => {
      let isAsking = true;
      asking?.(true);
      const answered = (error?: unknown): void => {
        if (isAsking) asking?.(false);
        isAsking = false;
        done(error ? new ListenerError(error) : null);
      };
      return watched(listener.call(emitter, ...args, answered));
    });
  };
  return new Observable((subscriber) => {
    const ended = (error: unknown): void => {
      if (error) return subscriber.error(error);
      subscriber.next(true);
      subscriber.complete();
    };
    // What this throws errors the subscriber.
    const outcome = sequence(listeners, (listener) => !subscriber.closed && call(listener));
    if (outcome instanceof Pending) outcome.read(ended);
    else ended(null);
  });
}

const rejection = Symbol.for('nodejs.rejection');

/** Reports the rejection of an async function that is not waited for to the emitter, as Node's `captureRejections` does. */
function captureRejection(emitter: EventEmitter, event: string, args: unknown[], result: unknown): void {
  if (!isPromise(result)) return;
  const handlers = emitter as unknown as { [rejection]?: (error: unknown, event: string, ...args: unknown[]) => void };
  result.then(undefined, (error: unknown) => handlers[rejection]?.(error, event, ...args));
}
