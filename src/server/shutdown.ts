import {
  concat,
  defer,
  EMPTY,
  interval,
  last,
  Observable,
  type SchedulerLike,
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
  /** Whether the HTTP server is closed as well. @defaultValue true */
  close?: boolean;
  /** Whether clients should reconnect. @defaultValue false */
  reconnect?: boolean;
  /** How long open connections may stay, in ms, while new ones are rejected. @defaultValue 0 */
  timeout?: number;
}

/** What a shutdown needs of the server. */
export interface ShutdownParts {
  options: DestroyOptions;
  server: HttpServer;
  httpConnections: HttpConnections;
  registry: ConnectionRegistry;
  scheduler: SchedulerLike;
  /** Emits `close`; completes when its listeners have agreed. */
  announce: () => Observable<unknown>;
  /** Gives the path back. */
  release: () => void;
  /** Rejects what still asks for the path. */
  rejectRequests: () => Unsubscribable;
}

/** How long a peer, a listener or a message transformer that does not answer may delay the shutdown, in ms. */
const GRACE = 2_500;

/** How long a client that polls may take to poll again, in ms: one that is there asks within a round trip. */
const LINGER = 500;

/** How often connections are looked at, in ms. */
const POLL = 10;

/**
 * Shuts a server down, step by step; completes when all is done.
 *
 * ```
 * wait for the connections, at most `timeout` -> end those left -> wait for what they still send, and for clients that poll to fetch it
 *   -> emit `close` -> terminate what is left -> give the path back -> close the HTTP server
 * ```
 */
export function shutdown(parts: ShutdownParts): Observable<unknown> {
  const { options, httpConnections, registry, scheduler, announce, release } = parts;
  const { close = true, reconnect = false, timeout = 0 } = options;
  const empty$ = registry.left$.pipe(
    takeWhile((left) => left > 0),
    last(null, null),
  );
  const empty = defer(() => (registry.size > 0 ? empty$ : EMPTY));
  const within = (ms: number) => takeUntil(timer(ms, scheduler));
  const ended: Connection[] = [];
  return concat(
    timeout > 0 ? empty.pipe(within(timeout)) : EMPTY,
    endAll(registry, ended, reconnect, scheduler),
    concat(empty, fetched(ended, scheduler).pipe(within(LINGER))).pipe(within(GRACE)),
    defer(announce),
    act(() => terminateAll(registry)),
    act(release),
    close ? closeServer(parts) : EMPTY,
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

/** Completes when nothing waits for a client to take it, or to ask for it. */
function fetched(ended: readonly Connection[], scheduler: SchedulerLike): Observable<unknown> {
  const waits = () => ended.some((connection) => connection.isFlushing);
  return defer(() => (waits() ? interval(POLL, scheduler).pipe(takeWhile(waits)) : EMPTY));
}

function terminateAll({ byId }: ConnectionRegistry): void {
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

/** Closes an HTTP server; what is still connected after the grace is terminated. */
function closeServer({ server, httpConnections, scheduler, rejectRequests }: ShutdownParts): Observable<unknown> {
  return new Observable((subscriber) => {
    // A client that had connected before may send its request only now.
    subscriber.add(rejectRequests());
    server.close(() => subscriber.complete());
    httpConnections.close();
    return timer(GRACE, scheduler).subscribe(() => httpConnections.destroy());
  });
}
