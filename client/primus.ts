/// <reference lib="esnext.disposable" preserve="true" />
import type { Observable } from 'rxjs';
import { callable } from '../src/core/callable.js';
import type { ClientConfiguration } from '../src/core/configuration.js';
import { asError, PrimusError } from '../src/core/errors.js';
import { type EmitsArguments, type EmitsParser, emits, type TypedEmitter } from '../src/core/events.js';
import { type Direction, type MessageTransformer, MessageTransformers } from '../src/core/message-transformers.js';
import { withDefaults } from '../src/core/options.js';
import type { Parser } from '../src/core/parser.js';
import type { ClientFunctions } from '../src/core/plugin.js';
import { CLOSED, OPEN, OPENING, type ReadyState } from '../src/core/ready-state.js';
import type { RETYPED, Retypable } from '../src/core/retyped.js';
import { fromEvents } from '../src/core/streams/from-events.js';
import { dispose, ready } from './awaitable.js';
import { ClientConnection } from './connection.js';
import { dial } from './dial.js';
import { Emitter } from './emitter.js';
import { type ClientEvents, reserved } from './events.js';
import { Lifecycle } from './lifecycle.js';
import { type ClientOptions, type ClientParts, clientOptions, type ReadyOptions } from './options.js';
import type { Platform } from './platform/platform.js';
import type { Resume } from './resume.js';
import type { ClientState, ReconnectAttempt, ReconnectEvent } from './state.js';
import { parseUrl, pathnameOf } from './url.js';

const Base = Emitter as unknown as new () => object;

/**
 * A client. Connects automatically unless `manual`, reconnects as `strategy` and `reconnect` say, and buffers messages while
 * there is no connection.
 *
 * `state` and `readyState` change at once, events follow in one order: each reaches every listener before the next one is emitted. So
 * inside a listener the state may be ahead of the event: when a listener of `open` calls `end()`, the listeners behind it still receive
 * `open`, and read `closed`. In case of doubt ask `state`.
 *
 * @example
 * ```ts
 * const primus = new Primus('https://example.com', { reconnect: { max: '30 s' } });
 * primus.on('data', (data) => console.log(data));
 * primus.write({ hello: 'world' });
 * ```
 *
 * @typeParam In what the server sends
 * @typeParam Out what the client sends
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export class Primus<In = any, Out = any> extends Base {
  /** Lets types name this class with other messages. @internal */
  declare readonly [RETYPED]?: PrimusOf;
  /** `readyState` while connecting. */
  static readonly OPENING = OPENING;
  /** `readyState` without a connection, waiting for the next attempt included. */
  static readonly CLOSED = CLOSED;
  /** `readyState` with a connection. */
  static readonly OPEN = OPEN;
  /** The parts of this class of clients; set by `configure`. @internal */
  static parts: ClientParts;
  /** The configuration of its server; set by `configure`. @internal */
  static configuration: ClientConfiguration;

  /** The options, with defaults. Times are in ms. */
  readonly options: ReturnType<typeof clientOptions>;
  /** The address that was given. */
  readonly url: URL;
  /** The path of the server. */
  readonly pathname: string;
  /**
   * Encodes and decodes the messages.
   *
   * @example
   * ```ts
   * primus.encoder({ hello: 'world' }, (error, frame) => console.log(frame));
   * primus.decoder('{"hello":"world"}', (error, data) => console.log(data));
   * console.log(primus.parser.name, primus.transformers.incoming.length, primus.readable, primus.writable);
   * ```
   */
  readonly parser: Parser;
  /** The encoder of the parser. */
  readonly encoder: Parser['encoder'];
  /** The decoder of the parser. */
  readonly decoder: Parser['decoder'];
  /** The message transformers, in the order they run. */
  readonly transformers = new MessageTransformers();
  /**
   * The client functions of the plugins of this class of clients, by name. A client calls those that are there when it is created.
   *
   * @example
   * ```ts
   * Primus.prototype.ark.greeter = (primus) => primus.on('open', () => primus.write('hello'));
   * ```
   */
  declare ark: ClientFunctions;
  /** The messages that are buffered until there is a connection. */
  readonly buffer: Out[] = [];
  /** The framework's own socket of the current attempt or connection. */
  socket: unknown = null;
  /** For Node's legacy streams: false from a lost connection, or an end, to the next connection. */
  readable = true;
  /** The same as `readable`. */
  writable = true;
  /** 1 opening, 2 closed, 3 open. */
  readyState: ReadyState = CLOSED;
  /** The way of all messages. @internal */
  readonly connection: ClientConnection;
  readonly #lifecycle: Lifecycle;
  readonly #platform: Platform;
  #destroyed = false;

  /**
   * @throws ERR_PRIMUS_OPTION when an option is invalid
   * @throws ERR_PRIMUS_URL when the address is invalid
   */
  constructor(url?: string | URL | ClientOptions | null, options?: ClientOptions) {
    super();
    const { parts: own, configuration } = new.target as typeof Primus;
    const { parser } = own;
    const [address, given] = typeof url === 'string' || url instanceof URL || !url ? [url, options] : [undefined, url];
    const { options: inherited } = configuration;
    const merged: ClientOptions = withDefaults(inherited, given ?? {});
    // An empty list is no strategy.
    if (merged.strategy && !String(merged.strategy)) merged.strategy = inherited.strategy as string;
    const platform: Platform = withDefaults(own.platform, { scheduler: merged.scheduler as Platform['scheduler'] });
    const parts = { ...own, platform };
    const checked = clientOptions(merged, platform.without);
    this.options = checked;
    this.url = parseUrl(address || merged.url || merged.uri || platform.origin, platform.origin);
    platform.inspect?.(given, this.url);
    this.pathname = pathnameOf(this.url, checked.pathname, configuration.pathname, platform.page);
    this.parser = parser;
    this.encoder = parser.encoder;
    this.decoder = parser.decoder;
    this.#platform = platform;
    this.connection = new ClientConnection(this, platform.scheduler, () => this.#lifecycle.close('server'));
    const dialled = (checked.resume && parts.session?.(this, parts)) || parts;
    this.#lifecycle = new Lifecycle({
      client: this as { readyState: ReadyState; readable: boolean; writable: boolean; emit(event: string, ...args: unknown[]): unknown },
      options: checked,
      endsWhenRefused: merged.strategy == null,
      platform,
      connection: this.connection,
      dial: () => dial(this, dialled, configuration),
      report: (error) => this.onListenerError(error),
    });
    this.initialise(checked);
    // Connects later, so that you can add listeners, or end it, before.
    if (!merged.manual) queueMicrotask(() => this.state.name === 'idle' && this.open());
  }

  /**
   * Creates a client, as `new` does.
   *
   * @example
   * ```ts
   * const primus = Primus.connect('https://example.com', { manual: true });
   * console.log(primus.options.timeout); // 10000
   * primus.open();
   * // …
   * primus.destroy();
   * ```
   */
  static connect<T extends typeof Primus>(this: T, url?: string | URL | ClientOptions, options?: ClientOptions): InstanceType<T> {
    return new this(url, options) as InstanceType<T>;
  }

  /**
   * Called once, before the first connection: runs the plugins. They may replace it.
   *
   * @example
   * ```ts
   * import { type ClientOptions, Primus } from 'primus-rx/client';
   *
   * class Client extends Primus {
   *   override initialise(options: ClientOptions): this {
   *     this.on('open', () => console.log('open'));
   *     return super.initialise(options);
   *   }
   * }
   * ```
   */
  initialise(options: ClientOptions): this {
    for (const plugin of Object.values(this.ark)) plugin.call(this, this, options);
    return this;
  }

  /**
   * The present state. It may be ahead of the event that a listener is called for.
   *
   * @example
   * ```ts
   * if (primus.state.name === 'waiting') console.log(primus.state.until, primus.buffer.length);
   * if (primus.readyState === Primus.OPEN) console.log(primus.socket);
   * else console.log(primus.readyState === Primus.OPENING ? 'opening' : primus.readyState === Primus.CLOSED && 'closed');
   * ```
   */
  get state(): ClientState {
    return this.#lifecycle.state.value;
  }

  /**
   * Emits the present state and every change, in the order of the events. `state` may be ahead of it: see the class. Completes when the
   * client is destroyed.
   *
   * @example
   * ```ts
   * primus.state$.subscribe(({ name }) => console.log(name)); // connecting, open, waiting, …
   * ```
   */
  get state$(): Observable<ClientState> {
    return this.#lifecycle.state.value$;
  }

  /** Whether the platform reports a network. */
  get online(): boolean {
    return this.#lifecycle.network.value;
  }

  /** Emits whether the platform reports a network: at once, and at every change. Completes when the client is destroyed. */
  get online$(): Observable<boolean> {
    return this.#lifecycle.network.value$;
  }

  /**
   * Connects. While the client waits for an attempt, begins it now; while it is connecting or open, does nothing.
   *
   * @throws ERR_PRIMUS_DESTROYED when the client was destroyed
   */
  open(): this {
    if (this.#destroyed) throw new PrimusError('ERR_PRIMUS_DESTROYED', 'The client was destroyed');
    this.#lifecycle.open();
    return this;
  }

  /**
   * Sends a message, or buffers it until there is a connection.
   *
   * @returns `false` when the message was rejected, which an `error` event explains
   * @example
   * ```ts
   * primus.write({ hello: 'world' });
   * ```
   */
  write(data: Out): boolean {
    return !this.#destroyed && this.connection.channel.send(data);
  }

  /** Sends or buffers a transformed message. Each `write` ends here, and buffered messages pass here again. */
  _write(data: Out): boolean {
    return !this.#destroyed && this.connection.outbox.write(data);
  }

  /**
   * Sends `data`, if there is any, and closes the connection. The client does not reconnect until `open()` is called.
   *
   * @example
   * ```ts
   * primus.end({ bye: true });
   * ```
   */
  end(data?: Out): this {
    if (data !== undefined) this.write(data);
    this.#lifecycle.end();
    return this;
  }

  /** Ends the client for good: removes its listeners and completes its streams. It cannot be opened again. */
  destroy(): this {
    if (this.#destroyed) return this;
    this.#destroyed = true;
    this.#lifecycle.close('destroy');
    this.connection.outbox.clear();
    this.connection.events.add(() => {
      this.transformers.incoming.length = this.transformers.outgoing.length = 0;
      this.socket = null;
      this.emit('destroy');
      this.#lifecycle.complete();
      this.removeAllListeners();
    });
    return this;
  }

  /**
   * Calls back with the id of the spark of this client, once there is a connection.
   *
   * @example
   * ```ts
   * primus.id((id) => console.log(id));
   * ```
   */
  id(callback: (id: string) => void): this {
    const ask = () => this.connection.channel.control({ type: 'id', value: '' });
    this.once('incoming::id', callback);
    this.once('incoming::id', () => this.removeListener('open', ask));
    this.on('open', ask);
    if (this.readyState === OPEN) ask();
    return this;
  }

  /**
   * Adds a message transformer.
   *
   * @throws ERR_PRIMUS_OPTION when the direction or the transformer is invalid
   * @example
   * ```ts
   * primus.transform('incoming', (packet) => {
   *   packet.data.receivedAt = Date.now();
   * });
   * ```
   */
  transform(direction: Direction, transformer: MessageTransformer): this {
    this.transformers.add(direction, transformer);
    return this;
  }

  /**
   * Returns a function that emits `event` whenever it is called, with the bound arguments first. A function as last argument is the parser
   * of its arguments: see `EmitsParser`.
   *
   * @example
   * ```ts
   * const nameOf = primus.emits('name', (next, event) => next(null, event.target.value));
   * document.querySelector('input')?.addEventListener('change', nameOf);
   * ```
   */
  emits(event: string, parser: EmitsParser): (...args: unknown[]) => boolean;
  emits(event: string, ...bound: EmitsArguments): (...args: unknown[]) => boolean;
  emits(event: string, ...bound: EmitsArguments): (...args: unknown[]) => boolean {
    return emits(this as never, event, ...bound);
  }

  /**
   * Returns whether an event name is the library's own.
   *
   * @example
   * ```ts
   * primus.reserved('open'); // true
   * ```
   */
  declare reserved: typeof reserved;

  /**
   * Emits at each connection: the first one, and each reconnection. Hot. Completes when the client is destroyed.
   *
   * @example
   * ```ts
   * primus.open$.subscribe(() => console.log('connected', primus.url.host, primus.pathname));
   * primus.error$.subscribe((error) => console.error(error));
   * primus.heartbeat$.subscribe((sent) => console.log('ping', new Date(sent)));
   * primus.online$.subscribe((online) => console.log(online ? 'online' : 'offline', primus.online));
   * ```
   */
  get open$(): Observable<void> {
    return this.#view({ open: () => undefined });
  }

  /**
   * Emits the messages of the server, over all reconnections. Hot. Completes when the client is destroyed, and never errors.
   *
   * @example
   * ```ts
   * import { filter } from 'rxjs';
   *
   * primus.data$.pipe(filter((data) => data.type === 'chat')).subscribe(console.log);
   * ```
   */
  get data$(): Observable<In> {
    return this.#view({ data: (data: In) => data });
  }

  /** Emits the errors of messages, listeners and connections. Hot. Completes when the client is destroyed. */
  get error$(): Observable<Error> {
    return this.#view({ error: (error: Error) => error });
  }

  /**
   * Emits the progress of reconnection: attempts that are scheduled, started, timed out, failed and successful. Hot. Completes when the
   * client is destroyed.
   *
   * @example
   * ```ts
   * primus.reconnect$.subscribe(({ type, attempt }) => console.log(type, attempt?.scheduled));
   * ```
   */
  get reconnect$(): Observable<ReconnectEvent> {
    return this.#view<ReconnectEvent>({
      'reconnect scheduled': attempted('scheduled'),
      reconnect: attempted('started'),
      'reconnect timeout': failed('timeout'),
      'reconnect failed': failed('failed'),
      reconnected: attempted('reconnected'),
    });
  }

  /**
   * Emits how each connection begins, before `open`: with a `fresh` session, with one that was `resumed`, and nothing is lost, or after a
   * `gap`, when messages may be lost. A client that ends without a connection emits a `gap` as well, before `end`. Hot. Emits nothing without
   * the option `resume`.
   *
   * @example
   * ```ts
   * primus.resume$.subscribe((outcome) => {
   *   if (outcome.type === 'resumed') console.log(`resumed, ${outcome.missed} messages`);
   *   if (outcome.type === 'gap') console.log(`${outcome.unconfirmed} messages may be lost: ${outcome.reason}`);
   * });
   * ```
   */
  get resume$(): Observable<Resume> {
    return this.#view({ 'incoming::resume': (outcome: Resume) => outcome });
  }

  /** Emits the time of each ping of the server, in ms since the epoch on the server's clock. Hot. */
  get heartbeat$(): Observable<number> {
    return this.#view({ 'incoming::ping': (sent: number) => sent });
  }

  /**
   * Emits at every end of the client: no connection, and no further attempt. Replays it to late subscribers until the client is opened again.
   *
   * @example
   * ```ts
   * import { interval, takeUntil } from 'rxjs';
   *
   * interval(1000).pipe(takeUntil(primus.end$)).subscribe(() => primus.write('tick'));
   * ```
   */
  get end$(): Observable<void> {
    return this.#view({ end: () => undefined }, () => (this.#lifecycle.isOver ? [undefined] : []));
  }

  /** Handles the error of a listener: emits `error`, or reports it to the platform when there is no listener for it. */
  protected onListenerError(error: unknown, event?: string): void {
    if (event !== 'error' && this.listenerCount('error') > 0) this.connection.fail(asError(error));
    else this.#platform.report(error);
  }

  // biome-ignore lint/suspicious/noExplicitAny: arguments of every event.
  #view<T>(events: Record<string, (...args: any[]) => T>, replay?: () => readonly T[]): Observable<T> {
    const report = (error: unknown) => this.onListenerError(error, Object.keys(events)[0]);
    return fromEvents(this as never, { events, end: 'destroy', ended: () => this.#destroyed, report, ...(replay && { replay }) });
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface Primus<In = any, Out = any> extends TypedEmitter<ClientEvents<In>> {
  /**
   * Waits for the connection, however many attempts it takes. With the option `manual`, also for `open()`.
   *
   * @returns a promise that resolves when the client is open, at once if it is. It rejects when `signal` is aborted, with
   * ERR_PRIMUS_ABORTED, and when the client has ended: with its error, such as ERR_PRIMUS_GAVE_UP, or with ERR_PRIMUS_CLOSED
   * when `end()`, `destroy()` or the server has ended it
   *
   * @example
   * ```ts
   * await primus.ready({ signal: AbortSignal.timeout(5_000) });
   * ```
   */
  ready(options?: ReadyOptions): Promise<void>;
  /** For `await using`: sends what was written, ends and destroys the client. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A client with other messages. */
interface PrimusOf extends Retypable {
  readonly Type: Primus<this['In'], this['Out']>;
}

Primus.prototype.reserved = reserved;
Primus.prototype.ready = ready;
// Not all browsers have it.
if (Symbol.asyncDispose) Primus.prototype[Symbol.asyncDispose] = dispose;

function attempted(type: 'scheduled' | 'started' | 'reconnected'): (attempt: ReconnectAttempt) => ReconnectEvent {
  return (attempt) => ({ type, attempt });
}

function failed(type: 'timeout' | 'failed'): (error: Error, attempt: ReconnectAttempt | null) => ReconnectEvent {
  return (error, attempt) => ({ type, error, attempt });
}

/** Creates a class of clients for a server. It may also be called without `new`. */
export function configure(parts: ClientParts, configuration: ClientConfiguration): typeof Primus {
  const Class = class extends Primus {
    static override parts = parts;
    static override configuration = configuration;
  };
  Class.prototype.ark = {};
  return callable(Class);
}
