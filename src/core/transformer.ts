import type { Observable } from 'rxjs';
import type { Frame, Link } from './link.js';
import type { Plugin } from './plugin.js';

/** A link that reached the server, with the request it came by. */
export interface Arrival<Request = unknown> {
  /** The connection. */
  link: Link;
  /** The request it came by, which is answered already. */
  request: Request;
  /** An id that the framework gave this connection, if it gives any; an `idGenerator` of the user's own comes first. */
  id?: string | undefined;
}

/**
 * The server's half of a transformer. `Host` is what the server offers: HTTP requests and upgrades on its path,
 * after middleware.
 */
export interface ServerTransformer<Host = unknown> {
  /** Subscribe = serve, unsubscribe = stop; links that are open go on. */
  listen(host: Host): Observable<Arrival>;
  /** One frame to many links in the framework's cheapest way. Without it each link gets `send(frame)`. */
  broadcast?(links: Iterable<Link>, frame: Frame): void;
}

/** Names and their values. */
export interface Fields {
  readonly [name: string]: string;
}

/** Where to and how a client dials. */
export interface Target<Platform = unknown> {
  /** The address with the framework's own protocol, path and query; made anew for every attempt. */
  url: string;
  /** The client's `credentials` of this attempt; they are part of the address. */
  credentials: Fields;
  /** The client's `headers` of this attempt, for requests that can have any. */
  headers: Fields;
  /** Largest message that is accepted, in bytes. */
  maxLength: number;
  compression: boolean;
  /** False keeps a framework that can do without from using WebSockets. */
  websockets: boolean;
  /** The client's `transport` option. */
  transport: object;
  platform: Platform;
  /** The client that dials: for adapters. */
  client?: unknown;
  /** Called with the framework's socket as soon as there is one, before it is open. */
  dialled(socket: unknown): void;
}

/** The client's half of a transformer. */
export interface ClientTransformer<Platform = unknown> {
  /** The protocol of the client's addresses: whether `http` becomes `ws`. @defaultValue `'http'` */
  readonly protocol?: 'ws' | 'http';
  /** Path below the pathname, such as `/websocket`. */
  readonly path?: string;
  /** Loads a framework that is optional, ahead of the first `connect`; throws `ERR_PRIMUS_MISSING` when it cannot. */
  load?(): void;
  /** Subscribe = dial: emits one open link, or errors with a `LinkError`. Unsubscribing before that closes it. */
  connect(target: Target<Platform>): Observable<Link>;
}

/** A pluggable real-time framework. */
export interface Transformer<Host = unknown, Platform = unknown> {
  /** Lower-case. */
  readonly name: string;
  /** The server's half. */
  readonly server: ServerTransformer<Host>;
  /** The client's half. */
  readonly client: ClientTransformer<Platform>;
  /** File name of its browser bundle, when it can be served. */
  readonly bundle?: string;
  /** Source that its client is made of, as a plugin's is; on top of that bundle. */
  readonly plugin?: Plugin;
}
