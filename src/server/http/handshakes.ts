import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SchedulerLike, Unsubscribable } from 'rxjs';
import type { Exchange, UpgradeExchange } from './host.js';
import { type Rejection, reject } from './reject.js';

/**
 * The kinds of handshakes: the first of a connection; a further one, of a session that gets a WebSocket, whose time the framework limits; and
 * one on a path of others, which is terminated only when it gets no answer.
 */
type Kind = 'first' | 'further' | 'foreign';

/** A handshake that is under way. */
interface Handshake {
  readonly exchange: Exchange;
  readonly kind: Kind;
  /** The bytes that were written to its socket before it; `undefined` where the socket does not count them. */
  readonly written: number | undefined;
  /** The start of its time limit. */
  since: number;
  /** Listens for the end of its request or socket; `undefined` while its first turn lasts. */
  forget: (() => void) | undefined;
}

const AGAIN = { 'Retry-After': '1', Connection: 'close' };
const LATE: Rejection = { status: 503, message: 'The handshake took too long', headers: AGAIN };
const SHUTTING_DOWN: Rejection = { status: 503, message: 'The server is shutting down', headers: AGAIN };

/**
 * Limits the time of handshakes: from the request until the connection exists, or the request is answered and its socket closed.
 * One timer serves all of them, and none runs for those that are done in the turn in which they begin.
 */
export class Handshakes implements Unsubscribable {
  readonly #limit: number;
  readonly #scheduler: SchedulerLike;
  /** Those with a time limit, in the order in which it ends. */
  readonly #underWay = new Map<IncomingMessage, Handshake>();
  /** Those that are being authorized: that has a limit of its own. */
  readonly #suspended = new Map<IncomingMessage, Handshake>();
  #timer: Unsubscribable | undefined;

  /** `limit` is in ms; `Infinity` sets none. */
  constructor(limit: number, scheduler: SchedulerLike) {
    this.#limit = limit;
    this.#scheduler = scheduler;
  }

  /** Notes the beginning of a handshake. `watch` follows at the end of its first turn. */
  begin(exchange: Exchange, kind: Kind): void {
    if (this.#limit === Infinity) return;
    const written = exchange.kind === 'upgrade' ? bytesWritten(exchange.socket) : undefined;
    this.#underWay.set(exchange.request, { exchange, kind, written, since: this.#scheduler.now(), forget: undefined });
  }

  /** Limits the time of a handshake that was not done in its first turn. */
  watch(request: IncomingMessage): void {
    const handshake = this.#underWay.get(request) ?? this.#suspended.get(request);
    if (handshake === undefined) return;
    const channel = channelOf(handshake.exchange);
    if (channel.destroyed) return this.done(request);
    handshake.forget = () => this.done(request);
    channel.once('close', handshake.forget);
    this.#schedule();
  }

  /** Limits the time in which an upgrade on a path of others is answered, unless its socket does not count what is written. */
  watchForeign(exchange: UpgradeExchange): void {
    if (bytesWritten(exchange.socket) === undefined) return;
    this.begin(exchange, 'foreign');
    this.watch(exchange.request);
  }

  /** Notes that middleware has let a handshake pass. */
  passed(request: IncomingMessage): void {
    if (this.#underWay.get(request)?.kind === 'further') this.done(request);
  }

  /** Stops the clock of a handshake while its request is being authorized. */
  suspend(request: IncomingMessage): void {
    const handshake = this.#underWay.get(request);
    if (handshake === undefined) return;
    this.#underWay.delete(request);
    this.#suspended.set(request, handshake);
    this.#rest();
  }

  /** Starts the clock of a handshake again. */
  resume(request: IncomingMessage): void {
    const handshake = this.#suspended.get(request);
    if (handshake === undefined) return;
    this.#suspended.delete(request);
    handshake.since = this.#scheduler.now();
    this.#underWay.set(request, handshake);
    if (handshake.forget !== undefined) this.#schedule();
  }

  /** Notes that the connection exists, or that the request and its socket are over. */
  done(request: IncomingMessage): void {
    const handshake = this.#underWay.get(request) ?? this.#suspended.get(request);
    if (handshake === undefined) return;
    this.#underWay.delete(request);
    this.#suspended.delete(request);
    // The socket may live as long as the connection.
    if (handshake.forget !== undefined) channelOf(handshake.exchange).removeListener('close', handshake.forget);
    this.#rest();
  }

  /** Ends the handshakes on the server's own path: nothing would finish them any more. Those on paths of others keep their time limit. */
  unsubscribe(): void {
    this.#shutDown(({ kind }) => kind !== 'foreign');
  }

  /** Ends all handshakes: the HTTP server waits for them to close. */
  terminateAll(): void {
    this.#shutDown(() => true);
  }

  #shutDown(isMeant: (handshake: Handshake) => boolean): void {
    for (const handshake of [...this.#underWay.values(), ...this.#suspended.values()].filter(isMeant)) {
      this.done(handshake.exchange.request);
      terminate(handshake, SHUTTING_DOWN);
    }
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    const [first] = this.#underWay.values();
    if (first === undefined) return;
    const due = Math.max(0, first.since + this.#limit - this.#scheduler.now());
    this.#timer = this.#scheduler.schedule(() => this.#expire(), due);
  }

  #rest(): void {
    if (this.#underWay.size > 0) return;
    this.#timer?.unsubscribe();
    this.#timer = undefined;
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#scheduler.now();
    for (const handshake of this.#underWay.values()) {
      if (handshake.since + this.#limit > now) break;
      this.done(handshake.exchange.request);
      terminate(handshake, LATE);
    }
    this.#schedule();
  }
}

/** Ends a handshake: with a status where nothing was answered yet. */
function terminate({ exchange, kind, written }: Handshake, rejection: Rejection): void {
  if (exchange.kind === 'request') {
    reject(exchange.response, rejection);
    return;
  }
  const { socket } = exchange;
  const isAnswered = bytesWritten(socket) !== written;
  if (kind === 'foreign' && isAnswered) return;
  if (kind === 'foreign' || isAnswered) socket.destroy();
  else {
    reject(socket, rejection);
    // A peer that reads nothing does not get the answer.
    setImmediate(() => socket.destroy());
  }
}

function channelOf(exchange: Exchange) {
  return exchange.kind === 'request' ? exchange.response : exchange.socket;
}

function bytesWritten(socket: Duplex): number | undefined {
  return (socket as Partial<Socket>).bytesWritten;
}
