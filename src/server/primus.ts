/// <reference lib="esnext.disposable" preserve="true" />
import { EventEmitter } from 'node:events';
import { nanoid } from 'nanoid';
import type { Observable } from 'rxjs';
import type { Configuration } from '../core/configuration.js';
import { asError, describe, PrimusError } from '../core/errors.js';
import type { TypedEmitter } from '../core/events.js';
import { isPromise } from '../core/eventual.js';
import { findTransformer } from '../core/find-transformer.js';
import { guard } from '../core/guard.js';
import { type Direction, type MessageTransformer, MessageTransformers } from '../core/message-transformers.js';
import { invalid } from '../core/options.js';
import { findParser, type Parser } from '../core/parser.js';
import type { Plugin, Plugins } from '../core/plugin.js';
import type { RETYPED, Retypable } from '../core/retyped.js';
import type { Transformer } from '../core/transformer.js';
import { configurationOf, type Spec, specOf } from './configuration.js';
import { ConnectionRegistry } from './connections.js';
import type { DrainOptions, DrainProgress } from './drain.js';
import { type LogEntry, reserved, type ServerEvents } from './events.js';
import { forEachAsync } from './for-each.js';
import { checkServer } from './http/check-server.js';
import type { HttpServer } from './http/host.js';
import { type LibraryOptions, libraryOf, save } from './library.js';
import { type Authorize, checkAuthorize } from './middleware/authorization.js';
import { defaultLayers } from './middleware/defaults.js';
import { type Layer, Layers, type Middleware, type MiddlewareFactory } from './middleware/layers.js';
import type { NodeEmitter } from './node-emitter.js';
import { noticeMisspelled } from './notices.js';
import { type ParsedServerOptions, type ServerOptions, serverOptions } from './options.js';
import { withLimits } from './parser-limits.js';
import { Ark, pluginsOf } from './plugins.js';
import { CAPTURING, reportRejections } from './rejections.js';
import { Serving, type ServingParts } from './serving.js';
import { requireIdentity, resumeOptions } from './sessions/options.js';
import type { DestroyOptions } from './shutdown.js';
import { Spark } from './spark.js';
import { type ServerBuiltins, type SparkArguments, sparkClass } from './spark-class.js';

const Emitter = EventEmitter as unknown as new (options?: object) => object;

/**
 * The server. It attaches to an HTTP server, owns one path of it, and creates a `Spark` for every connection on that path.
 *
 * Its events have one order: see `EventQueue`.
 *
 * @typeParam In the type of the messages that clients send
 * @typeParam Out the type of the messages that the server sends
 * @typeParam Data what authorization finds: `spark.data`
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export class Server<In = any, Out = any, Data = any> extends Emitter {
  static {
    reportRejections(Server);
  }

  /** Lets types name this class with other messages. @internal */
  declare readonly [RETYPED]?: ServerOf<Data>;

  /**
   * The HTTP server that this server is attached to.
   *
   * @example
   * primus.server.address(); // { address: '::', family: 'IPv6', port: 8080 }
   */
  readonly server: HttpServer;
  /** The options, with defaults. */
  readonly options: ParsedServerOptions;
  /** The path of the server: one slash at the beginning, none at the end. */
  readonly pathname: string;
  /** The version of this package. */
  readonly version: string;
  /** The transformer: the real-time framework. */
  readonly transformer: Transformer;
  /**
   * The parser, which encodes and decodes the messages.
   *
   * @example
   * primus.encoder({ hello: 'world' }, (error, frame) => {
   *   primus.decoder(frame ?? '', (error, message) => console.log(message));
   * });
   */
  readonly parser: Parser;
  /** The encoder of the parser. */
  readonly encoder: Parser['encoder'];
  /** The decoder of the parser. */
  readonly decoder: Parser['decoder'];
  /**
   * The class of this server's sparks. Members that you add to its prototype exist on the sparks of this server only.
   *
   * @example
   * const spark = new primus.Spark({ 'user-agent': 'a test' });
   * primus.emit('connection', spark);
   */
  readonly Spark: new (
    ...args: SparkArguments
  ) => Spark<In, Out, Data>;
  /**
   * The message transformers, in the order in which they run.
   *
   * @example
   * primus.transformers.incoming.length; // the number of transformers of incoming messages
   */
  readonly transformers = new MessageTransformers();
  /**
   * Emits each new connection, after all `connection` listeners have accepted it. Hot; completes when the server is destroyed.
   *
   * @example
   * import { mergeMap } from 'rxjs';
   *
   * primus.connection$.pipe(mergeMap((spark) => spark.data$)).subscribe((message) => primus.write(message));
   */
  readonly connection$: Observable<Spark<In, Out, Data>>;
  /** The service that connections report to. @internal */
  readonly host: Serving;
  /**
   * The authorization function: the option `authorization`, or the argument of `authorize`. `null`: every request is accepted.
   *
   * @example
   * primus.auth = null; // accepts every request from now on
   */
  auth: Authorize | null = null;
  /**
   * The option `whitelist`: the trusted proxies.
   *
   * @example
   * primus.whitelist.includes('10.0.0.1');
   */
  readonly whitelist: readonly string[];
  /**
   * The plugins by name.
   *
   * @example
   * Object.keys(primus.ark); // the names of the plugins
   */
  readonly ark: { readonly [name: string]: Plugin };

  readonly #library: (options?: LibraryOptions) => string;
  readonly #middleware = new Layers(this);
  readonly #ark = new Ark();

  /**
   * @throws ERR_PRIMUS_SERVER when the first argument is not an HTTP server
   * @throws ERR_PRIMUS_OPTION when an option has the wrong type or value
   * @throws ERR_PRIMUS_TRANSFORMER when there is no transformer of that name, or the object is not a transformer
   * @throws ERR_PRIMUS_PARSER when there is no parser of that name, or the object is not a parser
   * @throws ERR_PRIMUS_MISSING when the package that the transformer or the parser needs is not installed
   * @throws ERR_PRIMUS_PLUGIN when a plugin is invalid or cannot be loaded
   */
  constructor(server: HttpServer, options: ServerOptions, builtins: ServerBuiltins) {
    super(CAPTURING);
    this.server = checkServer(server);
    this.options = serverOptions(options);
    noticeMisspelled(options);
    this.#library = libraryOf(this, builtins);
    this.version = builtins.version;
    this.pathname = this.options.pathname;
    this.transformer = findTransformer(this.options.transformer, builtins.transformers);
    this.parser = findParser(this.options.parser, builtins.parsers);
    this.encoder = this.parser.encoder;
    this.decoder = this.parser.decoder;
    this.ark = this.#ark.plugins;
    this.Spark = sparkClass(this, builtins);
    this.whitelist = this.options.whitelist ?? [];
    this.host = new Serving({
      primus: this as unknown as ServingParts['primus'],
      server: this.server,
      options: this.options,
      stack: { parser: withLimits(this.parser, this.options), transformers: this.transformers },
      transformer: this.transformer,
      middleware: this.#middleware,
      registry: new ConnectionRegistry(this, this.transformer.server),
    });
    this.connection$ = this.host.connection$;
    for (const [name, make] of defaultLayers(this.options)) this.#middleware.use(name, make);
    const { authorization } = this.options;
    // A wrapper with rest parameters has the length 0, which `authorize` refuses and the option does not.
    if (authorization && authorization.length === 0) this.auth = authorization;
    else if (authorization) this.authorize(authorization);
    try {
      this.host.start();
      for (const [name, plugin] of pluginsOf(this.options.plugin)) this.plugin(name, plugin);
    } catch (thrown) {
      // The caller has no server to destroy.
      this.host.stop();
      throw thrown;
    }
    // In a microtask, so that the code that created this server can add listeners first.
    queueMicrotask(() => this.#guard(() => this.emit('initialised', this.transformer, this.parser, this.options as ServerOptions)));
  }

  /**
   * The specification of the server: the JSON at `<pathname>/spec`, which shows a client how to connect.
   *
   * @example
   * const { transformer, parser, pingInterval } = primus.spec;
   */
  get spec(): Spec {
    return specOf(this);
  }

  /**
   * The sparks of the open connections by id.
   *
   * @example
   * for (const [id, spark] of Object.entries(primus.connections)) spark.write(`Hello ${id}`);
   */
  get connections(): { [id: string]: Spark<In, Out, Data> } {
    return this.host.registry.asObject;
  }

  /** The number of open connections. */
  get connected(): number {
    return this.host.registry.size;
  }

  /**
   * The middleware, in the order in which it runs.
   *
   * @example
   * primus.layers.map(({ name }) => name); // ['forwarded', 'cors', 'primus.js', 'spec', …]
   */
  get layers(): readonly Layer[] {
    return this.#middleware.list;
  }

  /**
   * Emits each connection that has ended, of those that `connection$` has emitted. Hot; completes when the server is destroyed.
   *
   * @example
   * primus.disconnection$.subscribe((spark) => console.log(`${spark.id} disconnected`));
   */
  get disconnection$(): Observable<Spark<In, Out, Data>> {
    return this.host.stream({ disconnection: (spark: Spark<In, Out, Data>) => spark });
  }

  /**
   * Emits what is reported to no connection: lost messages, warnings, and errors of the server. Hot; completes when the server is
   * destroyed.
   *
   * @example
   * primus.log$.subscribe(({ level, values }) => console.log(level, ...values));
   */
  get log$(): Observable<LogEntry> {
    return this.host.stream({ log: (level: string, ...values: unknown[]) => ({ level, values }) });
  }

  /**
   * Emits once, when the server is destroyed, with the options of `destroy`. A late subscriber gets them at once.
   *
   * @example
   * primus.close$.subscribe(() => console.log('The server was destroyed'));
   */
  get close$(): Observable<DestroyOptions> {
    return this.host.stream({ close: (options: DestroyOptions) => options }, () => (this.host.closed ? [this.host.closed] : []));
  }

  /**
   * Sends a message to every connection. The message is encoded and framed once. When it cannot be encoded, the error is logged.
   *
   * @example
   * primus.write({ news: 'The server restarts at noon' });
   */
  write(data: Out): this {
    try {
      this.host.registry.broadcast(data);
    } catch (error) {
      this.host.log('error', error);
    }
    return this;
  }

  /**
   * Calls `step(spark, id, connections)` for every open connection; `false` stops, unless it is that of a `write` to the spark, so that
   * `primus.forEach((spark) => spark.write(data))` reaches all. With `done`, calls `step(spark, next)` for one
   * connection after the other, each when `next` was called for the one before; `next(error)` and `next(null, false)` stop. Connections
   * that open meanwhile are included.
   *
   * @throws ERR_PRIMUS_OPTION when `step` is not a function
   *
   * @example
   * primus.forEach((spark, id) => {
   *   if (spark.query.room === 'lobby') spark.write(`Hello ${id}`);
   * });
   */
  forEach(step: (spark: Spark<In, Out, Data>, id: string, connections: { [id: string]: Spark<In, Out, Data> }) => unknown): this;
  forEach(
    step: (spark: Spark<In, Out, Data>, next: (error?: unknown, go?: boolean) => void) => void,
    done: (error?: Error | null) => void,
  ): this;
  forEach(step: (spark: Spark<In, Out, Data>, second: never, third: never) => unknown, done?: (error?: Error | null) => void): this {
    if (typeof step !== 'function')
      throw new PrimusError('ERR_PRIMUS_OPTION', `forEach: \`step\` must be a function, got ${describe(step)}`);
    if (done) {
      forEachAsync(this.host.registry.byId.values(), step as (spark: unknown, next: unknown) => unknown, (...error) =>
        this.#guard(() => done(...error)),
      );
      return this;
    }
    for (const spark of this.host.registry.byId.values()) {
      const { rejectedWrites } = this.host;
      const answer = step(spark, spark.id as never, this.connections as never);
      if (answer === false && this.host.rejectedWrites === rejectedWrites) break;
      if (answer) this.#guard(() => answer);
    }
    return this;
  }

  /**
   * Returns the spark with this id while its connection is open; else `undefined`.
   *
   * @example
   * primus.spark('V1StGXR8_Z5jdHi6B-myT')?.write('only for you');
   */
  spark(id: string): Spark<In, Out, Data> | undefined {
    return this.host.registry.byId.get(String(id)) as Spark<In, Out, Data> | undefined;
  }

  /**
   * Adds a message transformer: see `MessageTransformer`.
   *
   * @throws ERR_PRIMUS_OPTION when the direction or the transformer is invalid
   *
   * @example
   * primus.transform('outgoing', (packet) => {
   *   packet.data = { sent: Date.now(), data: packet.data };
   * });
   */
  transform(direction: Direction, transformer: MessageTransformer): this {
    this.transformers.add(direction, transformer);
    return this;
  }

  /**
   * Adds a plugin, or that of a package. Without a plugin, returns the one of that name; without a name, returns all of them.
   *
   * @throws ERR_PRIMUS_PLUGIN when the plugin or its name is invalid, the name is taken, or the package cannot be loaded
   *
   * @example
   * primus.plugin('greeter', {
   *   server(primus) {
   *     primus.on('connection', (spark: { write(data: string): void }) => spark.write('hello'));
   *   },
   * });
   */
  plugin(): Plugins;
  plugin(name: string): Plugin | undefined;
  plugin(name: string, plugin: Plugin | string): this;
  plugin(name?: string, plugin?: Plugin | string): this | Plugin | Plugins | undefined {
    if (name === undefined && plugin === undefined) return this.ark;
    if (plugin === undefined && typeof name === 'string') return this.ark[name];
    const added = this.#ark.add(name, plugin);
    this.emit('plugin', name as string, added);
    const answer = added.server?.call(this, this, this.options);
    if (answer) this.#guard(() => answer);
    return this;
  }

  /**
   * Removes a plugin from the libraries and clients that are created from now on. The changes that its server function made stay.
   *
   * @returns `false` when there is no plugin of that name
   *
   * @example
   * primus.plugout('greeter');
   */
  plugout(name: string): boolean {
    const plugin = this.ark[name];
    if (plugin === undefined) return false;
    this.emit('plugout', name, plugin);
    this.#ark.remove(name);
    return true;
  }

  /** Adds a spark that the application created itself. @internal */
  adopt(spark: Spark): void {
    this.host.adopt(spark);
  }

  /**
   * Adds middleware, at `index` or at the end, which is after the authorization: see `Middleware`. A function with fewer than two parameters
   * is called with `options`, and returns the middleware; `this` is the server. A layer of the same name is replaced in its place. Without
   * `name`, the layer has the name of its function.
   *
   * @throws ERR_PRIMUS_MIDDLEWARE when the name or the function is invalid
   *
   * @example
   * primus.use('powered by', (request, response) => {
   *   response.setHeader('X-Powered-By', 'primus-rx');
   * });
   */
  use(name: string, fn: Middleware | MiddlewareFactory, options?: unknown, index?: number): this;
  use(fn: Middleware | MiddlewareFactory, options?: unknown, index?: number): this;
  use(name: unknown, fn?: unknown, options?: unknown, index?: unknown): this {
    this.#middleware.use(name, fn, options, index);
    return this;
  }

  /**
   * Calls `fn(request, done)` for every request that reaches the transformer. `done()` accepts the request; of `done(null, data)`, the spark has
   * the `data`. `done(error)` rejects it, by default with 401; the error may have `statusCode`, `authenticate` and `message`. An async function of
   * `request` alone answers with what it returns: the `data`, `true` for none, or `null` or `false` to reject the request.
   *
   * @throws ERR_PRIMUS_OPTION when `fn` is neither a function of two parameters nor an async function of one, or sessions have no `identity`
   *
   * @example
   * primus.authorize((request, done) => {
   *   if (request.headers.authorization === 'Bearer secret') done();
   *   else done({ statusCode: 401, authenticate: 'Bearer', message: 'Please log in' });
   * });
   */
  authorize(fn: Authorize<Data>): this {
    requireIdentity(resumeOptions(this.options.resume));
    this.auth = checkAuthorize(fn);
    return this;
  }

  /**
   * Removes the middleware of that name.
   *
   * @example
   * primus.remove('powered by');
   */
  remove(name: string): this {
    this.#middleware.remove(name);
    return this;
  }

  /**
   * Enables middleware that was disabled.
   *
   * @example
   * primus.enable('primus.js');
   */
  enable(name: string): this {
    this.#middleware.toggle(name, true);
    return this;
  }

  /**
   * Disables middleware: it keeps its place, and does not run until `enable` is called.
   *
   * @example
   * primus.disable('primus.js'); // does not serve the client library
   */
  disable(name: string): this {
    this.#middleware.toggle(name, false);
    return this;
  }

  /**
   * Returns the index of middleware in `layers`; -1 when there is none of that name.
   *
   * @example
   * primus.use('first', (request, response) => {}, primus.indexOfLayer('cors'));
   */
  indexOfLayer(name: string): number {
    return this.#middleware.indexOf(name);
  }

  /**
   * Returns the source of the client library for the present options and plugins.
   *
   * @throws ERR_PRIMUS_OPTION when an option has the wrong type
   * @throws ERR_PRIMUS_TRANSFORMER when the transformer has no browser client
   * @throws ERR_PRIMUS_PLUGIN when a plugin's client, or a parser's function, has no source
   *
   * @example
   * const source = primus.library({ minify: true });
   */
  library(options?: LibraryOptions): string {
    return this.#library(options);
  }

  /**
   * Writes the client library to a file: asynchronously with a callback, else synchronously. A file that ends with `.mjs` is an ES module.
   *
   * @throws ERR_PRIMUS_OPTION when `path` is not a non-empty string
   * @throws ERR_PRIMUS_TRANSFORMER when the transformer has no browser client
   *
   * @example
   * primus.save('public/primus.js', { minify: true }, (error) => {
   *   if (error) console.error(error);
   * });
   * primus.save('src/client.mjs'); // import { Primus } from './client.mjs';
   */
  save(path: string, done?: (error: Error | null) => void): this;
  save(path: string, options: LibraryOptions, done?: (error: Error | null) => void): this;
  save(path: string, options?: LibraryOptions | ((error: Error | null) => void), done?: (error: Error | null) => void): this {
    const [given, callback] = typeof options === 'function' ? [undefined, options] : [options, done];
    const isModule = typeof path === 'string' && path.endsWith('.mjs') && typeof (given ?? {}) === 'object';
    const source = this.library(isModule ? { ...given, format: given?.format ?? 'module' } : given);
    save(path, source, callback && ((error) => this.#guard(() => callback(error))));
    return this;
  }

  /** The configuration of this server's clients. @internal */
  get configuration(): Configuration {
    return configurationOf(this);
  }

  /**
   * Whether the server accepts new connections: `false` from the beginning of `drain` or `destroy` on. For the readiness probe of a load
   * balancer.
   *
   * @example
   * import { createServer } from 'node:http';
   *
   * const server = createServer((request, response) => {
   *   if (request.url === '/healthz') response.writeHead(primus.ready ? 200 : 503).end();
   * });
   * const primus = new Primus(server);
   */
  get ready(): boolean {
    return this.host.ready;
  }

  /**
   * Prepares for a shutdown while it is subscribed to: rejects new connections with 503 and `Retry-After`, and ends the open ones at an even
   * rate, after everything that was written to them. Clients reconnect, to another server, after `retryAfter` and their jitter. Emits the
   * progress; completes when there is no connection left, 5 s after `over` at the latest, and then `destroy` does not wait.
   *
   * A further subscription joins the run under way. The server accepts connections again when the last subscriber unsubscribes, or when
   * `signal` is aborted: then the Observable errors with its reason.
   *
   * @throws ERR_PRIMUS_OPTION when an option is invalid
   *
   * @example
   * process.once('SIGTERM', () => {
   *   primus.drain({ over: '20 s' }).subscribe({
   *     next: ({ remaining }) => console.log(`${remaining} connections left`),
   *     complete: () => primus.destroy(() => process.exit()),
   *   });
   * });
   */
  drain(options?: DrainOptions): Observable<DrainProgress> {
    return this.host.drain(options || {});
  }

  /**
   * Shuts down: ends all connections, releases the path and, unless `close` is `false`, closes the HTTP server. A further call does not
   * begin again; it is done at the same time.
   *
   * @returns a promise that resolves when all is done, after `done` was called. It never rejects
   *
   * @example
   * process.once('SIGTERM', async () => {
   *   await primus.destroy({ reconnect: true, timeout: 10_000 });
   *   process.exit();
   * });
   */
  destroy(options?: DestroyOptions | (() => void), done?: () => void): Promise<void> {
    if (typeof options === 'function') return this.destroy({}, options);
    return this.host.shutDown(options || {}).then(() => {
      if (typeof done === 'function') this.#guard(done);
    });
  }

  /**
   * The same as `destroy`.
   *
   * @example
   * primus.end({ close: false }); // keeps the HTTP server
   */
  end(options?: DestroyOptions | (() => void), done?: () => void): Promise<void> {
    return this.destroy(options, done);
  }

  /** Shuts down at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.host.shutDown({});
  }

  /**
   * Returns whether an event name is reserved for the library.
   *
   * @example
   * primus.reserved('connection'); // true
   */
  declare reserved: typeof reserved;

  /** Creates the id of a new spark. @internal */
  generateId(): string {
    const id: unknown = this.options.idGenerator?.() ?? nanoid();
    if (!isPromise(id)) return id as string;
    this.#guard(() => id);
    throw invalid('idGenerator', 'a function that returns a string', id);
  }

  /** Calls a function of the application. What it throws, or its promise is rejected with, is a log entry. */
  #guard(run: () => unknown): void {
    guard(run, (error) => this.host.warn(error));
  }

  /** Reports the rejected promise of an asynchronous listener. */
  [Symbol.for('nodejs.rejection')](error: unknown, event: string, subject: unknown): void {
    if (event === 'connection' && subject instanceof Spark) subject.connection.reportListenerError(error);
    // A log listener that rejects cannot be reported to the log: the next entry would be its next rejection.
    else if (event === 'log') process.emitWarning(asError(error));
    else this.host.warn(error);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface Server<In = any, Out = any, Data = any> extends TypedEmitter<ServerEvents<In, Out, Data>>, NodeEmitter {}

/** A server with other messages. */
interface ServerOf<Data> extends Retypable {
  readonly Type: Server<this['In'], this['Out'], Data>;
}

Server.prototype.reserved = reserved;
