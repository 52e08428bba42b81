/// <reference lib="esnext.disposable" preserve="true" />
import { EMPTY, filter, Observable, type Subscriber, Subscription, switchMap } from 'rxjs';
import { hold } from '../operators/hold.js';
import { callable } from '../src/core/callable.js';
import { type ClientConfiguration, normalizePathname } from '../src/core/configuration.js';
import { asError, PrimusError } from '../src/core/errors.js';
import { type EmitsParser, emits, type TypedEmitter } from '../src/core/events.js';
import type { Link } from '../src/core/link.js';
import type { Parser } from '../src/core/parser.js';
import { PATIENCE, stuckError } from '../src/core/pipeline.js';
import { CLOSED, OPEN, OPENING, type ReadyState } from '../src/core/ready-state.js';
import { Signal } from '../src/core/signal.js';
import { view } from '../src/core/stream.js';
import type { Fields } from '../src/core/transformer.js';
import { type Direction, type MessageTransformer, MessageTransformers } from '../src/core/transformers.js';
import { ClientPipeline } from './client-pipeline.js';
import { fresh } from './credentials.js';
import { Emitter } from './emitter.js';
import { type ClientEvents, reserved } from './events.js';
import { type Backoff, type ClientOptions, type ClientParts, clientOptions, reconnectPolicy } from './options.js';
import { session } from './session.js';
import type { ClientState, ReconnectEvent } from './state.js';
import { parseUrl, printUrl, urlOptions } from './url.js';

interface Announcer {
  emit(event: string, ...args: unknown[]): unknown;
}

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
  /** The machinery behind this face. @internal */
  readonly connection: ClientPipeline;
  readonly #parts: ClientParts;
  readonly #configuration: ClientConfiguration;
  readonly #backoff: Backoff;
  readonly #state = new Signal<ClientState>({ name: 'idle' }, (error) => this.onListenerError(error));
  readonly #network = new Signal(true, (error) => this.onListenerError(error));
  /** Whether messages may leave: a connection is open, and its `open` was announced. */
  readonly #gate = new Signal(false, () => {});
  /** Whether the wait for the next attempt, which need not have begun, is to be none. */
  readonly #hurry = new Signal(false, () => {});
  #outgoing: Subscriber<Out> | undefined;
  readonly #lasting: Subscription;
  #life: Subscription | undefined;
  #releasing = false;
  #destroyed = false;
  /** Whether the message just written was the one to give way. */
  #refused = false;

  constructor(url?: string | URL | ClientOptions | null, options?: ClientOptions) {
    super();
    const { parts, configuration } = new.target as typeof Primus;
    const { platform, parser } = parts;
    const [address, given] = typeof url === 'string' || url instanceof URL || !url ? [url, options] : [undefined, url];
    this.#parts = parts;
    this.#configuration = configuration;
    this.options = clientOptions({ ...configuration.options, ...given }, platform.without);
    this.#backoff = reconnectPolicy(this.options.reconnect, platform.random);
    this.url = parseUrl(address || platform.origin);
    this.pathname = this.options.pathname === undefined ? configuration.pathname : normalizePathname(this.options.pathname);
    this.parser = parser;
    this.encoder = parser.encoder;
    this.decoder = parser.decoder;
    this.connection = new ClientPipeline(this as Primus, () => this.#close('server'));

    // What is written waits until there is a connection, and leaves in the order it was written.
    const {
      buffer,
      options: { queueSize: size, queueDrop: drop, network, manual },
    } = this;
    this.#lasting = new Observable<Out>((outgoing) => {
      this.#outgoing = outgoing;
    })
      .pipe(hold({ gate: this.#gate.value$, buffer, size, drop, dropped: (data) => this.#displaced(data) }))
      .subscribe((data) => {
        this.#releasing = true;
        this._write(data);
        this.#releasing = false;
      });
    if (network !== false) this.#lasting.add(platform.network$.subscribe((online) => this.#networkChanged(online)));
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
    return this.#state.value;
  }

  /** The state now, and every change. Completes when the client is destroyed. */
  get state$(): Observable<ClientState> {
    return this.#state.value$;
  }

  /** Whether the platform has a network, as far as it told. */
  get online(): boolean {
    return this.#network.value;
  }

  /** The same: now, and every change. */
  get online$(): Observable<boolean> {
    return this.#network.value$;
  }

  /** Connects. While waiting for the next attempt, makes it now; while connecting or open, does nothing. */
  open(): this {
    if (this.#destroyed) throw new PrimusError('ERR_PRIMUS_DESTROYED', 'This client was destroyed; make a new one');
    const { name } = this.state;
    if (name === 'idle' || name === 'closed') this.#begin();
    else if (name === 'waiting') this.#hurry.next(true);
    return this;
  }

  /**
   * Sends a message, or keeps it until there is a connection. False when it was refused, which an `error` event explains.
   */
  write(data: Out): boolean {
    return !this.#destroyed && this.connection.send(data);
  }

  /** Sends, or keeps, a message that has been transformed: every `write` ends here, and what was kept comes by again. */
  _write(data: Out): boolean {
    if (this.#destroyed) return false;
    const released = this.#releasing;
    // What is written in passing waits its turn.
    this.#releasing = false;
    if (released || (this.#gate.value && this.buffer.length === 0)) return this.connection.write(data);
    this.#refused = false;
    this.#outgoing?.next(data);
    return !this.#refused;
  }

  /** Sends `data`, when given, and closes for good, or until `open()`. */
  end(data?: Out): this {
    if (data !== undefined) this.write(data);
    const close = () => this.#close('client');
    const stuck = () => {
      this.connection.fail(stuckError());
      close();
    };
    this.#life?.add(this.#parts.platform.scheduler.schedule(stuck, PATIENCE));
    this.connection.flush(close);
    return this;
  }

  /** Ends, lets go of everything, and cannot be opened again. */
  destroy(): this {
    if (this.#destroyed) return this;
    this.#destroyed = true;
    this.#close('destroy');
    this.emit('destroy');
    this.#lasting.unsubscribe();
    this.#network.complete();
    this.#state.complete();
    this.buffer.length = this.transformers.incoming.length = this.transformers.outgoing.length = 0;
    this.socket = null;
    this.removeAllListeners();
    return this;
  }

  /** For `await using`: ends, once what was written has left, and is destroyed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#life?.closed === false) await new Promise((resolve) => this.once('end', resolve as () => void).end());
    this.destroy();
  }

  /** Calls back with the id of our spark, once there is a connection. */
  id(callback: (id: string) => void): this {
    const ask = () => this.connection.control({ type: 'id', value: '' });
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
      'reconnect scheduled': (attempt) => ({ type: 'scheduled', attempt }),
      reconnect: (attempt) => ({ type: 'started', attempt }),
      'reconnect timeout': (error, attempt) => ({ type: 'timeout', error, attempt }),
      'reconnect failed': (error, attempt) => ({ type: 'failed', error, attempt }),
      reconnected: (attempt) => ({ type: 'reconnected', attempt }),
    });
  }

  /** The server's heartbeats: when each was sent, ms since the epoch on the server's clock. */
  get heartbeat$(): Observable<number> {
    return this.#view({ 'incoming::ping': (sent: number) => sent });
  }

  /** Emits whenever the connection is down for good. */
  get end$(): Observable<void> {
    return this.#view({ end: () => undefined });
  }

  /** A listener threw, or its promise was rejected: an `error`, or where nobody listens to those, the host's business. */
  protected onListenerError(error: unknown, event?: string): void {
    if (event !== 'error' && this.listenerCount('error') > 0) this.emit('error', asError(error));
    else this.#parts.platform.report(error);
  }

  #begin(): void {
    const { transformer, platform } = this.#parts;
    const { transport, websockets = true } = this.options;
    const { maxLength, compression } = this.#configuration;
    this.#life?.unsubscribe();
    const life = new Subscription();
    this.#life = life;
    this.#become({ name: 'connecting', attempt: null });
    const dialled = (socket: unknown) => {
      this.socket = socket;
      this.emit('outgoing::open');
    };
    const links$ = session({
      dial: () =>
        fresh(this.options.credentials, this.options.headers).pipe(
          switchMap(([credentials, headers]) => {
            const url = this.#address(credentials);
            const target = { url, credentials, headers, transport, maxLength, compression, websockets, platform, client: this, dialled };
            return life.closed ? EMPTY : transformer.connect(target);
          }),
        ),
      receive: (frame) => this.connection.receive(frame),
      drain: () => this.#drain(),
      options: this.options,
      backoff: this.#backoff,
      platform,
      online$: this.#network.value$,
      now$: this.#hurry.value$.pipe(filter(Boolean)),
      // A listener may end this life at any word of it: that was its last.
      tell: (state, event, ...args) => {
        if (state && !life.closed) this.#become(state);
        if (event && !life.closed) (this as Announcer).emit(event, ...args);
      },
    });
    const over = () => {
      // Who ended it while it was telling of its end has told the end of that.
      if (life.closed) return;
      life.unsubscribe();
      this.emit('end');
    };
    if (!life.closed) life.add(links$.subscribe({ next: (link) => this.#opened(link, life), error: over }));
  }

  /** The address of one attempt; its unique part keeps caches out of the way. */
  #address(credentials: Fields): string {
    const { transformer, platform } = this.#parts;
    const unique = platform.scheduler.now().toString(36) + platform.random().toString(36).slice(2, 5);
    const options = urlOptions(this.url, this.pathname + (transformer.path ?? ''), transformer.protocol ?? 'http', unique, credentials);
    this.emit('outgoing::url', options);
    return printUrl(options);
  }

  /** The line is dead, but not what came over it. */
  #drain(): Observable<never> {
    this.#gate.next(false);
    this.connection.link = undefined;
    return new Observable((subscriber) => {
      const done = () => subscriber.complete();
      subscriber.add(this.#parts.platform.scheduler.schedule(done, PATIENCE));
      this.connection.drain(done);
    });
  }

  #opened(link: Link, life: Subscription): void {
    this.connection.link = link;
    this.emit('incoming::open');
    if (!life.closed) this.#become({ name: 'open' });
    if (!life.closed) this.emit('open');
    // What was written before comes first, but not before the listeners of `open` have seen it.
    if (this.connection.link === link) this.#gate.next(true);
  }

  /** The end, by somebody's will: for good, unless `open()` is called. */
  #close(by: 'client' | 'server' | 'destroy'): void {
    const { name } = this.state;
    // A session that has failed may still be telling so.
    if (name === 'closed' && this.#life?.closed !== false) return;
    const { readyState } = this;
    const life = this.#life;
    life?.unsubscribe();
    if (name !== 'closed') this.#become({ name: 'closed', by, cause: null });
    if (name === 'idle') return;
    // Whoever opens again at the first word of it has no end to hear of.
    if (readyState !== CLOSED && this.#life === life) this.emit('close');
    if (this.#life === life) this.emit('end');
  }

  #become(state: ClientState): void {
    const [readyState, name] = READY[state.name] ?? [CLOSED, 'end'];
    const changed = readyState !== this.readyState;
    this.readyState = readyState;
    if (state.name === 'connecting') this.#hurry.next(false);
    if (readyState !== OPEN) {
      this.#gate.next(false);
      this.connection.link = undefined;
    }
    this.#state.next(state);
    if (changed && this.state === state) this.emit('readyStateChange', name);
    if (changed && this.state === state && name === 'end') this.emit('outgoing::end');
  }

  #networkChanged(online: boolean): void {
    if (online === this.online) return;
    // The listeners see the new value, and the line its end after them.
    this.#network.value = online;
    this.emit(online ? 'online' : 'offline');
    const { state } = this;
    if (state.name === 'waiting' && !online && state.attempt && this.options.strategy.includes('online'))
      this.#become({ ...state, attempt: null, until: null });
    this.#network.next(online);
  }

  /** The queue is full: what gave way is not lost without a word. */
  #displaced(data: Out): void {
    this.#refused = this.options.queueDrop === 'newest';
    const message = `More than ${this.options.queueSize} messages wait for a connection; one was dropped`;
    this.emit('error', new PrimusError('ERR_PRIMUS_QUEUE', message, { data }));
  }

  // biome-ignore lint/suspicious/noExplicitAny: arguments of every event.
  #view<T>(events: Record<string, (...args: any[]) => T>): Observable<T> {
    return view(this as never, { events, end: 'destroy', ended: () => this.#destroyed, report: (error) => this.onListenerError(error) });
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface Primus<In = any, Out = any> extends TypedEmitter<ClientEvents<In>> {}

Primus.prototype.reserved = reserved;

/** The states that are not `end`. */
const READY: { [state: string]: readonly [ReadyState, 'opening' | 'open'] } = { connecting: [OPENING, 'opening'], open: [OPEN, 'open'] };

/** A class of clients that know their server; it may also be called without `new`. */
export function configure(parts: ClientParts, configuration: ClientConfiguration): typeof Primus {
  return callable(
    class extends Primus {
      static override parts = parts;
      static override configuration = configuration;
    },
  );
}
