import { asapScheduler, BehaviorSubject, type Observable, Subject, type Subscription, takeUntil } from 'rxjs';
import { type Attempt, hold, type Policy } from '../operators/index.js';
import { ASSUMED, type Configuration, normalizePathname } from '../src/core/configuration.js';
import { asError, type LinkError, PrimusError } from '../src/core/errors.js';
import { type EmitsParser, emits, reserve, type TypedEmitter } from '../src/core/events.js';
import { iterate } from '../src/core/iterate.js';
import type { Frame, Link } from '../src/core/link.js';
import { withDefaults } from '../src/core/options.js';
import type { Parser } from '../src/core/parser.js';
import { CLOSED, OPEN, OPENING, type ReadyState } from '../src/core/ready-state.js';
import { SafeObservable, view } from '../src/core/stream.js';
import { type Direction, MessageTransformers, type MessageTransformer } from '../src/core/transformers.js';
import { ClientPipeline } from './client-pipeline.js';
import { Emitter } from './emitter.js';
import { type ClientOptions, type ClientParts, clientOptions, reconnectPolicy } from './options.js';
import { session, type SessionObserver } from './session.js';
import type { ClientState, ReconnectAttempt, ReconnectEvent } from './state.js';
import { parseUrl, printUrl, type UrlOptions, urlOptions } from './url.js';

/** The events of a client; extend by declaration merging. */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface ClientEvents<In = any> {
  open: [];
  data: [data: In, raw: Frame];
  /** A message was lost, a listener threw, or a connection could not be made. Never thrown when nobody listens. */
  error: [error: Error | PrimusError];
  /** The connection is down; we might reconnect. */
  close: [];
  /** The connection is down for good. */
  end: [];
  destroy: [];
  online: [];
  offline: [];
  /** The first connection took too long. */
  timeout: [];
  reconnect: [attempt: ReconnectAttempt];
  reconnected: [attempt: ReconnectAttempt];
  'reconnect scheduled': [attempt: ReconnectAttempt];
  'reconnect timeout': [error: Error, attempt: ReconnectAttempt];
  'reconnect failed': [error: Error, attempt: ReconnectAttempt | null];
  readyStateChange: [state: 'opening' | 'open' | 'end'];
  'outgoing::open': [];
  'outgoing::url': [options: UrlOptions];
  'outgoing::data': [frame: Frame];
  'outgoing::pong': [sent: number];
  'outgoing::reconnect': [];
  'outgoing::end': [];
  'incoming::open': [];
  'incoming::data': [frame: Frame];
  'incoming::ping': [sent: number];
  'incoming::id': [id: string];
  'incoming::error': [error: Error];
  'incoming::end': [];
}

const Base = Emitter as unknown as new () => object;

const reserved = reserve(
  'reconnect scheduled',
  'reconnect timeout',
  'readyStateChange',
  'reconnect failed',
  'reconnected',
  'reconnect',
  'offline',
  'timeout',
  'destroy',
  'online',
  'error',
  'close',
  'open',
  'data',
  'end',
);

/**
 * The client. Connects by itself unless `manual`, comes back by itself as `strategy` and `reconnect` say, and holds
 * messages back while there is no connection.
 *
 * @typeParam In what the server sends
 * @typeParam Out what the client sends
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export class Primus<In = any, Out = any> extends Base {
  static readonly OPENING = OPENING;
  static readonly CLOSED = CLOSED;
  static readonly OPEN = OPEN;
  static readonly EventEmitter: unknown = Emitter;
  /** What this class of clients is made for; set by `configure`. */
  static parts: ClientParts;
  static configuration: Partial<Configuration> = {};

  readonly options: ReturnType<typeof clientOptions>;
  readonly url: URL;
  readonly pathname: string;
  readonly parser: Parser;
  readonly encoder: Parser['encoder'];
  readonly decoder: Parser['decoder'];
  readonly transformers = new MessageTransformers();
  /** Messages that wait for a connection. */
  readonly buffer: Out[] = [];
  /** The framework's own socket of the current attempt or connection. */
  socket: unknown = null;
  readable = true;
  writable = true;
  readyState: ReadyState = CLOSED;
  /** Whether the platform has a network, as far as it told. */
  online = true;
  /** What the client is doing: now, and every change. Completes when it is destroyed. */
  readonly state$: Observable<ClientState>;

  private readonly parts: ClientParts;
  private readonly configuration: typeof ASSUMED;
  private readonly pipeline: ClientPipeline;
  private readonly settings: ReturnType<typeof reconnectPolicy>['settings'];
  private readonly policy: Policy;
  private readonly states = new BehaviorSubject<ClientState>({ name: 'idle' });
  private readonly network = new BehaviorSubject(true);
  private readonly gate = new BehaviorSubject(false);
  private readonly outgoing = new Subject<Out>();
  private readonly now = new Subject<void>();
  private readonly lasting: Subscription;
  private life: Subscription | undefined;
  private destroyed = false;

  constructor(url?: string | URL | ClientOptions, options?: ClientOptions) {
    super();
    const { parts, configuration } = new.target as typeof Primus;
    const { platform } = parts;
    const [address, given] = typeof url === 'string' || url instanceof URL || url == null ? [url, options] : [undefined, url];
    this.parts = parts;
    this.options = clientOptions({ ...configuration.options, ...given });
    this.url = parseUrl(address || platform.origin);
    this.configuration = withDefaults(ASSUMED, configuration);
    this.pathname = normalizePathname(this.configuration.pathname);
    this.parser = parts.parser;
    this.encoder = parts.parser.encoder;
    this.decoder = parts.parser.decoder;
    const { policy, settings } = reconnectPolicy(this.options.reconnect, platform.random);
    this.policy = policy;
    this.settings = settings;
    this.pipeline = new ClientPipeline(this as Primus, () => this.over({ name: 'closed', by: 'server', cause: null }));
    this.state$ = new SafeObservable((subscriber) => this.states.subscribe(subscriber), (error) => this.onListenerError(error, ''));

    // What is written waits until there is a connection, and leaves in the order it was written.
    this.lasting = this.outgoing
      .pipe(
        hold({
          gate: this.gate,
          buffer: this.buffer,
          size: this.options.queueSize,
          drop: this.options.queueDrop,
          dropped: (data) => this.displaced(data),
        }),
      )
      .subscribe((data) => this.pipeline.write(data));
    if (this.options.network !== false) this.lasting.add(platform.network$.subscribe((online) => this.networkChanged(online)));
    this.initialise(this.options);
    // Whoever made this client gets to add listeners first.
    if (!this.options.manual) this.life = asapScheduler.schedule(() => this.open());
  }

  /** The same as `new`. */
  static connect<T extends typeof Primus>(this: T, url?: string | URL | ClientOptions, options?: ClientOptions): InstanceType<T> {
    return new this(url, options) as InstanceType<T>;
  }

  /** A point for plugins: called once, before the first connection. */
  initialise(_options: ClientOptions): this {
    return this;
  }

  get state(): ClientState {
    return this.states.value;
  }

  /** Connects. While waiting for the next attempt, makes it now; while connecting or open, does nothing. */
  open(): this {
    if (this.destroyed) throw new PrimusError('ERR_PRIMUS_DESTROYED', 'This client was destroyed; make a new one');
    switch (this.state.name) {
      case 'idle':
      case 'closed':
        this.begin();
        break;
      case 'waiting':
        this.now.next();
        break;
      default:
    }
    return this;
  }

  /**
   * Sends a message, or keeps it until there is a connection. False when it was refused, which an `error` event explains.
   */
  write(data: Out): boolean {
    return !this.destroyed && this.pipeline.send(data);
  }

  /** Sends, or keeps, a message that has been transformed: every `write` ends here. */
  _write(data: Out): boolean {
    if (this.destroyed) return false;
    if (this.gate.value && this.buffer.length === 0) return this.pipeline.write(data);
    this.outgoing.next(data);
    return true;
  }

  /** Sends `data`, when given, and closes for good, or until `open()`. */
  end(data?: Out): this {
    if (data !== undefined) this.write(data);
    const { name } = this.state;
    if (name === 'closed') return this;
    this.pipeline.flush(() => this.over({ name: 'closed', by: 'client', cause: null }));
    return this;
  }

  /** Ends, lets go of everything, and cannot be opened again. */
  destroy(): this {
    if (this.destroyed) return this;
    this.over({ name: 'closed', by: 'destroy', cause: null });
    this.destroyed = true;
    this.emit('destroy');
    this.lasting.unsubscribe();
    this.network.complete();
    this.states.complete();
    this.buffer.length = 0;
    this.transformers.incoming.length = this.transformers.outgoing.length = 0;
    this.socket = null;
    this.removeAllListeners();
    return this;
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')](): Promise<void> {
    this.destroy();
    return Promise.resolve();
  }

  /** Calls back with the id of our spark, once there is a connection. */
  id(callback: (id: string) => void): this {
    const ask = () => this.pipeline.control({ type: 'identify' });
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

  /** A function that emits `event` whenever it is called. See the seed's chapter "emits". */
  emits(event: string, parser?: EmitsParser): (...args: unknown[]) => void {
    return emits(this as never, event, parser);
  }

  declare reserved: typeof reserved;

  get open$(): Observable<void> {
    return this.view({ open: () => undefined });
  }

  /** The messages of the server. Hot; goes on over reconnections, completes when the client is destroyed, never errors. */
  get data$(): Observable<In> {
    return this.view({ data: (data: In) => data });
  }

  get error$(): Observable<Error> {
    return this.view({ error: (error: Error) => error });
  }

  get reconnect$(): Observable<ReconnectEvent> {
    return this.view<ReconnectEvent>({
      'reconnect scheduled': (attempt) => ({ type: 'scheduled', attempt }),
      reconnect: (attempt) => ({ type: 'started', attempt }),
      'reconnect timeout': (error, attempt) => ({ type: 'timeout', error, attempt }),
      'reconnect failed': (error, attempt) => ({ type: 'failed', error, attempt }),
      reconnected: (attempt) => ({ type: 'reconnected', attempt }),
    });
  }

  /** The server's heartbeats: when each was sent, ms since the epoch on the server's clock. */
  get heartbeat$(): Observable<number> {
    return this.view({ 'incoming::ping': (sent: number) => sent });
  }

  /** Whether there is a network: now, and every change. */
  get online$(): Observable<boolean> {
    return this.view({ online: () => true, offline: () => false }, () => this.online);
  }

  /** Emits whenever the connection is down for good. */
  get end$(): Observable<void> {
    return this.view({ end: () => undefined });
  }

  /** Messages for a `for await` loop, until the connection is down for good. Leaving the loop closes nothing. */
  [Symbol.asyncIterator](): AsyncGenerator<In, void, undefined> {
    return iterate(this.data$.pipe(takeUntil(this.end$)), {
      pause: () => this.pipeline.link?.pause?.(),
      resume: () => this.pipeline.link?.resume?.(),
    });
  }

  /** A listener threw, or its promise was rejected: an `error`, or where nobody listens to those, the host's business. */
  protected onListenerError(error: unknown, event: string): void {
    if (event !== 'error' && this.listenerCount('error') > 0) this.pipeline.fail(asError(error));
    else this.parts.platform.report(error);
  }

  private begin(): void {
    const { platform } = this.parts;
    this.life?.unsubscribe();
    this.connecting(null);
    this.life = session({
      dial: () => this.dial(),
      receive: (frame) => this.pipeline.receive(frame),
      policy: this.policy,
      strategy: new Set(this.options.strategy.split(',')),
      timeout: this.options.timeout,
      attemptTimeout: this.settings['reconnect timeout'],
      pingTimeout: this.options.pingTimeout === false ? Number.POSITIVE_INFINITY : this.options.pingTimeout,
      online$: this.network,
      now$: this.now,
      scheduler: platform.scheduler,
      observer: this.observer(),
    }).subscribe({
      next: (link) => this.opened(link),
      error: (cause) => this.over({ name: 'closed', by: 'failure', cause }),
    });
  }

  /** One attempt to get a link, at an address made for it. */
  private dial(): Observable<Link> {
    const { transformer, platform } = this.parts;
    return transformer.connect({
      url: this.address(),
      transport: this.options.transport,
      maxLength: this.configuration.maxLength,
      compression: this.configuration.compression,
      platform,
      dialled: (socket) => {
        this.socket = socket;
        this.emit('outgoing::open');
      },
    });
  }

  private address(): string {
    const { transformer, platform } = this.parts;
    const unique = platform.scheduler.now().toString(36) + Math.floor(platform.random() * 46_656).toString(36);
    const options = urlOptions(this.url, this.pathname + (transformer.path ?? ''), transformer.protocol ?? 'http', unique);
    this.emit('outgoing::url', options);
    return printUrl(options);
  }

  /** The session's news as states and events. */
  private observer(): SessionObserver {
    const described = (attempt: Attempt): ReconnectAttempt => Object.assign(attempt, this.settings);
    return {
      dropped: (error, wasOpen, attempt) => this.dropped(error, wasOpen, attempt !== null),
      scheduled: (attempt, cause) => {
        this.ready(CLOSED, 'end');
        const until = this.parts.platform.scheduler.now() + attempt.scheduled;
        this.states.next({ name: 'waiting', attempt: described(attempt), until, cause });
        this.emit('reconnect scheduled', described(attempt));
      },
      attempting: (attempt) => {
        this.emit('outgoing::reconnect');
        this.emit('reconnect', described(attempt));
        this.connecting(described(attempt));
      },
      late: (error, attempt) => {
        if (attempt === null) this.emit('timeout');
        else this.emit('reconnect timeout', error, described(attempt));
      },
      reconnected: (attempt) => this.emit('reconnected', described(attempt)),
      failed: (cause, attempt) => {
        this.ready(CLOSED, 'end');
        const error = new PrimusError('ERR_PRIMUS_GAVE_UP', `Unable to recover: ${cause.message}`, { cause });
        this.emit('reconnect failed', error, attempt && described(attempt));
      },
    };
  }

  private connecting(attempt: ReconnectAttempt | null): void {
    this.states.next({ name: 'connecting', attempt });
    this.ready(OPENING, 'opening');
  }

  private opened(link: Link): void {
    this.pipeline.link = link;
    this.states.next({ name: 'open' });
    this.emit('incoming::open');
    this.ready(OPEN, 'open');
    this.emit('open');
    // What was written before comes first, but not before the listeners of `open` have seen it.
    if (this.pipeline.link === link) this.gate.next(true);
  }

  private dropped(error: LinkError, wasOpen: boolean, again: boolean): void {
    this.gate.next(false);
    this.pipeline.link = undefined;
    const silent = error.code === 'ERR_PRIMUS_OFFLINE' || error.code === 'ERR_PRIMUS_TIMEOUT';
    if (wasOpen) {
      if (error.cause !== undefined) this.emit('error', error);
      this.emit('incoming::end');
      this.ready(CLOSED, 'end');
      this.emit('close');
    } else if (!silent) {
      this.emit('incoming::error', error);
      if (!again) this.emit('error', error);
    }
    if (!this.online && this.waitsForNetwork) this.states.next({ name: 'waiting', attempt: null, until: null, cause: error });
  }

  /** The end: for good, unless `open()` is called. */
  private over(state: Extract<ClientState, { name: 'closed' }>): void {
    if (this.state.name === 'closed') return;
    const idle = this.state.name === 'idle';
    this.life?.unsubscribe();
    this.life = undefined;
    this.gate.next(false);
    this.pipeline.link = undefined;
    this.states.next(state);
    if (idle) return;
    if (this.readyState !== CLOSED) {
      this.ready(CLOSED, 'end');
      this.emit('outgoing::end');
      this.emit('close');
    }
    this.emit('end');
  }

  private ready(state: ReadyState, name: 'opening' | 'open' | 'end'): void {
    if (this.readyState === state) return;
    this.readyState = state;
    this.emit('readyStateChange', name);
  }

  private get waitsForNetwork(): boolean {
    return this.options.strategy.includes('online');
  }

  private networkChanged(online: boolean): void {
    if (online === this.online) return;
    this.online = online;
    this.emit(online ? 'online' : 'offline');
    const { state } = this;
    if (!online && state.name === 'waiting' && this.waitsForNetwork) this.states.next({ ...state, attempt: null, until: null });
    this.network.next(online);
  }

  /** The queue is full: what gave way is not lost without a word. */
  private displaced(data: Out): void {
    const error = new PrimusError('ERR_PRIMUS_QUEUE', `More than ${this.options.queueSize} messages are waiting for a connection; one was dropped`);
    error.data = data;
    this.emit('error', error);
  }

  // biome-ignore lint/suspicious/noExplicitAny: arguments of every event.
  private view<T>(events: Record<string, (...args: any[]) => T>, replay?: () => T): Observable<T> {
    return view(this as never, {
      events,
      end: 'destroy',
      ended: () => this.destroyed,
      report: (error) => this.onListenerError(error, ''),
      ...(replay && { replay }),
    });
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface Primus<In = any, Out = any> extends TypedEmitter<ClientEvents<In>> {}

Primus.prototype.reserved = reserved;

/** A class of clients that know their server. */
export function configure(parts: ClientParts, configuration: Partial<Configuration> = {}): typeof Primus {
  return class extends Primus {
    static override parts = parts;
    static override configuration = configuration;
  };
}
