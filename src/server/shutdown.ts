import {
  concat,
  concatMap,
  defer,
  EMPTY,
  endWith,
  ignoreElements,
  interval,
  map,
  merge,
  mergeMap,
  Observable,
  of,
  type SchedulerLike,
  startWith,
  switchMap,
  take,
  takeUntil,
  takeWhile,
  timer,
  type Unsubscribable,
} from 'rxjs';
import { LinkError } from '../core/errors.js';
import type { Connection } from './connection.js';
import type { ConnectionRegistry } from './connections.js';
import type { HttpServer } from './http/host.js';
import type { HttpConnections } from './http/http-connections.js';
import { inSlices } from './in-slices.js';

/** The options of `primus.destroy()`. */
export interface DestroyOptions {
  /** Whether the HTTP server is closed as well. @defaultValue `true` */
  close?: boolean;
  /** Whether clients should reconnect. @defaultValue `false` */
  reconnect?: boolean;
  /** The time for which open connections may stay, in ms, while new ones are rejected. @defaultValue `0` */
  timeout?: number;
}

/** The parts of a server that its shutdown uses. */
export interface ShutdownParts {
  /** Emits the options of each call of `destroy`. */
  calls$: Observable<DestroyOptions>;
  server: HttpServer;
  httpConnections: HttpConnections;
  registry: ConnectionRegistry;
  scheduler: SchedulerLike;
  /** Emits `close`; completes when its listeners have answered. */
  announce: (options: DestroyOptions) => Observable<unknown>;
  /** Releases the path; may be called twice. */
  release: () => void;
  /** Rejects further requests on the path. */
  rejectRequests: () => Unsubscribable;
}

/** The time for which a peer, a listener or a message transformer that does not answer may delay the shutdown, in ms. */
const GRACE = 2_500;

/** The time in which a client must poll again, in ms: a live one does so within a round trip. */
const LINGER = 500;

/** The interval at which buffers and idle connections are checked, in ms. */
const POLL = 10;

/**
 * Shuts a server down, step by step; completes when all is done.
 *
 * ```
 * wait up to `timeout` for connections to end -> end the rest -> wait for their last messages, and for clients to poll them
 *   -> terminate the connections left -> release the path, and close the HTTP server -> emit `close`
 * ```
 */
export function shutdown(parts: ShutdownParts): Observable<unknown> {
  return due(parts).pipe(concatMap((options) => end(options, parts)));
}

/**
 * Emits the options of the call whose time-out ends first, as a later call may be more urgent. When all connections have ended before,
 * these are the options of the last call.
 */
function due({ calls$, registry, scheduler }: ShutdownParts): Observable<DestroyOptions> {
  const due$ = calls$.pipe(
    mergeMap((options) => {
      const { timeout = 0 } = options;
      return timeout > 0 ? timer(timeout, scheduler).pipe(map(() => options)) : of(options);
    }),
  );
  const empty$ = calls$.pipe(switchMap((options) => empty(registry).pipe(endWith(options))));
  return merge(due$, empty$).pipe(take(1));
}

/** Completes when there are no connections. */
function empty({ present, left$ }: ConnectionRegistry): Observable<never> {
  return present > 0
    ? left$.pipe(
        takeWhile((count) => count > 0),
        ignoreElements(),
      )
    : EMPTY;
}

function end(options: DestroyOptions, parts: ShutdownParts): Observable<unknown> {
  const { httpConnections, registry, scheduler, announce, release } = parts;
  const { close = true, reconnect = false } = options;
  const within = (ms: number) => takeUntil(timer(ms, scheduler));
  const ended: Connection[] = [];
  return concat(
    endAll(registry, ended, reconnect, scheduler),
    concat(
      defer(() => empty(registry)),
      fetched(ended, scheduler).pipe(within(LINGER)),
    ).pipe(within(GRACE)),
    act(() => terminateAll(registry)),
    close ? concat(act(release), closeServer(parts)) : EMPTY,
    defer(() => announce(options)),
    act(release),
    act(() => httpConnections.forget()),
  );
}

function endAll({ byId }: ConnectionRegistry, ended: Connection[], reconnect: boolean, scheduler: SchedulerLike): Observable<never> {
  function end({ connection }: { connection: Connection }): void {
    ended.push(connection);
    connection.end(reconnect);
  }
  return new Observable((subscriber) => {
    inSlices(byId.values(), end, { done: () => subscriber.complete(), later: (work) => scheduler.schedule(work) });
  });
}

/** Completes when no connection has buffered data left for its client. */
function fetched(ended: readonly Connection[], scheduler: SchedulerLike): Observable<unknown> {
  const waits = () => ended.some((connection) => connection.isFlushing);
  return defer(() => (waits() ? interval(POLL, scheduler).pipe(takeWhile(waits)) : EMPTY));
}

/** Terminates all connections, also those that were not announced. */
export function terminateAll({ byId }: ConnectionRegistry): void {
  for (const { connection } of [...byId.values()]) {
    connection.terminate(new LinkError('ERR_PRIMUS_DROPPED', 'The server was shut down'));
    connection.announce();
  }
}

function act(action: () => void): Observable<never> {
  return defer(() => {
    action();
    return EMPTY;
  });
}

/** Closes an HTTP server, and terminates the connections that are open after `GRACE`. */
function closeServer({ server, httpConnections, scheduler, rejectRequests }: ShutdownParts): Observable<unknown> {
  return new Observable((subscriber) => {
    // A client that had connected before may send its request only now.
    subscriber.add(rejectRequests());
    server.close(() => subscriber.complete());
    // One that was busy is idle once its request has been answered, and Node would keep it for the next one.
    subscriber.add(
      interval(POLL, scheduler)
        .pipe(startWith(0))
        .subscribe(() => httpConnections.close()),
    );
    return timer(GRACE, scheduler).subscribe(() => httpConnections.destroy());
  });
}
