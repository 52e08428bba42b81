import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { parse } from 'node:querystring';
import { type Duplex, Stream } from 'node:stream';
import type { Observable } from 'rxjs';
import type { Stack } from '../core/channel.js';
import type { PrimusError } from '../core/errors.js';
import { type EmitsParser, emits, reserve, type TypedEmitter } from '../core/events.js';
import type { Frame, Link } from '../core/link.js';
import { CLOSED, OPEN, OPENING, type ReadyState } from '../core/ready-state.js';
import { fromEvents } from '../core/streams/from-events.js';
import { iterate } from '../core/streams/iterate.js';
import { Connection, type ConnectionHost } from './connection.js';
import { duplex } from './node-streams/duplex.js';
import { type PipeTarget, pipe } from './node-streams/pipe.js';

/** Where a connection comes from. */
export interface Address {
  /** IPv4 or IPv6. */
  ip: string;
  /** 0 when a proxy did not tell. */
  port: number;
  /** Whether it came by TLS, at least to the first proxy. */
  secure?: boolean;
}

/** The events of a spark; extend by declaration merging. */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface SparkEvents<In = any> {
  /** A message, decoded and transformed, and the frame it came as. */
  data: [data: In, raw: Frame];
  /** A message was lost, or a listener threw; the connection lives. Never thrown when nobody listens. */
  error: [error: Error | PrimusError];
  /** The connection is over; nothing follows. */
  end: [];
  /** The client answered a heartbeat, after so many ms. */
  heartbeat: [latency: number];
  /** `readyState` was assigned: `opening`, `open` or `end`. */
  readyStateChange: [state: string];
  /** What was waiting for a slow peer has left: sources that are piped in go on. */
  drain: [];
  /** A stream is being piped in. */
  pipe: [source: unknown];
  /** A stream is no longer piped in. */
  unpipe: [source: unknown];
  'incoming::data': [frame: Frame];
  'incoming::pong': [sent: number];
  'outgoing::data': [frame: Frame];
  'outgoing::ping': [sent: number];
  'incoming::end': [];
  'outgoing::end': [];
}

/** What a spark needs of the server it belongs to. @internal */
export interface SparkServer extends Stack {
  readonly host: ConnectionHost;
  generateId(): string;
}

/** What `state$` of a spark emits. */
export type SparkState = 'opening' | 'open' | 'closed';

/** Node's legacy Stream: an emitter with `pipe`, and `writable` and `readable` as plain booleans. */
const LegacyStream = Stream as unknown as new (options?: object) => object;

const reserved = reserve('readyStateChange', 'heartbeat', 'error', 'data', 'end');

/**
 * The server's end of one connection. Made by the server; `new primus.Spark(…)` makes one without a line.
 *
 * @typeParam In what the client sends
 * @typeParam Out what the server sends
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export class Spark<In = any, Out = any> extends LegacyStream {
  /** `readyState` before the connection. */
  static readonly OPENING = OPENING;
  /** `readyState` after the connection. */
  static readonly CLOSED = CLOSED;
  /** `readyState` of an open connection. */
  static readonly OPEN = OPEN;

  /** The server. */
  readonly primus: SparkServer;
  /** Unique among the connections of this server, and gone with this connection. */
  readonly id: string;
  /** Headers of the request that started the connection. */
  readonly headers: IncomingHttpHeaders;
  /** Where the client is: behind proxies with `trustProxy`, else the other end of the socket. */
  readonly address: Address;
  /** The request that started the connection; already answered. */
  readonly request: IncomingMessage;
  /** The framework's own socket. */
  readonly socket: unknown;
  /** For Node's legacy streams. */
  readable = true;
  /** For Node's legacy streams. */
  writable = true;
  /** The machinery behind this face. @internal */
  readonly connection: Connection;
  #query: Record<string, string | string[] | undefined> | undefined;

  constructor(
    primus: SparkServer,
    headers?: IncomingHttpHeaders,
    address?: Partial<Address>,
    query?: Record<string, string | string[] | undefined>,
    id?: string,
    request?: IncomingMessage,
    socket?: unknown,
    link?: Link,
  ) {
    super({ captureRejections: true });
    this.primus = primus;
    this.headers = headers ?? {};
    this.address = (address ?? {}) as Address;
    this.#query = query;
    // A key, whatever `idGenerator` makes; throws for what cannot be one.
    this.id = `${id ?? primus.generateId()}`;
    this.request = request ?? ({} as IncomingMessage);
    this.socket = socket ?? link?.socket;
    this.connection = new Connection(this, link);
  }

  /** The query string of the client's address, parsed; a key that is given twice has a list. */
  get query(): Record<string, string | string[] | undefined> {
    if (this.#query === undefined) {
      const { url = '' } = this.request;
      const start = url.indexOf('?');
      this.#query = parse(start === -1 ? '' : url.slice(start + 1));
    }
    return this.#query;
  }

  set query(query) {
    this.#query = query;
  }

  /** The same as `address`. */
  get remote(): Address {
    return this.address;
  }

  /** 1 opening, 2 closed, 3 open. Assigning another state announces `readyStateChange`. */
  get readyState(): ReadyState {
    return this.connection.state;
  }

  set readyState(state: ReadyState) {
    this.connection.assignState(state);
  }

  /**
   * Sends a message. True when it was accepted; false when the connection is over or the message cannot be sent, which
   * an `error` event explains. While something is piped in, also false when the source had better wait for `drain`.
   */
  write(data: Out): boolean {
    if (!this.connection.send(data)) return false;
    return !(this.connection.crowded && (this.listenerCount('unpipe') > 0 || this.listenerCount('drain') > 0));
  }

  /** Encodes and sends a message that has been transformed: every `write` ends here. */
  _write(data: Out): boolean {
    return this.connection.write(data);
  }

  /** Sends `data`, when given, and closes. The client does not come back unless `reconnect` is true. */
  end(data?: Out, { reconnect = false }: { reconnect?: boolean } = {}): this {
    if (data !== undefined && !this.connection.isSendingLast) {
      this.connection.isSendingLast = true;
      this.write(data);
      this.connection.isSendingLast = false;
    }
    this.connection.end(reconnect);
    return this;
  }

  /** Stops reading; the client meets back-pressure. */
  pause(): this {
    this.connection.pause(true);
    return this;
  }

  /** Goes on reading. */
  resume(): this {
    this.connection.pause(false);
    return this;
  }

  /** A function that emits `event` whenever it is called; `parser` reduces its arguments to one value, or prevents the event. */
  emits(event: string, parser?: EmitsParser): (...args: unknown[]) => void {
    return emits(this as never, event, parser);
  }

  /** Whether an event name is the library's own. */
  declare reserved: typeof reserved;

  /** The messages of the client. Hot; completes with the connection, never errors. */
  get data$(): Observable<In> {
    return this.#view({ data: (data: In) => data });
  }

  /** What went wrong with single messages and listeners. */
  get error$(): Observable<Error> {
    return this.#view({ error: (error: Error) => error });
  }

  /** Round trips of the heartbeat, in ms. */
  get heartbeat$(): Observable<number> {
    return this.#view({ heartbeat: (latency: number) => latency });
  }

  /** The state now, and every change. */
  get state$(): Observable<SparkState> {
    const state = (): SparkState => (this.readyState === OPEN ? 'open' : this.readyState === CLOSED ? 'closed' : 'opening');
    return this.#view({ readyStateChange: state }, () => [state()]);
  }

  /** Emits once, when the connection has ended; a late subscriber gets it at once. */
  get end$(): Observable<void> {
    return this.#view({ end: () => undefined }, () => (this.connection.state === CLOSED ? [undefined] : []));
  }

  /** Messages for a `for await` loop; the client meets back-pressure when the loop is slow. Leaving the loop closes nothing. */
  [Symbol.asyncIterator](): AsyncGenerator<In, void, undefined> {
    return iterate(this.data$, { pause: () => this.pause(), resume: () => this.resume() });
  }

  /** Writes the messages of the client to a stream, pausing the connection while that is full; ends it with the connection unless `end` is false. */
  pipe<T extends PipeTarget>(target: T, options?: { end?: boolean }): T {
    return pipe(this as Spark, target, options);
  }

  /** This connection as a modern stream of objects, for `pipeline` and the like: honours back-pressure both ways, and ends with the connection. */
  duplex(): Duplex {
    return duplex(this);
  }

  /** A listener's promise was rejected. */
  [Symbol.for('nodejs.rejection')](error: unknown, event: string): void {
    if (event === 'error') this.primus.host.log('error', 'An error listener rejected', error);
    else this.connection.reportListenerError(error);
  }

  // biome-ignore lint/suspicious/noExplicitAny: arguments of every event.
  #view<T>(events: Record<string, (...args: any[]) => T>, replay?: () => readonly T[]): Observable<T> {
    return fromEvents(this as never, {
      events,
      end: 'end',
      ended: () => this.connection.state === CLOSED,
      report: (error) => this.connection.reportListenerError(error),
      ...(replay && { replay }),
    });
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface Spark<In = any, Out = any> extends TypedEmitter<SparkEvents<In>> {}

Spark.prototype.reserved = reserved;
