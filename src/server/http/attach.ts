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

/** The router of each HTTP server that has a route. */
const routers = new WeakMap<HttpServer, Router>();

/**
 * Returns the requests and upgrades on `pathname`, and below it, of an HTTP server. Subscribing takes the path, unsubscribing releases it.
 *
 * Every other request goes to the server's own listeners, whenever they were added. Several Primus servers may share one HTTP server.
 * The listeners of the application are not touched: `emit` is wrapped, and sees each event before they do.
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
      if (route !== undefined) return deliver(route, { kind: 'request', request, response });
      if (server.listenerCount('request') === 0 && server.listenerCount('stream') <= 1) return reject(response, statusOf(request));
    }
    if (routes.length > 0 && event === 'upgrade') {
      const [request, socket, head] = args as [IncomingMessage, Duplex, Buffer];
      const route = find(request);
      if (route !== undefined) return deliver(route, { kind: 'upgrade', request, socket, head });
      if (server.listenerCount('upgrade') === 1) return reject(socket, statusOf(request));
    }
    return emit.apply(this, [event, ...args] as unknown as Parameters<typeof emit>);
  }

  const router: Router = {
    routes,
    uninstall() {
      routers.delete(server);
      server.removeListener('upgrade', ignore);
      // The application may have wrapped `emit` again since; without routes ours only passes events on.
      if (server.emit !== (intercept as typeof emit)) return;
      if (inherited) Reflect.deleteProperty(server, 'emit');
      else server.emit = emit;
    },
  };

  // Node emits `upgrade` only on a server that listens for it. On an HTTP/2 server it makes requests of streams, by a listener of
  // `stream` of its own, only once a listener of `request` was added.
  server.on('upgrade', ignore);
  server.on('request', ignore).removeListener('request', ignore);
  server.emit = intercept as typeof emit;
  routers.set(server, router);
  return router;
}

function ignore(): void {}

function deliver(route: Route, exchange: Exchange): true {
  // Until the socket has an owner, it has no other listener of its errors, and Node would throw them.
  if (exchange.kind === 'upgrade') exchange.socket.on('error', ignore);
  route.exchanges.next(exchange);
  return true;
}

/** Whether a target is the path itself or below it. Compared as it came: a malformed target is never parsed. */
function owns(pathname: string, target: string): boolean {
  if (!target.startsWith(pathname)) return false;
  if (pathname === '/') return !target.startsWith('//');
  const next = target.charCodeAt(pathname.length);
  return Number.isNaN(next) || next === 0x2f || next === 0x3f;
}

/** The status for a request that no listener takes: 400 where its target is not a path. */
function statusOf({ url = '' }: IncomingMessage): 400 | 404 {
  return /^\/(?!\/)/.test(url) ? 404 : 400;
}
