'use client';

import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { Observable } from 'rxjs';
import type { Primus } from '../client/primus.js';
import type { ClientState } from '../client/state.js';

const IDLE: ClientState = { name: 'idle' };

/**
 * Creates a client when the component is mounted, and destroys it when the component is unmounted or a dependency changes. It is `undefined` in
 * the first render and on a server, where nothing connects. The other hooks take `undefined`. `dependencies` are those of `useEffect`.
 *
 * @example
 * ```ts
 * import { Primus } from 'primus-rx/client';
 * import { usePrimus } from 'primus-rx/react';
 *
 * export function useRoom(room: string) {
 *   return usePrimus(() => new Primus(`https://example.com?room=${room}`), [room]);
 * }
 * ```
 */
export function usePrimus<Client extends { destroy(): unknown }>(
  create: () => Client,
  dependencies: readonly unknown[] = [],
): Client | undefined {
  const [client, set] = useState<Client>();
  useEffect(() => {
    const created = create();
    set(created);
    return () => {
      created.destroy();
      set(undefined);
    };
    // biome-ignore lint/correctness/useExhaustiveDependencies: those of the caller.
  }, dependencies);
  return client;
}

/**
 * Returns the state of a client, and renders again when it changes. Without a client, and on a server, it is `idle`.
 *
 * @example
 * import { usePrimusState } from 'primus-rx/react';
 *
 * const useIsOnline = () => usePrimusState(client).name === 'open';
 */
export function usePrimusState(client: Pick<Primus, 'state' | 'state$'> | undefined): ClientState {
  return useStore<ClientState>(client, IDLE, () => ({
    subscribe: (changed) => subscribe(client?.state$, changed),
    get: () => client?.state ?? IDLE,
  }));
}

/**
 * Returns the last message of a client, or the last value of an Observable of messages, and renders again for each new one; for several that
 * arrive in one turn of the event loop, once. `initial` is the value before the first one, and on a server.
 *
 * @example
 * import { useData } from 'primus-rx/react';
 *
 * const usePrice = () => useData(client, null);
 */
export function useData<T, Initial>(source: Observable<T> | { readonly data$: Observable<T> } | undefined, initial: Initial): T | Initial {
  // A client makes a new Observable each time that it is asked.
  const data$ = useMemo(() => (source && 'data$' in source ? source.data$ : source), [source]);
  return useObservable(data$, initial);
}

/**
 * Returns the last value of an Observable, and renders again when there is a new one. It subscribes while the component is mounted. An
 * error is thrown to the next error boundary. The Observable must be the same in every render: create it outside, or with `useMemo`.
 *
 * @example
 * import { useObservable } from 'primus-rx/react';
 * import { scan } from 'rxjs';
 *
 * const messages$ = client.data$.pipe(scan((all: string[], message) => [...all, message], []));
 * const useMessages = () => useObservable(messages$, []);
 */
export function useObservable<T, Initial>(source: Observable<T> | undefined, initial: Initial): T | Initial {
  return useStore<T | Initial>(source, initial, () => {
    let get = (): T | Initial => initial;
    const update = (next: typeof get, changed: () => void) => {
      get = next;
      changed();
    };
    const fail = (error: unknown) => () => {
      throw error;
    };
    return {
      get: () => get(),
      subscribe: (changed) =>
        subscribe(
          source,
          (value) => update(() => value, changed),
          (error) => update(fail(error), changed),
        ),
    };
  });
}

/** Reads a value that belongs to a source. `first` is that on a server, and while a page takes over what a server rendered. */
function useStore<T>(source: unknown, first: T, make: () => { subscribe(changed: () => void): () => void; get(): T }): T {
  // biome-ignore lint/correctness/useExhaustiveDependencies: all of it belongs to the source.
  const { subscribe, get, getOnServer } = useMemo(() => ({ ...make(), getOnServer: () => first }), [source]);
  return useSyncExternalStore(subscribe, get, getOnServer);
}

function subscribe<T>(source: Observable<T> | undefined, next: (value: T) => void, error: (error: unknown) => void = () => {}): () => void {
  const subscription = source?.subscribe({ next, error });
  return () => subscription?.unsubscribe();
}
