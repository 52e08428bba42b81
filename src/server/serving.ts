import type { EventEmitter } from 'node:events';
import {
  asyncScheduler,
  catchError,
  defer,
  EMPTY,
  filter,
  finalize,
  identity,
  map,
  mergeWith,
  Observable,
  of,
  ReplaySubject,
  type SchedulerLike,
  Subject,
  Subscription,
  share,
  tap,
} from 'rxjs';
import { filterAsync } from '../../operators/index.js';
import type { Stack } from '../core/channel.js';
import { asError, type PrimusError } from '../core/errors.js';
import { EventQueue } from '../core/event-queue.js';
import type { LinkObserver } from '../core/link.js';
import { milliseconds } from '../core/options.js';
import { CLOSED } from '../core/ready-state.js';
import { fromEvents } from '../core/streams/from-events.js';
import { SafeObservable } from '../core/streams/safe-observable.js';
import type { Transformer } from '../core/transformer.js';
import { asyncemit, hasAsyncListener, ListenerError } from './asyncemit.js';
import type { Connection, ConnectionHost } from './connection.js';
import { highWaterOf } from './connection-buffer.js';
import { type ConnectionRegistry, createSpark, register, runConnectionListeners, type SparkFactory } from './connections.js';
import { exhausted$ } from './descriptors.js';
import { type DrainOptions, type DrainProgress, drain, drainOptions, type ParsedDrainOptions } from './drain.js';
import { heartbeat } from './heartbeat.js';
import { exchanges } from './http/attach.js';
import { Capacity } from './http/capacity.js';
import { Handshakes } from './http/handshakes.js';
import type { HttpServer } from './http/host.js';
import { trackHttpConnections } from './http/http-connections.js';
import { createTransformerHost, frameworkError, RETRY_AFTER, rejectDuringShutdown } from './http/transformer-host.js';
import { endIdle } from './idle.js';
import { MemoryAccount } from './memory.js';
import { clientAddress, clientAddresses } from './middleware/forwarded.js';
import type { Layers } from './middleware/layers.js';
import { limitNativeMemory } from './native-memory.js';
import { nextTurn } from './next-turn.js';
import { noticeCluster } from './notices.js';
import type { ParsedServerOptions } from './options.js';
import { RateLimit } from './rate-limit.js';
import { resumeOptions } from './sessions/options.js';
import type { SessionArrival } from './sessions/resumption.js';
import { Sessions } from './sessions/sessions.js';
import { type DestroyOptions, shutdown } from './shutdown.js';
import { Spark } from './spark.js';

/** The parts of a server that its service uses. */
export interface ServingParts {
  /** The server itself, which emits the events, and which transformers and middleware get. */
  primus: EventEmitter & SparkFactory;
  server: HttpServer;
  options: ParsedServerOptions;
  stack: Stack;
  transformer: Transformer;
  middleware: Layers;
  registry: ConnectionRegistry;
}

/**
 * The service behind a server. Its connections are a stream, from the link that arrives to the spark that is announced.
 *
 * ```
 * listen ─> create spark ─┬─> register ─> next turn ─> `connection` listeners accept ─> announce
 *     `new primus.Spark` ─┘
 * ```
 */
export class Serving implements ConnectionHost {
  readonly maxBuffer: number;
  readonly highWater: number;
  readonly memory: MemoryAccount;
  readonly scheduler: SchedulerLike;
  readonly connectionTimeout: number;
  rejectedWrites = 0;
  readonly handshakes: Handshakes;
  readonly stack: Stack;
  readonly registry: ConnectionRegistry;
  /** Emits each new connection, after all `connection` listeners have accepted it. */
  readonly connection$: Observable<Spark>;
  /** The same for the parts of this package, which listen to no messages. */
  readonly announced$: Observable<Spark>;
  /** The options that `close` was emitted with. */
  closed: DestroyOptions | undefined;
  readonly #parts: ServingParts;
  readonly #events = new EventQueue();
  readonly #handmade = new Subject<Spark>();
  readonly #announced = new Subject<Spark>();
  readonly #registered = new Subject<void>();
  readonly #subscription = new Subscription();
  readonly #httpConnections: ReturnType<typeof trackHttpConnections>;
  readonly #destroy = new Subject<DestroyOptions>();
  readonly #capacity: Capacity;
  /** The sessions, if the option `resume` is on. */
  readonly sessions: Sessions | undefined;
  /** The delay for rejected clients, in ms, while the server shuts down. */
  #retryAfter: number | undefined;
  /** The run of `drain` under way. */
  #drain: Observable<DrainProgress> | undefined;
  #over: Promise<void> | undefined;
  /** The subscribers of `connection$`. */
  #subscribers = 0;
  /** Whether the log has an entry about messages that nothing listened to. */
  #hasLoggedUnheard = false;

  constructor(parts: ServingParts) {
    const { options, server } = parts;
    this.#parts = parts;
    this.maxBuffer = options.maxBuffer;
    this.highWater = highWaterOf(options.maxBuffer);
    this.connectionTimeout = limitOf(options, 'connectionTimeout');
    this.stack = parts.stack;
    this.registry = parts.registry;
    this.scheduler = options.scheduler ?? asyncScheduler;
    this.memory = new MemoryAccount(options.maxMemory, options.maxLength, this.scheduler);
    this.handshakes = new Handshakes(limitOf(options, 'handshakeTimeout'), this.scheduler);
    this.#capacity = new Capacity({
      limits: options,
      scheduler: this.scheduler,
      addressOf: clientAddresses(options),
      log: (level, message) => this.log(level, message),
    });
    const resume = resumeOptions(options.resume);
    this.sessions =
      resume &&
      new Sessions({
        options: resume,
        scheduler: this.scheduler,
        stack: this.stack,
        limit: limitOf(options, 'handshakeTimeout'),
        places: this.#capacity,
        addressOf: clientAddress,
        warn: (error) => this.warn(error),
      });
    this.#httpConnections = trackHttpConnections(server);
    this.announced$ = this.#announced.asObservable();
    this.connection$ = new SafeObservable(
      (subscriber) => {
        this.#subscribers += 1;
        subscriber.add(() => {
          this.#subscribers -= 1;
        });
        return this.#announced.subscribe(subscriber);
      },
      (error, value) => (isSpark(value) ? value.connection.reportListenerError(error) : this.warn(error)),
    );
  }

  /** Begins to serve. */
  start(): void {
    const { primus, server, options, transformer, middleware } = this.#parts;
    const { registry } = this;
    const host = createTransformerHost({
      primus,
      server,
      options,
      scheduler: this.scheduler,
      memory: this.memory,
      middleware,
      capacity: this.#capacity,
      handshakes: this.handshakes,
      retryAfter: () => this.#retryAfter,
      log: (level, value) => this.log(level, value),
    });
    const { sessions } = this;
    let failure: PrimusError | undefined;
    let isStarting = true;
    const failed = (thrown: unknown) => {
      failure = frameworkError(thrown);
      if (!isStarting) this.log('error', failure);
      return EMPTY;
    };
    const arrival$ = defer(() => transformer.server.listen(host) as Observable<SessionArrival>).pipe(catchError(failed));
    const connection$ = arrival$.pipe(
      tap(({ request }) => this.handshakes.done(request)),
      sessions === undefined ? identity : sessions.resume(),
      map((arrival) => {
        const spark = createSpark(primus, arrival);
        if (spark !== undefined) sessions?.begin(spark.connection, arrival);
        return spark;
      }),
      filter((spark) => spark !== undefined),
      mergeWith(this.#handmade),
      filter((spark) => register(registry, spark)),
      tap(({ request, connection }) => {
        this.#capacity.claim(request);
        connection.session?.registered(connection.subject);
        this.#registered.next();
      }),
      nextTurn(),
      filterAsync((spark) => this.#announces(spark)),
    );
    this.#subscription.add(connection$.subscribe((spark) => spark.connection.announce()));
    isStarting = false;
    // The framework does not take its options.
    if (failure !== undefined) throw failure;
    this.#subscription.add(this.handshakes);
    this.#subscription.add(exhausted$.subscribe((exhausted) => this.#reportExhaustion(exhausted)));
    noticeCluster(host, transformer.name, options.iknowclusterwillbreakconnections);
    const period = options.pingInterval && milliseconds(options.pingInterval, 'pingInterval');
    if (period) this.#subscription.add(heartbeat(registry, period, this.scheduler, (error) => this.log('error', error)));
    if (transformer.server.hidesIncomplete)
      this.#subscription.add(
        limitNativeMemory({
          targets: registry,
          arrival$: this.#registered,
          limit: options.maxMemory,
          scheduler: this.scheduler,
          log: (...entry) => this.log(...entry),
        }),
      );
    const idle = limitOf(options, 'idleTimeout');
    if (idle < Infinity) this.#subscription.add(endIdle(registry.byId, idle, this.scheduler));
  }

  #reportExhaustion(exhausted: boolean): void {
    if (exhausted)
      this.log(
        'error',
        'The process has no file descriptors left: new connections are dropped. Raise the limit (`ulimit -n`), or set `maxConnections`',
      );
    else this.log('warning', 'The process has file descriptors again: connections are accepted');
  }

  /**
   * Whether the `connection` listeners agree; then `connection$` emits. They are called in the order of the server's events, up to one
   * that answers later: the `disconnection` of a spark that a listener ends follows.
   */
  #announces(spark: Spark): boolean | Observable<boolean> {
    const { primus } = this.#parts;
    const ask = (): boolean | Observable<boolean> => {
      spark.connection.introduce();
      const answer = runConnectionListeners(primus, spark, this.connectionTimeout, this.scheduler);
      if (answer === true) this.#announce(spark);
      return answer;
    };
    if (!hasAsyncListener(primus, 'connection', 1)) return this.#emitting(ask);
    const announce = (accepted: boolean): void => {
      // A spark that was ended meanwhile had its `disconnection`.
      if (accepted && spark.readyState !== CLOSED) this.#emitting(() => this.#announce(spark));
    };
    return new Observable((subscriber) => this.#emitting(() => (ask() as Observable<boolean>).pipe(tap(announce)).subscribe(subscriber)));
  }

  #announce(spark: Spark): void {
    // One may take only the first connection.
    const hasSubscribers = this.#subscribers > 0;
    this.#announced.next(spark);
    if (hasSubscribers) spark.connection.expectFirstListener();
  }

  /** Emits at once. The events that this causes follow. */
  #emitting<T>(emit: () => T): T {
    const begins = this.#events.begin();
    try {
      return emit();
    } finally {
      if (begins) this.#events.end();
    }
  }

  /** Releases the path at once: for a server whose constructor throws. */
  stop(): void {
    this.#release();
    this.#httpConnections.forget();
  }

  #release(): void {
    this.#subscription.unsubscribe();
    this.#announced.complete();
  }

  /** Adds a spark that the application created itself, and announces it, in the next turn. */
  adopt(spark: Spark): void {
    process.nextTick(() => spark.readyState === CLOSED || this.#handmade.next(spark));
  }

  /** Shuts down once, at the end of the shortest time-out of all calls; resolves when all is done. */
  shutDown(options: DestroyOptions): Promise<void> {
    this.#over ??= this.#begin();
    this.#destroy.next(options);
    return this.#over;
  }

  /** Whether new connections are accepted. */
  get ready(): boolean {
    return this.#retryAfter === undefined;
  }

  /**
   * Drains while it is subscribed to. All subscribers share one run, whose options are those of the first; when the last one
   * unsubscribes, or is aborted, the server accepts connections again.
   */
  drain(given: DrainOptions): Observable<DrainProgress> {
    const options = drainOptions(given);
    const { signal } = options;
    return new SafeObservable(
      (subscriber) => {
        const running = new Subscription();
        const abort = () => {
          running.unsubscribe();
          subscriber.error(signal?.reason);
        };
        subscriber.add(running);
        if (signal?.aborted) return abort();
        signal?.addEventListener('abort', abort);
        running.add(() => signal?.removeEventListener('abort', abort));
        this.#drain ??= this.#drainOnce(options);
        running.add(this.#drain.subscribe({ next: (progress) => subscriber.next(progress), complete: () => subscriber.complete() }));
      },
      (error) => this.warn(error),
    );
  }

  #drainOnce(options: ParsedDrainOptions): Observable<DrainProgress> {
    let isDone = false;
    const run$ = defer(() => {
      this.#retryAfter = options.retryAfter;
      return drain(this.registry, this.scheduler, options);
    });
    return run$.pipe(
      tap({
        complete: () => {
          isDone = true;
        },
      }),
      finalize(() => {
        this.#drain = undefined;
        if (!isDone && this.#over === undefined) this.#retryAfter = undefined;
      }),
      share({ connector: () => new ReplaySubject(1) }),
    );
  }

  #begin(): Promise<void> {
    const { server } = this.#parts;
    const { registry } = this;
    this.#retryAfter ??= RETRY_AFTER;
    return new Promise((resolve) =>
      shutdown({
        calls$: this.#destroy,
        server,
        httpConnections: {
          ...this.#httpConnections,
          destroy: () => {
            this.#httpConnections.destroy();
            // Node.js does not count upgrades among its connections.
            this.handshakes.terminateAll();
          },
        },
        registry,
        scheduler: this.scheduler,
        announce: (options) => this.#emitClose(options),
        release: () => this.#release(),
        rejectRequests: () =>
          exchanges(server, this.#parts.options.pathname).subscribe((exchange) => rejectDuringShutdown(exchange, this.#retryAfter)),
      }).subscribe({
        // A listener of the HTTP server's `removeListener` may throw.
        error: (error) => {
          this.warn(error);
          resolve();
        },
        complete: resolve,
      }),
    );
  }

  /** Returns events of the server as a stream that completes when the server is destroyed. */
  // biome-ignore lint/suspicious/noExplicitAny: arguments of every event.
  stream<T>(events: Record<string, (...args: any[]) => T>, replay?: () => readonly T[]): Observable<T> {
    // A subscriber of the log that throws cannot be reported to the log: the entry would be its next one, and so on.
    const report = 'log' in events ? warnProcess : (error: unknown) => this.warn(error);
    return fromEvents(this.#parts.primus, {
      events,
      end: 'close',
      ended: () => this.closed !== undefined,
      report,
      ...(replay && { replay }),
    });
  }

  // Reports of the connections.

  observe(connection: Connection): LinkObserver {
    const { maxMessageRate: rate } = this.#parts.options;
    return rate === Infinity ? connection : new RateLimit(connection, rate, this.scheduler, (message) => this.log('warning', message));
  }

  remove(connection: Connection): boolean {
    const wasRegistered = this.registry.remove(connection);
    // A session that is away has given its place up.
    if (wasRegistered && !connection.isAway) this.#capacity.release(connection.session?.request ?? (connection.subject as Spark).request);
    return wasRegistered;
  }

  disconnected({ subject }: Connection, then: () => void): void {
    const { primus } = this.#parts;
    const { registry } = this;
    this.#events.add(() => {
      try {
        primus.emit('disconnection', subject);
      } catch (thrown) {
        this.warn(thrown);
      }
      then();
      registry.left();
    });
  }

  log(level: string, ...values: unknown[]): void {
    try {
      this.#parts.primus.emit('log', level, ...values);
    } catch (thrown) {
      warnProcess(thrown);
    }
  }

  unheard({ subject }: Connection): void {
    if (this.#hasLoggedUnheard) return;
    this.#hasLoggedUnheard = true;
    this.log(
      'lost',
      `Messages to the server were dropped: nothing listened to \`data\` of the spark ${subject.id}. Further ones are not logged`,
    );
  }

  warn(error: unknown): void {
    if (this.#parts.primus.listenerCount('log') > 0) this.log('error', error);
    else warnProcess(error);
  }

  #emitClose(options: DestroyOptions): Observable<unknown> {
    const close$ = of(options).pipe(
      tap(() => {
        this.closed = options;
      }),
      filterAsync(() => asyncemit(this.#parts.primus, { event: 'close', args: [options] })),
      catchError((error) => {
        this.warn(ListenerError.is(error) ? error.reason : error);
        return EMPTY;
      }),
    );
    // A listener of `disconnection` may have destroyed the server: the other disconnections come first.
    return new Observable((subscriber) => this.#events.add(() => close$.subscribe(subscriber)));
  }
}

/** Returns a time limit in ms; `Infinity` for `false` and 0, which set none. */
function limitOf(options: ParsedServerOptions, name: 'connectionTimeout' | 'handshakeTimeout' | 'idleTimeout'): number {
  const limit = options[name];
  return (limit && milliseconds(limit, name)) || Infinity;
}

function warnProcess(error: unknown): void {
  process.emitWarning(asError(error));
}

/** Whether a subscriber received a spark: operators may have made anything of it, also a proxy, which throws here. */
function isSpark(value: unknown): value is Spark {
  try {
    return value instanceof Spark;
  } catch {
    return false;
  }
}
