import { concat, defer, EMPTY, last, merge, Observable, type SchedulerLike, take, takeWhile, timer } from 'rxjs';
import type { HttpServer } from './host.js';
import type { Lines } from './lines.js';

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
  lines: Lines;
  scheduler: SchedulerLike;
  /** Emits how many connections are left whenever one has gone. */
  left$: Observable<number>;
  connected: () => number;
  /** Ends what is open; calls back when it has. */
  endAll: (done: () => void) => void;
  /** Tells the listeners of `close`; completes when they have agreed. */
  announce: () => Observable<unknown>;
  /** Gives the path back. */
  release: () => void;
}

/** How long a peer, a listener or a message transformer that does not answer may hold up the end, in ms. */
const GRACE = 2_500;

/**
 * The end of a server, step by step; completes when all is done.
 *
 * ```
 * wait for the connections, at most `timeout` -> end those left -> wait for what they were still about to send, or to agree
 *   -> tell `close` -> give the path back -> close the HTTP server
 * ```
 */
export function shutdown({
  options,
  server,
  lines,
  scheduler,
  left$,
  connected,
  endAll,
  announce,
  release,
}: Shutdown): Observable<unknown> {
  const { close = true, timeout = 0 } = options;
  const empty$ = left$.pipe(
    takeWhile((left) => left > 0),
    last(null, null),
  );
  const emptyWithin = (ms: number) => defer(() => (ms > 0 && connected() > 0 ? merge(timer(ms, scheduler), empty$).pipe(take(1)) : EMPTY));
  return concat(
    emptyWithin(timeout),
    new Observable<never>((subscriber) => endAll(() => subscriber.complete())),
    emptyWithin(GRACE),
    defer(announce),
    act(release),
    close ? closed(server, lines, scheduler) : EMPTY,
    act(() => lines.forget()),
  );
}

function act(action: () => void): Observable<never> {
  return defer(() => {
    action();
    return EMPTY;
  });
}

/** Closes an HTTP server; whoever still holds a connection after the grace is cut. */
function closed(server: HttpServer, lines: Lines, scheduler: SchedulerLike): Observable<unknown> {
  return new Observable((subscriber) => {
    server.close(() => subscriber.complete());
    lines.close();
    return timer(GRACE, scheduler).subscribe(() => lines.destroy());
  });
}
