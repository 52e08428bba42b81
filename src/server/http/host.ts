import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Observable, SchedulerLike } from 'rxjs';
import type { ServerTransformer } from '../../core/transformer.js';
import type { MemoryAccount } from '../memory.js';

/** An HTTP server, or anything that behaves like one (`https`, `http2` with HTTP/1, `spdy`). */
export type HttpServer = Pick<Server, 'on' | 'removeListener' | 'emit' | 'listenerCount' | 'close' | 'address'> &
  Partial<Pick<Server, 'closeIdleConnections' | 'closeAllConnections'>>;

/** An HTTP request on the server's path. */
export interface RequestExchange {
  readonly kind: 'request';
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** An upgrade request on the server's path. */
export interface UpgradeExchange {
  readonly kind: 'upgrade';
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** A request of either kind. */
export type Exchange = RequestExchange | UpgradeExchange;

/** The places of connections in the limits of a server, by the requests that began them. */
export interface Places {
  /** Keeps the place of a request until `release` is called as well. */
  claim(request: IncomingMessage): void;
  /** Frees the place of a request when this is its last claim. */
  release(request: IncomingMessage): void;
  /** Notes that the connection that a request began has a WebSocket now: it is no session of many requests any more. */
  upgraded(request: IncomingMessage): void;
}

/** The part of a server that its transformer uses. */
export interface Host {
  /** The HTTP server. */
  readonly server: HttpServer;
  /** The Primus server. */
  readonly primus: unknown;
  /** Plain requests on the pathname that middleware did not answer. */
  readonly request$: Observable<RequestExchange>;
  /** Upgrade requests on the pathname that middleware did not answer or reject. */
  readonly upgrade$: Observable<UpgradeExchange>;
  /** The path of the server, without a slash at its end. */
  readonly pathname: string;
  /** The largest message that is accepted, in bytes. */
  readonly maxLength: number;
  /** The limit of bytes that are buffered for one slow consumer. */
  readonly maxBuffer: number;
  /** The account of the bytes that wait. */
  readonly memory: MemoryAccount;
  /** Whether messages and HTTP answers may be compressed. */
  readonly compression: boolean;
  /** The server's `transport` option. */
  readonly transport: object;
  /** The clock of timers. */
  readonly scheduler: SchedulerLike;
  /** Rejects a request with 500 that the framework could not handle, and logs what it threw. */
  failed(exchange: Exchange, thrown: unknown): void;
  /** The limits of connections. A framework whose sessions outlive their requests without a link claims their places. */
  readonly places: Places;
  /**
   * Returns whether a request begins a connection, and so takes a place of the limits of connections. A transformer whose links are made of
   * many requests sets it; it is called once for each request. Without it, every upgrade does.
   */
  begins?: (exchange: Exchange) => boolean;
  /**
   * Returns whether a request belongs to an open link. A transformer whose links are made of many requests sets it: during shutdown the
   * server accepts those requests, and rejects all others.
   */
  continues?: (exchange: Exchange) => boolean;
}

/** The server's half of a transformer that runs on a Node server. */
export type NodeTransformer = ServerTransformer<Host>;
