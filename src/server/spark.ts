import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { parse } from 'node:querystring';
import { type Duplex, Stream } from 'node:stream';
import { distinctUntilChanged, filter, map, mergeWith, type Observable } from 'rxjs';
import type { Stack } from '../core/channel.js';
import type { PrimusError } from '../core/errors.js';
import { type EmitsArguments, type EmitsParser, reserve, type TypedEmitter } from '../core/events.js';
import { guardedEmits } from '../core/guarded-emits.js';
import type { Frame, Link } from '../core/link.js';
import { CLOSED, OPEN, OPENING, type ReadyState } from '../core/ready-state.js';
import { type Gap, type Resumed, SESSION_FIELD } from '../core/session-words.js';
import { fromEvents } from '../core/streams/from-events.js';
import { iterate } from '../core/streams/iterate.js';
import { authorizedData } from './authorized.js';
import { Connection, type ConnectionHost } from './connection.js';
import { expectSign } from './heartbeat.js';
import type { NodeEmitter } from './node-emitter.js';
import { duplex } from './node-streams/duplex.js';
import { type PipeTarget, pipe } from './node-streams/pipe.js';
import { CAPTURING, reportRejections } from './rejections.js';

/** The address of a client. */
export interface Address {
  /** The IPv4 or IPv6 address. */
  ip: string;
  /** The port; 0 when a proxy did not forward it. */
  port: number;
  /** Whether the client uses TLS, at least up to the first proxy. */
  secure: boolean;
}

/** The events of a spark, with their arguments. Extend it by declaration merging. */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface SparkEvents<In = any> {
  /** A message was received. `data` is decoded and transformed, `raw` is its frame. */
  data: [data: In, raw: Frame];
  /** A message was lost, or a listener threw. The connection stays open. Without listeners the error is not thrown. */
  error: [error: Error | PrimusError];
  /** The connection has ended. No event follows. */
  end: [];
  /** The client answered a ping, after `latency` ms. */
  heartbeat: [latency: number];
  /** `readyState` has changed to `opening`, `open` or `end`. */
  readyStateChange: [state: string];
  /** The buffer of a slow consumer has drained: sources that are piped in continue. */
  drain: [];
  /** A stream was piped into the spark. */
  pipe: [source: unknown];
  /** A stream is no longer piped into the spark. */
  unpipe: [source: unknown];
  'incoming::data': [frame: Frame];
  'incoming::pong': [sent: number];
  'outgoing::data': [frame: Frame];
  'outgoing::ping': [sent: number];
  'incoming::end': [];
  'outgoing::end': [];
}

/** The part of a server that its sparks use. @internal */
export interface SparkServer extends Stack {
  readonly host: ConnectionHost;
  generateId(): string;
}

/** A state of a spark, as its `state$` emits it. `away`: its session waits for the client to reconnect. */
export type SparkState = 'opening' | 'open' | 'away' | 'closed';

/** Node's legacy Stream: an emitter with `pipe`, and `writable` and `readable` as plain booleans. */
const LegacyStream = Stream as unknown as new (options?: object) => object;

/** The fields that clients add to their address for this package. */
const OWN_FIELDS = ['_primuscb', SESSION_FIELD];

const reserved = reserve('readyStateChange', 'heartbeat', 'error', 'data', 'end');

/**
 * The server's end of one connection. The server creates it; `new primus.Spark(…)` creates one without a link, for plugins and tests.
 *
 * Its events have one order: what a listener causes takes effect at once, and its events are emitted behind the present one. A listener
 * of `data` that calls `end()` closes the spark at once; `end` is emitted after all listeners got the message.
 *
 * @example
 * primus.on('connection', (spark) => {
 *   console.log(spark.id, spark.address.ip, spark.headers['user-agent'], spark.query.room);
 *   spark.on('data', (message) => spark.write({ echo: message }));
 *   spark.on('end', () => console.log(`${spark.id} disconnected`));
 * });
 *
 * @typeParam In the type of the messages that the client sends
 * @typeParam Out the type of the messages that the server sends
 * @typeParam Data what authorization finds: `data`
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export class Spark<In = any, Out = any, Data = any> extends LegacyStream {
  static {
    reportRejections(Spark);
  }

  /**
   * The `readyState` of a connection that is not open yet.
   *
   * @example
   * import { Spark } from 'primus-rx';
   *
   * spark.readyState === Spark.OPEN; // or Spark.OPENING, or Spark.CLOSED
   */
  static readonly OPENING = OPENING;
  /** The `readyState` of a connection that has ended. */
  static readonly CLOSED = CLOSED;
  /** The `readyState` of an open connection. */
  static readonly OPEN = OPEN;

  /**
   * The server.
   *
   * @example
   * spark.primus === primus; // true
   */
  readonly primus: SparkServer;
  /** The id, which no other connection of this server has. A client that reconnects gets another one. */
  readonly id: string;
  /** The headers of the request that started the connection. */
  readonly headers: IncomingHttpHeaders;
  /** The address of the client: the one that trusted proxies forwarded (`trustProxy`), else the address of the socket's peer. */
  readonly address: Address;
  /**
   * The request that started the connection. It is answered already.
   *
   * @example
   * const path = spark.request.url;
   */
  readonly request: IncomingMessage;
  /**
   * The data of authorization: the second argument of its callback, for the request that started the connection.
   *
   * @example
   * primus.authorize((request, done) => done(null, { name: 'ada' }));
   * primus.on('connection', (spark) => console.log(spark.data.name));
   */
  declare data: Data;
  /**
   * The framework's own socket.
   *
   * @example
   * if (spark.socket instanceof WebSocket) console.log(spark.socket.protocol);
   */
  readonly socket: unknown;
  /**
   * Whether the spark is readable, as Node's legacy streams report it.
   *
   * @example
   * spark.readable && spark.writable; // true
   */
  readable = true;
  /** Whether the spark is writable, as Node's legacy streams report it. */
  writable = true;
  /** The connection behind this spark. @internal */
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
    super(CAPTURING);
    this.primus = primus;
    this.headers = headers || {};
    this.address = (address ?? {}) as Address;
    this.#query = query;
    // Always a string, as it is a key; throws where `idGenerator` returned a value that has none.
    this.id = `${id || primus.generateId()}`;
    this.request = request ?? ({} as IncomingMessage);
    const data = authorizedData(this.request);
    if (data !== undefined) this.data = data as Data;
    this.socket = socket ?? link?.socket;
    this.connection = new Connection(this, link);
  }

  /**
   * The parsed query string of the client's address, without the fields that the client adds for this package. A key that occurs twice has a
   * list of values.
   */
  get query(): Record<string, string | string[] | undefined> {
    if (this.#query === undefined) {
      const { url = '' } = this.request;
      const start = url.indexOf('?');
      const query = parse(start === -1 ? '' : url.slice(start + 1));
      for (const field of OWN_FIELDS) delete query[field];
      this.#query = query;
    }
    return this.#query;
  }

  set query(query) {
    this.#query = query;
  }

  /**
   * The same as `address`.
   *
   * @example
   * spark.remote.ip === spark.address.ip; // true
   */
  get remote(): Address {
    return this.address;
  }

  /** The state: 1 opening, 2 closed, 3 open. Assigning another state emits `readyStateChange`. */
  get readyState(): ReadyState {
    return this.connection.state;
  }

  set readyState(state: ReadyState) {
    this.connection.assignState(state);
  }

  /**
   * The number of bytes that were written, and have not left this process.
   *
   * @example
   * console.log(`${spark.id} is behind by ${spark.bufferedAmount} bytes`);
   */
  get bufferedAmount(): number {
    return this.connection.bufferedAmount;
  }

  /**
   * Sends a message.
   *
   * @returns `false` when the connection has ended, or when the message cannot be sent: then an `error` event says why. With listeners for
   * `drain`, also `false` when the consumer is slow or away; the message is buffered, and the writer should wait for `drain`
   *
   * @example
   * spark.write({ news: 'Hello' });
   */
  write(data: Out): boolean {
    const { connection } = this;
    if (connection.send(data) && !(connection.crowded && (this.listenerCount('unpipe') > 0 || this.listenerCount('drain') > 0)))
      return true;
    this.primus.host.rejectedWrites += 1;
    return false;
  }

  /** Encodes and sends a message that has been transformed. Every `write` calls it. */
  _write(data: Out): boolean {
    return this.connection.write(data);
  }

  // Cannot be called: it gives a spark the type of a stream, so that `source.pipe(spark)` compiles.
  /** @internal */
  end(this: never, data: unknown, encoding?: unknown, callback?: unknown): this;
  /**
   * Sends `data`, if any, and closes the connection. The client reconnects only with `reconnect`.
   *
   * @example
   * spark.end({ error: 'Please reconnect' }, { reconnect: true });
   */
  end(data?: Out, options?: { reconnect?: boolean }): this;
  end(data?: Out, options?: { reconnect?: boolean }): this {
    if (data !== undefined && !this.connection.isSendingLast) {
      this.connection.isSendingLast = true;
      this.write(data);
      this.connection.isSendingLast = false;
    }
    this.connection.abandon();
    this.connection.end(options?.reconnect ?? false);
    return this;
  }

  /**
   * Pings the client; terminates the connection instead when nothing was received since the last ping. Called once a `pingInterval`,
   * for connections whose `heartbeat` was replaced too.
   *
   * @example
   * spark.heartbeat();
   */
  heartbeat(): void {
    if (this.readyState === OPEN && expectSign(this.connection)) this.connection.ping();
  }

  /**
   * Stops reading: back-pressure slows the client down.
   *
   * @example
   * spark.pause();
   * setTimeout(() => spark.resume(), 1_000);
   */
  pause(): this {
    this.connection.pause(true);
    return this;
  }

  /** Continues to read. */
  resume(): this {
    this.connection.pause(false);
    return this;
  }

  /**
   * Returns a function that emits `event` when it is called, with the bound arguments first. A function as last argument is the parser of
   * its arguments: see `EmitsParser`.
   *
   * @example
   * import { EventEmitter } from 'node:events';
   *
   * const clock = new EventEmitter();
   * clock.on('tick', spark.emits('tick'));
   */
  emits(event: string, parser: EmitsParser): (...args: unknown[]) => boolean;
  emits(event: string, ...bound: EmitsArguments): (...args: unknown[]) => boolean;
  emits(event: string, ...bound: EmitsArguments): (...args: unknown[]) => boolean {
    return guardedEmits(this as never, (error) => this.connection.reportListenerError(error), event, bound);
  }

  /**
   * Returns whether an event name is reserved for the library.
   *
   * @example
   * spark.reserved('data'); // true
   */
  declare reserved: typeof reserved;

  /**
   * Emits the messages of the client. Hot; completes when the connection ends, never errors.
   *
   * @example
   * import { throttleTime } from 'rxjs';
   *
   * spark.data$.pipe(throttleTime(100)).subscribe((message) => primus.write(message));
   */
  get data$(): Observable<In> {
    return this.#view({ data: (data: In) => data });
  }

  /**
   * Emits the errors of single messages and listeners. Hot; completes when the connection ends.
   *
   * @example
   * spark.error$.subscribe((error) => console.error(spark.id, error));
   */
  get error$(): Observable<Error> {
    return this.#view({ error: (error: Error) => error });
  }

  /**
   * Emits the round-trip time of each heartbeat, in ms. Hot; completes when the connection ends.
   *
   * @example
   * spark.heartbeat$.subscribe((latency) => console.log(`${spark.id}: ${latency} ms`));
   */
  get heartbeat$(): Observable<number> {
    return this.#view({ heartbeat: (latency: number) => latency });
  }

  /**
   * Emits the present state, and every change.
   *
   * @example
   * spark.state$.subscribe((state) => console.log(state)); // 'open', then 'closed'
   */
  get state$(): Observable<SparkState> {
    const state = (): SparkState => {
      if (this.readyState !== OPEN) return this.readyState === CLOSED ? 'closed' : 'opening';
      return this.away ? 'away' : 'open';
    };
    const state$ = this.#view({ readyStateChange: state }, () => [state()]);
    const { session } = this.connection;
    return session === undefined ? state$ : state$.pipe(mergeWith(session.change$.pipe(map(state))), distinctUntilChanged());
  }

  /**
   * Emits what becomes of the session of this spark: `resumed` when the client has reconnected and nothing is lost, or `gap` when messages may
   * be lost, and the connection ends. Hot; completes when the connection ends. Without a session, emits nothing. The option `resume`
   * turns sessions on. In a cluster, a client that comes to another server has a new spark there, whose `resume$` emits `resumed` when the
   * `connection` listeners have accepted it; that of the old spark completes without a value.
   *
   * @example
   * spark.resume$.subscribe((outcome) => {
   *   if (outcome.type === 'resumed') console.log(`${spark.id} was away for ${outcome.away} ms`);
   *   else console.log(`${outcome.unconfirmed} messages may be lost: ${outcome.reason}`);
   * });
   */
  get resume$(): Observable<Resumed | Gap> {
    const { session } = this.connection;
    const change$ = session === undefined ? [] : [session.change$.pipe(filter((change) => change.type !== 'away'))];
    return this.#view<never>({}).pipe(mergeWith(...change$));
  }

  /**
   * Whether the connection is lost, and the session waits for the client to reconnect. `readyState` is still open, and what is written is
   * kept for the client: see the option `resume`.
   *
   * @example
   * if (spark.away) console.log(`${spark.id} has lost its connection`);
   */
  get away(): boolean {
    return this.connection.isAway;
  }

  /**
   * Emits once, when the connection has ended. A late subscriber gets the value at once.
   *
   * @example
   * import { interval, takeUntil } from 'rxjs';
   *
   * interval(1_000).pipe(takeUntil(spark.end$)).subscribe((count) => spark.write(count));
   */
  get end$(): Observable<void> {
    return this.#view({ end: () => undefined }, () => (this.connection.state === CLOSED ? [undefined] : []));
  }

  /**
   * Iterates over the messages of the client. A slow loop causes back-pressure. Leaving the loop does not close the connection.
   *
   * @example
   * for await (const message of spark) console.log(message);
   */
  [Symbol.asyncIterator](): AsyncGenerator<In, void, undefined> {
    const { connection } = this;
    const { asking } = connection;
    return iterate(this.data$, {
      pause: () => this.pause(),
      resume: () => this.resume(),
      ...(asking !== undefined && { hungry: () => connection.pull(asking) }),
    });
  }

  /**
   * Writes the messages of the client to a stream, and pauses the connection while the stream is full. The stream ends with the
   * connection, unless `end` is `false`.
   *
   * @example
   * spark.pipe(process.stdout, { end: false });
   */
  pipe<T extends PipeTarget>(target: T, options?: { end?: boolean }): T {
    return pipe(this as Spark, target, options, (error) => this.connection.reportListenerError(error));
  }

  /**
   * Returns the connection as a `Duplex` stream of objects, with back-pressure in both directions. The stream ends with the connection.
   *
   * @example
   * import { PassThrough } from 'node:stream';
   * import { pipeline } from 'node:stream/promises';
   *
   * const stream = spark.duplex();
   * await pipeline(stream, new PassThrough({ objectMode: true }), stream); // an echo
   */
  duplex(): Duplex {
    return duplex(this);
  }

  /** Returns the text that `console.log(spark)` prints, without the request, whose address and headers have credentials. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const { id, address, readyState } = this;
    return `Spark ${JSON.stringify({ id, ip: address.ip, readyState })}`;
  }

  /** Reports the rejected promise of an asynchronous listener. */
  [Symbol.for('nodejs.rejection')](error: unknown, event: string): void {
    // As an event, the error would be the next one of the same listener, and so on.
    if (event === 'error') this.primus.host.log('error', 'An error listener rejected', error);
    else this.connection.reportListenerError(error);
  }

  // biome-ignore lint/suspicious/noExplicitAny: arguments of every event.
  #view<T>(events: Record<string, (...args: any[]) => T>, replay?: () => readonly T[]): Observable<T> {
    return fromEvents(this as never, {
      events,
      end: 'end',
      ended: () => this.connection.state === CLOSED,
      report: (error) =>
        'error' in events ? this.primus.host.log('error', 'An error listener threw', error) : this.connection.reportListenerError(error),
      ...(replay && { replay }),
    });
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface Spark<In = any, Out = any, Data = any> extends TypedEmitter<SparkEvents<In>>, NodeEmitter {}

Spark.prototype.reserved = reserved;
