import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Observable, type Subscriber } from 'rxjs';
import { isExhaustion } from '../descriptors.js';
import type { Exchange, HttpServer, UpgradeExchange } from './host.js';
import { reject } from './reject.js';
import { describeTarget, pathOf } from './request-target.js';
import { acceptsRequest } from './unanswered.js';

/** The server on a path. */
export interface PathOwner {
  /** Gets the upgrades that are on no path. */
  unclaimed(exchange: UpgradeExchange): void;
  /** Called when another owner takes the same path: it gets the requests from now on. */
  replaced(): void;
}

interface Route {
  pathname: string;
  exchanges: Subscriber<Exchange>;
  owner: PathOwner | undefined;
}

interface Router {
  readonly routes: Route[];
  uninstall(): void;
}

/** The listeners of an emitter of Node.js, by event: a function, or a list of functions. */
interface Listeners {
  _events: { [event: string]: unknown };
}

/** The router of each HTTP server that has a route. */
const routers = new WeakMap<HttpServer, Router>();

/**
 * Returns the requests and upgrades on `pathname`, and below it, of an HTTP server. Subscribing takes the path, unsubscribing releases it.
 *
 * Every other request goes to the server's own listeners, whenever they were added. Several Primus servers may share one HTTP server: the
 * longest path that matches gets the request, of equal ones the newest. The listeners of the application are not touched: `emit` is
 * wrapped, and hides a request on a path from them. The event still passes through the server's own `emit`, which may be that of a
 * subclass, or one that a monitoring tool has wrapped. One owner gets the upgrades that are on no path, as these may get no answer.
 */
export function exchanges(server: HttpServer, pathname: string, owner?: PathOwner): Observable<Exchange> {
  return new Observable((subscriber) => {
    const route = { pathname, exchanges: subscriber, owner };
    const router = routers.get(server) ?? install(server);
    if (owner !== undefined) router.routes.find((other) => other.pathname === pathname)?.owner?.replaced();
    const longer = router.routes.findIndex((other) => other.pathname.length <= pathname.length);
    router.routes.splice(longer === -1 ? router.routes.length : longer, 0, route);
    return () => {
      router.routes.splice(router.routes.indexOf(route), 1);
      if (router.routes.length === 0) router.uninstall();
    };
  });
}

function install(server: HttpServer): Router {
  const routes: Route[] = [];
  const own = Object.hasOwn(server, 'emit') ? server.emit : undefined;
  const find = ({ url = '' }: IncomingMessage) => {
    const path = pathOf(url);
    return routes.find((route) => owns(route.pathname, path));
  };

  // The listeners get every request that is on no path, and those that `intercept` hands to them alone.
  function request(request: IncomingMessage, response: ServerResponse): void {
    const route = find(request);
    if (route !== undefined) return deliver(route, { kind: 'request', request, response });
    if (server.listenerCount('request') > 1 || server.listenerCount('stream') > 1) return;
    if (acceptsRequest(request, response)) reject(response, statusOf(request));
  }
  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const route = find(request);
    if (route !== undefined) return deliver(route, { kind: 'upgrade', request, socket, head });
    routes.find((candidate) => candidate.owner !== undefined)?.owner?.unclaimed({ kind: 'upgrade', request, socket, head });
    if (server.listenerCount('upgrade') === 1) reject(socket, statusOf(request));
  }
  const handlers: { [event: string]: (...args: never[]) => void } = { request, upgrade };

  function intercept(this: HttpServer, event: string, ...args: unknown[]): boolean {
    // Looked up for each event: a tool may wrap the `emit` of the prototype later.
    const emit = own ?? (Object.getPrototypeOf(server) as HttpServer).emit;
    const pass = () => emit.apply(this, [event, ...args] as unknown as Parameters<typeof emit>);
    // Without a listener, Node.js would end the process because of one connection that cannot be accepted.
    if (event === 'error' && isExhaustion(args[0]) && server.listenerCount('error') === 0) return false;
    const handler = Object.hasOwn(handlers, event) ? handlers[event] : undefined;
    if (handler === undefined || find(args[0] as IncomingMessage) === undefined) return pass();
    return emitTo(server, event, handler as (...args: unknown[]) => void, pass);
  }

  const router: Router = {
    routes,
    uninstall() {
      routers.delete(server);
      for (const [event, handler] of Object.entries(handlers)) server.removeListener(event, handler as () => void);
      // The application may have wrapped `emit` again since; without routes ours only passes events on.
      if (server.emit !== (intercept as typeof emit)) return;
      if (own === undefined) Reflect.deleteProperty(server, 'emit');
      else server.emit = own;
    },
  };

  // Node emits `upgrade` only on a server that listens for it, and an HTTP/2 server makes requests of streams only for a listener of `request`.
  for (const [event, handler] of Object.entries(handlers)) server.on(event, handler as () => void);
  const { emit } = server;
  server.emit = intercept as typeof emit;
  routers.set(server, router);
  return router;
}

/**
 * Emits an event to one listener alone. Node.js has no public way: for the time until it reaches the listener, this listener takes the place of
 * all others. They are back before it is called, so that what it adds or removes stays.
 */
function emitTo(server: HttpServer, event: string, listener: (...args: unknown[]) => void, emit: () => boolean): boolean {
  const { _events } = server as unknown as Listeners;
  const others = _events[event];
  let hidden = true;
  const restore = () => {
    if (hidden) _events[event] = others;
    hidden = false;
  };
  _events[event] = (...args: unknown[]) => {
    restore();
    listener(...args);
  };
  try {
    return emit();
  } finally {
    restore();
  }
}

function ignore(): void {}

function deliver(route: Route, exchange: Exchange): void {
  if (exchange.kind === 'request' && !acceptsRequest(exchange.request, exchange.response)) return;
  // Until the socket has an owner, it has no other listener of its errors, and Node would throw them.
  if (exchange.kind === 'upgrade') exchange.socket.on('error', ignore);
  describeTarget(exchange.request);
  route.exchanges.next(exchange);
}

/** Whether a target is the path itself or below it. Compared as it came: a malformed target is never parsed. */
function owns(pathname: string, target: string): boolean {
  if (!target.startsWith(pathname)) return false;
  if (pathname === '/') return !target.startsWith('//');
  const next = target.charCodeAt(pathname.length);
  return Number.isNaN(next) || next === 0x2f || next === 0x3f;
}

/** The status for a request that no listener takes: 400 where its target has no path. */
function statusOf({ url = '' }: IncomingMessage): 400 | 404 {
  return /^\/(?!\/)/.test(pathOf(url)) ? 404 : 400;
}
