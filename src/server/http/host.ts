import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Observable, SchedulerLike } from 'rxjs';
import type { ServerTransformer } from '../../core/transformer.js';

/** An HTTP server, or anything that behaves like one (`https`, `http2` with HTTP/1, `spdy`). */
export type HttpServer = Pick<Server, 'on' | 'removeListener' | 'emit' | 'listenerCount' | 'close' | 'address'> &
  Partial<Pick<Server, 'closeIdleConnections' | 'closeAllConnections'>>;

/** One HTTP request on the server's path. */
export interface RequestExchange {
  readonly kind: 'request';
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** One upgrade request on the server's path. */
export interface UpgradeExchange {
  readonly kind: 'upgrade';
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** One request of either kind. */
export type Exchange = RequestExchange | UpgradeExchange;

/** What a server offers its transformer. */
export interface Host {
  /** The HTTP server. */
  readonly server: HttpServer;
  /** The server that is served. */
  readonly primus: unknown;
  /** Plain requests on the pathname that no middleware answered. */
  readonly request$: Observable<RequestExchange>;
  /** Upgrade requests on the pathname that no middleware refused. */
  readonly upgrade$: Observable<UpgradeExchange>;
  /** The path that is served, without a slash at its end. */
  readonly pathname: string;
  /** Largest message that is accepted, in bytes. */
  readonly maxLength: number;
  /** How much may wait for one peer, in bytes. */
  readonly maxBuffer: number;
  /** Whether messages and answers may be compressed. */
  readonly compression: boolean;
  /** The server's `transport` option. */
  readonly transport: object;
  /** The clock. */
  readonly scheduler: SchedulerLike;
  /**
   * Set by a transformer whose links live on many requests: whether this one belongs to a link that is open. Those are
   * let through while the server goes down, when new ones are not.
   */
  continues?: (exchange: Exchange) => boolean;
}

/** The server's half of a transformer that lives on a Node server. */
export type NodeTransformer = ServerTransformer<Host>;
