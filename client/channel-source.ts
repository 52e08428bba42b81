import type { Observable, Subscriber } from 'rxjs';
import type { SafeObservable } from '../src/core/streams/safe-observable.js';
import type { Primus } from './primus.js';

/** A stream that completes when its client is destroyed, and whose subscribers cannot harm each other. */
export interface Source<T> {
  readonly value$: Observable<T>;
  /** The value that a subscriber gets at once; `undefined` for none. */
  latest: T | undefined;
  /** Emits a value; `isKept`: and keeps it as the latest one. */
  emit(value: T, isKept?: boolean): void;
}

/**
 * Creates a stream of a client. `count` is called with 1 for each subscriber, and with -1 when it has gone.
 */
export function createSource<T>(client: Primus, count?: (change: number) => void): Source<T> {
  const subscribers = new Set<Subscriber<T>>();
  // The class of the client's own streams: what is served to pages for channels brings no RxJS.
  const Stream = client.state$.constructor as typeof SafeObservable;
  const subscribe = (subscriber: Subscriber<T>) => {
    subscriber.add(client.state$.subscribe({ complete: () => subscriber.complete() }));
    if (source.latest) subscriber.next(source.latest);
    subscribers.add(subscriber);
    count?.(1);
    return () => {
      subscribers.delete(subscriber);
      count?.(-1);
    };
  };
  const report = (error: unknown) => (client as unknown as { onListenerError(error: unknown): void }).onListenerError(error);
  const source: Source<T> = {
    latest: undefined,
    value$: new Stream<T>(subscribe, report),
    emit: (value, isKept) => {
      if (isKept) source.latest = value;
      for (const subscriber of [...subscribers]) subscriber.next(value);
    },
  };
  return source;
}
