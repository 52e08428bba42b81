import type { IncomingMessage } from 'node:http';
import { ignoreElements, merge, Observable, tap } from 'rxjs';
import { guard } from '../../../src/core/guard.js';
import type { Arrival } from '../../../src/core/transformer.js';
import type { Exchange, Host, RequestExchange, UpgradeExchange } from '../../../src/server/http/host.js';
import { requireUpgrade } from '../../../src/server/http/reject.js';

/** The handler of the requests and upgrades on a server's path. */
export interface Endpoint {
  request(exchange: RequestExchange): void;
  upgrade(exchange: UpgradeExchange): void;
  /** Whether a request belongs to an open connection, where connections are made of many requests. */
  continues?(request: IncomingMessage): boolean;
  /** Whether a request begins a connection, where not exactly the upgrades do. */
  begins?(exchange: Exchange): boolean;
  /** Stops serving. Open links stay. */
  stop?(): void;
}

/** Serves an endpoint while subscribed to, and emits the links that arrive at it. */
export function serve(host: Host, create: (arrived: (arrival: Arrival) => void) => Endpoint): Observable<Arrival> {
  return new Observable((subscriber) => {
    const endpoint = create((arrival) => (subscriber.closed ? arrival.link.destroy() : subscriber.next(arrival)));
    if (endpoint.continues !== undefined) host.continues = ({ request }) => endpoint.continues?.(request) === true;
    if (endpoint.begins !== undefined) host.begins = (exchange) => endpoint.begins?.(exchange) === true;
    // A framework calls functions of the application, such as `verifyClient`, and options that are not checked.
    const guarded = <E extends Exchange>(handle: (exchange: E) => void) =>
      tap((exchange: E) =>
        guard(
          () => handle(exchange),
          (thrown) => host.failed(exchange, thrown),
        ),
      );
    const served$ = merge(
      host.request$.pipe(guarded((exchange) => endpoint.request(exchange))),
      host.upgrade$.pipe(guarded((exchange) => endpoint.upgrade(exchange))),
    );
    served$.pipe(ignoreElements()).subscribe(subscriber);
    return () => endpoint.stop?.();
  });
}

/** Serves a framework that knows WebSockets only: plain requests are rejected with 426. */
export function serveWebSockets(
  host: Host,
  accept: (exchange: UpgradeExchange, arrived: (arrival: Arrival) => void) => void,
): Observable<Arrival> {
  return serve(host, (arrived) => ({
    request: ({ response }) => requireUpgrade(response),
    upgrade: (exchange) => accept(exchange, arrived),
  }));
}
