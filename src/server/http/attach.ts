import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Observable, type Subscriber } from 'rxjs';
import type { Exchange, HttpServer } from './host.js';
import { reject } from './reject.js';

interface Route {
  pathname: string;
  exchanges: Subscriber<Exchange>;
}

interface Router {
  readonly routes: Route[];
  uninstall(): void;
}

/** The servers that have a route of ours. */
const routers = new WeakMap<HttpServer, Router>();

/**
 * What reaches `pathname` (exactly, or below it) on a server. Subscribing takes the path, unsubscribing gives it back.
 *
 * Everything else goes to the server's own listeners, whenever they were added; several servers of ours may share one.
 * Nobody else's listeners are touched: ours looks at an event before they do.
 */
export function exchanges(server: HttpServer, pathname: string): Observable<Exchange> {
  return new Observable((subscriber) => {
    const route = { pathname, exchanges: subscriber };
    const router = routers.get(server) ?? install(server);
    router.routes.push(route);
    return () => {
      router.routes.splice(router.routes.indexOf(route), 1);
      if (router.routes.length === 0) router.uninstall();
    };
  });
}

function install(server: HttpServer): Router {
  const routes: Route[] = [];
  const inherited = !Object.hasOwn(server, 'emit');
  const emit = server.emit;
  const find = (request: IncomingMessage) => routes.find((route) => owns(route.pathname, request.url ?? ''));

  function intercept(this: HttpServer, event: string, ...args: unknown[]): boolean {
    if (routes.length > 0 && event === 'request') {
      const [request, response] = args as [IncomingMessage, ServerResponse];
      const route = find(request);
      if (route !== undefined) return hand(route, { kind: 'request', request, response });
      if (server.listenerCount('request') === 0 && server.listenerCount('stream') <= 1) return reject(response, statusOf(request));
    }
    if (routes.length > 0 && event === 'upgrade') {
      const [request, socket, head] = args as [IncomingMessage, Duplex, Buffer];
      const route = find(request);
      if (route !== undefined) return hand(route, { kind: 'upgrade', request, socket, head });
      if (server.listenerCount('upgrade') === 1) return reject(socket, statusOf(request));
    }
    return emit.apply(this, [event, ...args] as unknown as Parameters<typeof emit>);
  }

  const router: Router = {
    routes,
    uninstall() {
      routers.delete(server);
      server.removeListener('upgrade', nobodyElse);
      // Somebody may have wrapped ours since; without routes it only passes on.
      if (server.emit !== (intercept as typeof emit)) return;
      if (inherited) Reflect.deleteProperty(server, 'emit');
      else server.emit = emit;
    },
  };

  // Node hands an upgrade over only to a server that listens for it, and with HTTP/2 makes requests only for one that has listened for
  // them once: by a listener of `stream`, which may not be the only one.
  server.on('upgrade', nobodyElse);
  server.on('request', nobodyElse).removeListener('request', nobodyElse);
  server.emit = intercept as typeof emit;
  routers.set(server, router);
  return router;
}

function nobodyElse(): void {}

function hand(route: Route, exchange: Exchange): true {
  // Until somebody takes the socket, nobody else listens for its errors.
  if (exchange.kind === 'upgrade') exchange.socket.on('error', nobodyElse);
  route.exchanges.next(exchange);
  return true;
}

/** The path itself or something below it; compared as it came, so that no odd target is ever parsed. */
function owns(pathname: string, target: string): boolean {
  if (!target.startsWith(pathname)) return false;
  if (pathname === '/') return !target.startsWith('//');
  const next = target.charCodeAt(pathname.length);
  return Number.isNaN(next) || next === 0x2f || next === 0x3f;
}

/** A request nobody wants: one whose target is no path is a bad one. */
function statusOf({ url = '' }: IncomingMessage): 400 | 404 {
  return /^\/(?!\/)/.test(url) ? 404 : 400;
}
