import type { Observable } from 'rxjs';
import type { Frame, Link } from './link.js';
import type { Plugin } from './plugin.js';

/** A link that has reached the server, with the request that started it. */
export interface Arrival<Request = unknown> {
  /** The link. */
  link: Link;
  /** The request that started the link. It is answered already. */
  request: Request;
  /** The id that the framework gave this connection, if any. The option `idGenerator` has precedence. */
  id?: string | undefined;
}

/** Links that get the same frames again and again, such as the members of a room. A link joins with the first frame. */
export interface LinkGroup {
  /** Removes a link. */
  remove(link: Link): void;
}

/**
 * The server's half of a transformer.
 *
 * @typeParam Host the part of a server that the transformer uses: requests and upgrades on the path, after middleware
 */
export interface ServerTransformer<Host = unknown> {
  /** Returns the links that arrive. Subscribing begins to serve, unsubscribing stops. Open links stay. */
  listen(host: Host): Observable<Arrival>;
  /**
   * Sends one frame to many links, in the cheapest way of the framework. Without it, `send(frame)` of each link is called. `group`: that of
   * `createGroup` for these links.
   */
  broadcast?(links: Iterable<Link>, frame: Frame, group?: LinkGroup): void;
  /** Creates a group of links, for a framework that can send a frame to all links of a group at once. */
  createGroup?(): LinkGroup;
  /** Whether links do not report incomplete messages, because the framework shows nothing of them. */
  readonly hidesIncomplete?: boolean;
}

/** Names and their values. */
export interface Fields {
  readonly [name: string]: string;
}

/** The target of one attempt to connect: the address and the options. */
export interface Target<Platform = unknown> {
  /** The address with the framework's own protocol, path and query. Every attempt has its own. */
  url: string;
  /** The client's `credentials` for this attempt. They are part of the address. */
  credentials: Fields;
  /** The client's `headers` for this attempt, where requests can have headers. */
  headers: Fields;
  /** The longest message that the client accepts, in bytes. */
  maxLength: number;
  /** The longest message that the server accepts, in bytes, as far as the client knows. */
  serverLimit: number;
  /** Whether messages may be compressed. @defaultValue `false` */
  compression?: boolean | undefined;
  /** Whether the framework may use WebSockets, where it has other transports. */
  websockets: boolean;
  /** The client's `transport` option. */
  transport: object;
  /** The platform of the client. */
  platform: Platform;
  /** The client itself, for adapters. */
  client?: unknown;
  /** Reports the framework's socket as soon as it is created, before it is open. */
  dialled(socket: unknown): void;
}

/** The client's half of a transformer. */
export interface ClientTransformer<Platform = unknown> {
  /** The protocol of the client's addresses. @defaultValue 'http' */
  readonly protocol?: 'ws' | 'http';
  /** The path below the pathname, such as `/websocket`. @defaultValue none */
  readonly path?: string;
  /**
   * Loads an optional framework before the first `connect`.
   *
   * @throws ERR_PRIMUS_MISSING when it cannot be loaded
   */
  load?(): void;
  /**
   * Returns a connection. Subscribing connects: it emits one open link, or errors with a `LinkError`. Unsubscribing before that aborts the
   * attempt.
   */
  connect(target: Target<Platform>): Observable<Link>;
}

/** A pluggable real-time framework. */
export interface Transformer<Host = unknown, Platform = unknown> {
  /** The name, in lower case. */
  readonly name: string;
  /** The server's half. */
  readonly server: ServerTransformer<Host>;
  /** The client's half. */
  readonly client: ClientTransformer<Platform>;
  /** The file name of its browser bundle, for a transformer with a browser client. */
  readonly bundle?: string;
  /** The plugin that its browser client needs beside the bundle. */
  readonly plugin?: Plugin;
}
