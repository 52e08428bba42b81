import type { IncomingMessage } from 'node:http';
import type { SchedulerLike } from 'rxjs';
import type { Address } from '../spark.js';
import type { Exchange, Places } from './host.js';
import { networkOf } from './network-of.js';
import { type Rejection, reject } from './reject.js';

/** The limits of a server on the number of its connections; `Infinity` sets none. */
export interface CapacityLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxSessionsPerAddress: number;
}

/** The parts of a server that its capacity uses. */
interface CapacityParts {
  readonly limits: CapacityLimits;
  readonly scheduler: SchedulerLike;
  /** Finds the address of the client of a request. */
  addressOf(request: IncomingMessage): Address;
  log(level: string, message: string): void;
}

/** The counts of one address. */
interface Tally {
  readonly network: string;
  connections: number;
  sessions: number;
}

/** The place of one connection, from its request on. */
interface Place {
  readonly tally: Tally | undefined;
  isSession: boolean;
  /** The number of those that need the place: the request or its socket, the spark, the session of the framework. */
  claims: number;
}

/** The time without a rejection after which a limit counts as no longer reached, in ms. */
const QUIET = 10_000;

const FULL: Rejection = {
  status: 503,
  message: 'The server accepts no more connections at the moment',
  headers: { 'Retry-After': '5', Connection: 'close' },
};

/**
 * Counts connections, from the request on, against the limits of a server. A place is taken before middleware runs, and is free again when
 * the request or its socket has closed, and so have the spark and the session that came of it. A server without limits counts nothing.
 *
 * ```
 * take ── claim (the spark is registered) ── release (it has ended) ─┬─> free
 *   └───────────── the response, or the socket, closes ─────────────┘
 * ```
 */
export class Capacity implements Places {
  readonly #parts: CapacityParts;
  readonly #places = new WeakMap<IncomingMessage, Place>();
  readonly #tallies = new Map<string, Tally>();
  readonly #reached = new Map<keyof CapacityLimits, { at: number; rejected: number }>();
  #connections = 0;

  constructor(parts: CapacityParts) {
    this.#parts = parts;
  }

  /** Takes a place for a request that begins a connection. Returns false, and rejects the request with 503, when there is none. */
  take(exchange: Exchange): boolean {
    const { request, kind } = exchange;
    const { maxConnections, maxConnectionsPerAddress, maxSessionsPerAddress } = this.#parts.limits;
    const isSession = kind === 'request';
    const perAddress = maxConnectionsPerAddress < Infinity || (isSession && maxSessionsPerAddress < Infinity);
    if (!perAddress && maxConnections === Infinity) return true;
    const tally = perAddress ? this.#tallyOf(request) : undefined;
    const { connections = 0, sessions = 0 } = tally ?? {};
    if (this.#connections >= maxConnections) return this.#full('maxConnections', exchange);
    if (connections >= maxConnectionsPerAddress) return this.#full('maxConnectionsPerAddress', exchange, tally);
    if (isSession && sessions >= maxSessionsPerAddress) return this.#full('maxSessionsPerAddress', exchange, tally);
    this.#forgetReached();
    this.#connections++;
    if (tally !== undefined) {
      this.#tallies.set(tally.network, tally);
      tally.connections++;
      if (isSession) tally.sessions++;
    }
    this.#places.set(request, { tally, isSession, claims: 1 });
    (kind === 'request' ? exchange.response : exchange.socket).once('close', () => this.release(request));
    return true;
  }

  claim(request: IncomingMessage): void {
    const place = this.#places.get(request);
    if (place !== undefined) place.claims++;
  }

  release(request: IncomingMessage): void {
    const place = this.#places.get(request);
    if (place === undefined || --place.claims > 0) return;
    this.upgraded(request);
    this.#places.delete(request);
    this.#connections--;
    const { tally } = place;
    if (tally !== undefined && --tally.connections === 0) this.#tallies.delete(tally.network);
  }

  upgraded(request: IncomingMessage): void {
    const place = this.#places.get(request);
    if (!place?.isSession) return;
    place.isSession = false;
    if (place.tally !== undefined) place.tally.sessions--;
  }

  /** Returns the counts of a client; `undefined` for one without an address, as at a Unix socket. */
  #tallyOf(request: IncomingMessage): Tally | undefined {
    const { ip } = this.#parts.addressOf(request) as { ip?: string };
    if (!ip) return undefined;
    const network = networkOf(ip);
    return this.#tallies.get(network) ?? { network, connections: 0, sessions: 0 };
  }

  #full(limit: keyof CapacityLimits, exchange: Exchange, tally?: Tally): false {
    const { limits, scheduler, log } = this.#parts;
    this.#forgetReached();
    const reached = this.#reached.get(limit);
    if (reached === undefined) {
      const who = tally === undefined ? '' : ` by ${tally.network}`;
      log('warning', `\`${limit}\` (${limits[limit]}) is reached${who}: further connections are rejected with 503`);
    }
    this.#reached.set(limit, { at: scheduler.now(), rejected: (reached?.rejected ?? 0) + 1 });
    reject(exchange.kind === 'request' ? exchange.response : exchange.socket, FULL);
    return false;
  }

  /** Ends the state of limits that have rejected nothing for a while: a client cannot fill the log. */
  #forgetReached(): void {
    const { scheduler, log } = this.#parts;
    for (const [limit, { at, rejected }] of this.#reached) {
      if (scheduler.now() - at < QUIET) continue;
      this.#reached.delete(limit);
      log('warning', `\`${limit}\` is no longer reached: ${rejected} connections were rejected`);
    }
  }
}
