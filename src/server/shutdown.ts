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

/** How a server ends. */
export interface DestroyOptions {
  /** Whether the HTTP server is closed as well. Default true. */
  close?: boolean;
  /** Whether the clients are to come back. Default false. */
  reconnect?: boolean;
  /** How long connections may go on, in ms, while new ones are refused. Default 0. */
  timeout?: number;
}

export interface Shutdown {
  options: DestroyOptions;
  server: HttpServer;
  lines: HttpConnections;
  fleet: ConnectionRegistry;
  scheduler: SchedulerLike;
  /** Tells the listeners of `close`; completes when they have agreed. */
  announce: () => Observable<unknown>;
  /** Gives the path back. */
  release: () => void;
  /** Turns away whoever asks for the path meanwhile. */
  door: () => Unsubscribable;
}

/** How long a peer, a listener or a message transformer that does not answer may hold up the end, in ms. */
const GRACE = 2_500;

/** How long a client that polls may take to come again, in ms: one that is there asks within a round trip. */
const LINGER = 500;

/** How often connections are looked at, in ms. */
const POLL = 10;

/**
 * The end of a server, step by step; completes when all is done.
 *
 * ```
 * wait for the connections, at most `timeout` -> end those left -> wait for what they were still about to send, or to agree,
 *   and for clients that poll to fetch it -> tell `close` -> give the path back -> close the HTTP server
 * ```
 */
export function shutdown({ options, server, lines, fleet, scheduler, announce, release, door }: Shutdown): Observable<unknown> {
  const { close = true, reconnect = false, timeout = 0 } = options;
  const empty$ = fleet.left$.pipe(
    takeWhile((left) => left > 0),
    last(null, null),
  );
  const empty = defer(() => (fleet.size > 0 ? empty$ : EMPTY));
  const within = (ms: number) => takeUntil(timer(ms, scheduler));
  const ended: Connection[] = [];
  return concat(
    timeout > 0 ? empty.pipe(within(timeout)) : EMPTY,
    endAll(fleet, ended, reconnect, scheduler),
    concat(empty, fetched(ended, scheduler).pipe(within(LINGER))).pipe(within(GRACE)),
    defer(announce),
    act(() => cutAll(fleet)),
    act(release),
    close ? closed({ server, lines, scheduler, door }) : EMPTY,
    act(() => lines.forget()),
  );
}

function endAll({ connections }: ConnectionRegistry, ended: Connection[], reconnect: boolean, scheduler: SchedulerLike): Observable<never> {
  function end(connection: Connection): void {
    ended.push(connection);
    connection.end(reconnect);
  }
  return new Observable((subscriber) => {
    inSlices(connections, end, { done: () => subscriber.complete(), later: (work) => scheduler.schedule(work) });
  });
}

/** Completes when nothing waits for a client to take it, or to ask for it. */
function fetched(ended: readonly Connection[], scheduler: SchedulerLike): Observable<unknown> {
  const waits = () => ended.some((connection) => connection.waits);
  return defer(() => (waits() ? interval(POLL, scheduler).pipe(takeWhile(waits)) : EMPTY));
}

function cutAll({ connections }: ConnectionRegistry): void {
  for (const connection of [...connections]) {
    connection.terminate(new LinkError('ERR_PRIMUS_DROPPED', 'The server is gone'));
    connection.announce();
  }
}

function act(action: () => void): Observable<never> {
  return defer(() => {
    action();
    return EMPTY;
  });
}

/** Closes an HTTP server; whoever still holds a connection after the grace is cut. */
function closed({ server, lines, scheduler, door }: Pick<Shutdown, 'server' | 'lines' | 'scheduler' | 'door'>): Observable<unknown> {
  return new Observable((subscriber) => {
    // Who had connected before may ask only now.
    subscriber.add(door());
    server.close(() => subscriber.complete());
    lines.close();
    return timer(GRACE, scheduler).subscribe(() => lines.destroy());
  });
}
