/// <reference lib="esnext.disposable" preserve="true" />
import type { Observable } from 'rxjs';
import { callable } from '../src/core/callable.js';
import { type ClientConfiguration, normalizePathname } from '../src/core/configuration.js';
import { asError, PrimusError } from '../src/core/errors.js';
import { type EmitsParser, emits, type TypedEmitter } from '../src/core/events.js';
import { type Direction, type MessageTransformer, MessageTransformers } from '../src/core/message-transformers.js';
import type { Parser } from '../src/core/parser.js';
import { CLOSED, OPEN, OPENING, type ReadyState } from '../src/core/ready-state.js';
import { fromEvents } from '../src/core/streams/from-events.js';
import { ClientConnection } from './connection.js';
import { dial } from './dial.js';
import { Emitter } from './emitter.js';
import { type ClientEvents, reserved } from './events.js';
import { Lifecycle } from './lifecycle.js';
import { type ClientOptions, type ClientParts, clientOptions } from './options.js';
import type { Platform } from './platform/platform.js';
import type { ClientState, ReconnectAttempt, ReconnectEvent } from './state.js';
import { parseUrl } from './url.js';

const Base = Emitter as unknown as new () => object;

/**
 * The client. Connects by itself unless `manual`, comes back by itself as `strategy` and `reconnect` say, and holds
 * messages back while there is no connection.
 *
 * @typeParam In what the server sends
 * @typeParam Out what the client sends
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export class Primus<In = any, Out = any> extends Base {
  /** `readyState` while connecting. */
  static readonly OPENING = OPENING;
  /** `readyState` without a connection, waiting for the next attempt included. */
  static readonly CLOSED = CLOSED;
  /** `readyState` with a connection. */
  static readonly OPEN = OPEN;
  /** What this class of clients is made for; set by `configure`. */
  static parts: ClientParts;
  /** What it knows of its server; set by `configure`. */
  static configuration: ClientConfiguration;

  /** The options, with defaults; times are ms. */
  readonly options: ReturnType<typeof clientOptions>;
  /** The address of the server, without the pathname. */
  readonly url: URL;
  /** The path that the server owns. */
  readonly pathname: string;
  /** Encodes and decodes the messages. */
  readonly parser: Parser;
  /** The encoder of the parser. */
  readonly encoder: Parser['encoder'];
  /** The decoder of the parser. */
  readonly decoder: Parser['decoder'];
  /** The message transformers, in the order they run. */
  readonly transformers = new MessageTransformers();
  /** Messages that wait for a connection. */
  readonly buffer: Out[] = [];
  /** The framework's own socket of the current attempt or connection. */
  socket: unknown = null;
  /** For Node's legacy streams; always true. */
  readable = true;
  /** For Node's legacy streams; always true. */
  writable = true;
  /** 1 opening, 2 closed, 3 open. */
  readyState: ReadyState = CLOSED;
  /** What messages go through. @internal */
  readonly connection: ClientConnection;
  readonly #lifecycle: Lifecycle;
  readonly #platform: Platform;
  #destroyed = false;

  constructor(url?: string | URL | ClientOptions | null, options?: ClientOptions) {
    super();
    const { parts, configuration } = new.target as typeof Primus;
    const { platform, parser } = parts;
    const [address, given] = typeof url === 'string' || url instanceof URL || !url ? [url, options] : [undefined, url];
    this.options = clientOptions({ ...configuration.options, ...given }, platform.without);
    this.url = parseUrl(address || platform.origin);
    this.pathname = normalizePathname(this.options.pathname ?? configuration.pathname);
    this.parser = parser;
    this.encoder = parser.encoder;
    this.decoder = parser.decoder;
    this.#platform = platform;
    this.connection = new ClientConnection(this, () => this.#lifecycle.close('server'));
    this.#lifecycle = new Lifecycle({
      client: this as { readyState: ReadyState; emit(event: string, ...args: unknown[]): unknown },
      options: this.options,
      platform,
      connection: this.connection,
      dial: () => dial(this, parts, configuration),
      report: (error) => this.onListenerError(error),
    });
    const { manual } = this.options;
    this.initialise(this.options);
    // Whoever made this client gets to add listeners, or to end it, before it connects.
    if (!manual) queueMicrotask(() => this.state.name === 'idle' && this.open());
  }

  /** The same as `new`. */
  static connect<T extends typeof Primus>(this: T, url?: string | URL | ClientOptions, options?: ClientOptions): InstanceType<T> {
    return new this(url, options) as InstanceType<T>;
  }

  /** A point for plugins, who may replace it: called once, before the first connection. */
  initialise(_options: ClientOptions): this {
    return this;
  }

  /** What the client is doing. */
  get state(): ClientState {
    return this.#lifecycle.state.value;
  }

  /** The state now, and every change. Completes when the client is destroyed. */
  get state$(): Observable<ClientState> {
    return this.#lifecycle.state.value$;
  }

  /** Whether the platform has a network, as far as it told. */
  get online(): boolean {
    return this.#lifecycle.network.value;
  }

  /** The same: now, and every change. */
  get online$(): Observable<boolean> {
    return this.#lifecycle.network.value$;
  }

  /** Connects. While waiting for the next attempt, makes it now; while connecting or open, does nothing. */
  open(): this {
    if (this.#destroyed) throw new PrimusError('ERR_PRIMUS_DESTROYED', 'This client was destroyed; make a new one');
    this.#lifecycle.open();
    return this;
  }

  /**
   * Sends a message, or keeps it until there is a connection. False when it was refused, which an `error` event explains.
   */
  write(data: Out): boolean {
    return !this.#destroyed && this.connection.channel.send(data);
  }

  /** Sends, or keeps, a message that has been transformed: every `write` ends here, and what was kept comes by again. */
  _write(data: Out): boolean {
    return !this.#destroyed && this.connection.outbox.write(data);
  }

  /** Sends `data`, when given, and closes for good, or until `open()`. */
  end(data?: Out): this {
    if (data !== undefined) this.write(data);
    this.#lifecycle.end();
    return this;
  }

  /** Ends, lets go of everything, and cannot be opened again. */
  destroy(): this {
    if (this.#destroyed) return this;
    this.#destroyed = true;
    this.#lifecycle.close('destroy');
    this.connection.events.add(() => {
      this.emit('destroy');
      this.#lifecycle.complete();
      this.buffer.length = this.transformers.incoming.length = this.transformers.outgoing.length = 0;
      this.socket = null;
      this.removeAllListeners();
    });
    return this;
  }

  /** Calls back with the id of our spark, once there is a connection. */
  id(callback: (id: string) => void): this {
    const ask = () => this.connection.channel.control({ type: 'id', value: '' });
    this.once('incoming::id', (id) => {
      this.removeListener('open', ask);
      callback(id);
    });
    this.on('open', ask);
    if (this.readyState === OPEN) ask();
    return this;
  }

  /** Adds a message transformer: see `MessageTransformer`. */
  transform(direction: Direction, transformer: MessageTransformer): this {
    this.transformers.add(direction, transformer);
    return this;
  }

  /** A function that emits `event` whenever it is called; `parser` reduces its arguments to one value, or prevents the event. */
  emits(event: string, parser?: EmitsParser): (...args: unknown[]) => void {
    return emits(this as never, event, parser);
  }

  /** Whether an event name is the library's own. */
  declare reserved: typeof reserved;

  /** Each connection, the first one and those after it was lost. Hot; completes when the client is destroyed. */
  get open$(): Observable<void> {
    return this.#view({ open: () => undefined });
  }

  /** The messages of the server. Hot; goes on over reconnections, completes when the client is destroyed, never errors. */
  get data$(): Observable<In> {
    return this.#view({ data: (data: In) => data });
  }

  /** What went wrong with single messages, listeners and connections. Hot; completes when the client is destroyed. */
  get error$(): Observable<Error> {
    return this.#view({ error: (error: Error) => error });
  }

  /** What happens on the way back to a connection. Hot; completes when the client is destroyed. */
  get reconnect$(): Observable<ReconnectEvent> {
    return this.#view<ReconnectEvent>({
      'reconnect scheduled': attempted('scheduled'),
      reconnect: attempted('started'),
      'reconnect timeout': failed('timeout'),
      'reconnect failed': failed('failed'),
      reconnected: attempted('reconnected'),
    });
  }

  /** The server's heartbeats: when each was sent, ms since the epoch on the server's clock. */
  get heartbeat$(): Observable<number> {
    return this.#view({ 'incoming::ping': (sent: number) => sent });
  }

  /** Emits at every end of the client: no connection, and no further attempt. While it has ended, a late subscriber gets that at once. */
  get end$(): Observable<void> {
    return this.#view({ end: () => undefined }, () => (this.#lifecycle.isOver ? [undefined] : []));
  }

  /** A listener threw, or its promise was rejected: an `error`, or where nobody listens to those, the host's business. */
  protected onListenerError(error: unknown, event?: string): void {
    if (event !== 'error' && this.listenerCount('error') > 0) this.connection.fail(asError(error));
    else this.#platform.report(error);
  }

  // biome-ignore lint/suspicious/noExplicitAny: arguments of every event.
  #view<T>(events: Record<string, (...args: any[]) => T>, replay?: () => readonly T[]): Observable<T> {
    const report = (error: unknown) => this.onListenerError(error);
    return fromEvents(this as never, { events, end: 'destroy', ended: () => this.#destroyed, report, ...(replay && { replay }) });
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface Primus<In = any, Out = any> extends TypedEmitter<ClientEvents<In>> {
  /** For `await using`: ends, once what was written has left, and is destroyed. Not in the library that is served to pages. */
  [Symbol.asyncDispose](): Promise<void>;
}

Primus.prototype.reserved = reserved;

function attempted(type: 'scheduled' | 'started' | 'reconnected'): (attempt: ReconnectAttempt) => ReconnectEvent {
  return (attempt) => ({ type, attempt });
}

function failed(type: 'timeout' | 'failed'): (error: Error, attempt: ReconnectAttempt | null) => ReconnectEvent {
  return (error, attempt) => ({ type, error, attempt });
}

/** A class of clients that know their server; it may also be called without `new`. */
export function configure(parts: ClientParts, configuration: ClientConfiguration): typeof Primus {
  return callable(
    class extends Primus {
      static override parts = parts;
      static override configuration = configuration;
    },
  );
}
