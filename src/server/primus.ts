/// <reference lib="esnext.disposable" preserve="true" />
import { EventEmitter } from 'node:events';
import { nanoid } from 'nanoid';
import type { Observable } from 'rxjs';
import type { Configuration } from '../core/configuration.js';
import { describe, PrimusError } from '../core/errors.js';
import type { TypedEmitter } from '../core/events.js';
import { findTransformer } from '../core/find-transformer.js';
import { type Direction, type MessageTransformer, MessageTransformers } from '../core/message-transformers.js';
import { findParser, type Parser } from '../core/parser.js';
import type { Plugin, Plugins } from '../core/plugin.js';
import type { Transformer } from '../core/transformer.js';
import { configurationOf, type Spec, specOf } from './configuration.js';
import type { ConnectionHost } from './connection.js';
import { ConnectionRegistry } from './connections.js';
import { type LogEntry, type PrimusEvents, reserved } from './events.js';
import { forEachAsync } from './for-each.js';
import { checkServer } from './http/check-server.js';
import type { HttpServer } from './http/host.js';
import { type LibraryOptions, libraryOf, save } from './library.js';
import { type Authorize, checkAuthorize } from './middleware/authorization.js';
import { defaultLayers } from './middleware/defaults.js';
import { type Layer, Layers, type Middleware, type MiddlewareFactory } from './middleware/layers.js';
import { type ParsedServerOptions, type ServerOptions, serverOptions } from './options.js';
import { Ark, pluginsOf } from './plugins.js';
import { Serving, type ServingParts } from './serving.js';
import type { DestroyOptions } from './shutdown.js';
import { Spark } from './spark.js';
import { type ServerBuiltins, type SparkArguments, sparkClass } from './spark-class.js';

const Emitter = EventEmitter as unknown as new (options?: object) => object;

/**
 * The server. Attaches to an HTTP server, owns one path of it, and makes a spark of every connection that arrives there.
 *
 * @typeParam In what clients send
 * @typeParam Out what the server sends
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export class Server<In = any, Out = any> extends Emitter {
  /** The HTTP server it is attached to. */
  readonly server: HttpServer;
  /** The options, with defaults. */
  readonly options: ParsedServerOptions;
  /** The path it owns: one slash at the beginning, none at the end. */
  readonly pathname: string;
  /** The version of this package. */
  readonly version: string;
  /** What carries the messages. */
  readonly transformer: Transformer;
  /** Encodes and decodes the messages. */
  readonly parser: Parser;
  /** The encoder of the parser. */
  readonly encoder: Parser['encoder'];
  /** The decoder of the parser. */
  readonly decoder: Parser['decoder'];
  /** The class of this server's sparks: what is added to its prototype is theirs alone. */
  readonly Spark: new (
    ...args: SparkArguments
  ) => Spark<In, Out>;
  /** The message transformers, in the order they run. */
  readonly transformers = new MessageTransformers();
  /** Each new connection, once all `connection` listeners have agreed. Hot; completes when the server is destroyed. */
  readonly connection$: Observable<Spark<In, Out>>;
  /** What connections report to. @internal */
  readonly host: ConnectionHost;
  /** Who says who may come in; set by `authorize`, `null` when everybody may. */
  auth: Authorize | null = null;
  /** The option of that name: proxies that are trusted. */
  readonly whitelist: readonly string[];
  /** The plugins by their names. */
  readonly ark: { readonly [name: string]: Plugin };

  readonly #library: (options?: LibraryOptions) => string;
  readonly #middleware = new Layers(this);
  readonly #registry: ConnectionRegistry;
  readonly #ark = new Ark();
  readonly #serving: Serving;

  constructor(server: HttpServer, options: ServerOptions, builtins: ServerBuiltins) {
    super({ captureRejections: true });
    this.server = checkServer(server);
    this.options = serverOptions(options);
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
    this.#registry = new ConnectionRegistry(this, this.transformer.server);
    this.#serving = new Serving({
      primus: this as unknown as ServingParts['primus'],
      server: this.server,
      options: this.options,
      transformer: this.transformer,
      middleware: this.#middleware,
      registry: this.#registry,
    });
    this.host = this.#serving;
    this.connection$ = this.#serving.connection$;
    for (const [name, make] of defaultLayers(this.options)) this.#middleware.use(name, make);
    if (this.options.authorization) this.authorize(this.options.authorization);
    this.#serving.start();
    for (const [name, plugin] of Object.entries(pluginsOf(this.options.plugin))) this.plugin(name, plugin);
    // The code that made this server gets to add listeners first.
    queueMicrotask(() => this.emit('initialised', this.transformer, this.parser, this.options as ServerOptions));
  }

  /** What a client must know, as served at `<pathname>/spec`. */
  get spec(): Spec {
    return specOf(this);
  }

  /** The sparks of the open connections by their id. */
  get connections(): { [id: string]: Spark<In, Out> } {
    return this.#registry.asObject;
  }

  /** How many connections are open. */
  get connected(): number {
    return this.#registry.size;
  }

  /** The middleware, in the order it runs. */
  get layers(): readonly Layer[] {
    return this.#middleware.list;
  }

  /** Each connection that was announced and is over. Hot; completes when the server is destroyed. */
  get disconnection$(): Observable<Spark<In, Out>> {
    return this.#serving.stream({ disconnection: (spark: Spark<In, Out>) => spark });
  }

  /** What nobody else could be told. Hot; completes when the server is destroyed. */
  get log$(): Observable<LogEntry> {
    return this.#serving.stream({ log: (level: string, ...values: unknown[]) => ({ level, values }) });
  }

  /** Emits once, when the server is destroyed; a late subscriber gets it at once. */
  get close$(): Observable<DestroyOptions> {
    return this.#serving.stream({ close: (options: DestroyOptions) => options }, () =>
      this.#serving.closed ? [this.#serving.closed] : [],
    );
  }

  /** Sends a message to every connection; it is encoded and framed once. False when it cannot be encoded. */
  write(data: Out): boolean {
    try {
      this.#registry.broadcast(data);
      return true;
    } catch (error) {
      this.#serving.log('error', error);
      return false;
    }
  }

  /** `(spark, id, connections)`, `false` stops; with `done`, `(spark, next)` one after the other, newcomers included. */
  forEach(step: (spark: Spark<In, Out>, id: string, connections: { [id: string]: Spark<In, Out> }) => unknown): this;
  forEach(step: (spark: Spark<In, Out>, next: (error?: unknown, go?: boolean) => void) => void, done: (error?: Error | null) => void): this;
  forEach(step: (spark: Spark<In, Out>, second: never, third: never) => unknown, done?: (error?: Error | null) => void): this {
    if (typeof step !== 'function') throw new PrimusError('ERR_PRIMUS_OPTION', `forEach needs a function, not ${describe(step)}`);
    if (done !== undefined) {
      forEachAsync(this.#registry.byId.values(), (spark, next) => step(spark, next as never, undefined as never), done);
      return this;
    }
    for (const spark of this.#registry.byId.values()) {
      if (step(spark, spark.id as never, this.connections as never) === false) break;
    }
    return this;
  }

  /** The spark of that id, while its connection is open. */
  spark(id: string): Spark<In, Out> | undefined {
    return this.#registry.byId.get(String(id)) as Spark<In, Out> | undefined;
  }

  /** Adds a message transformer: see `MessageTransformer`. */
  transform(direction: Direction, transformer: MessageTransformer): this {
    this.transformers.add(direction, transformer);
    return this;
  }

  /** Adds a plugin; or tells which one has that name, or all of them. */
  plugin(): Plugins;
  plugin(name: string): Plugin | undefined;
  plugin(name: string, plugin: Plugin): this;
  plugin(name?: string, plugin?: Plugin): this | Plugin | Plugins | undefined {
    if (name === undefined && plugin === undefined) return this.ark;
    if (plugin === undefined && typeof name === 'string') return this.ark[name];
    const added = this.#ark.add(name, plugin);
    added.server?.call(this, this, this.options);
    this.emit('plugin', name as string, added);
    return this;
  }

  /** Removes a plugin, for the clients to come; what its server function did stays. False when there is none. */
  plugout(name: string): boolean {
    const removed = this.#ark.remove(name);
    if (removed !== undefined) this.emit('plugout', name, removed);
    return removed !== undefined;
  }

  /** Adds a spark that was made by hand. @internal */
  adopt(spark: Spark): void {
    this.#serving.adopt(spark);
  }

  /** Adds middleware; see `Middleware`. A function of fewer than two parameters makes it, with this server as `this`. */
  use(name: string, fn: Middleware | MiddlewareFactory, options?: unknown, index?: number): this {
    this.#middleware.use(name, fn, options, index);
    return this;
  }

  /**
   * Asks `fn(request, done)` about every request that reaches the transformer. `done()` lets it pass; an error, which may have `statusCode`,
   * `authenticate` and `message`, refuses it: with 401 by default.
   */
  authorize(fn: Authorize): this {
    this.auth = checkAuthorize(fn);
    return this;
  }

  /** Removes a layer of middleware. */
  remove(name: string): this {
    this.#middleware.remove(name);
    return this;
  }

  /** Has a layer that was disabled run again. */
  enable(name: string): this {
    this.#middleware.toggle(name, true);
    return this;
  }

  /** Skips a layer of middleware. */
  disable(name: string): this {
    this.#middleware.toggle(name, false);
    return this;
  }

  /** Where a layer stands in `layers`; -1 when there is none. */
  indexOfLayer(name: string): number {
    return this.#middleware.indexOf(name);
  }

  /**
   * The client library as source, for the options and plugins of the moment.
   *
   * @example
   * const source = primus.library({ minify: true });
   *
   * @throws ERR_PRIMUS_TRANSFORMER when the transformer has no client for pages
   */
  library(options?: LibraryOptions): string {
    return this.#library(options);
  }

  /** Writes the library to a file. Calls back when it is written; without a callback it is written when this returns. */
  save(path: string, done?: (error: Error | null) => void): void;
  save(path: string, options: LibraryOptions, done?: (error: Error | null) => void): void;
  save(path: string, options?: LibraryOptions | ((error: Error | null) => void), done?: (error: Error | null) => void): void {
    if (typeof options === 'function') return save(path, this.library(), options);
    save(path, this.library(options), done);
  }

  /** What a client of this server is configured with. @internal */
  get configuration(): Configuration {
    return configurationOf(this);
  }

  /** Ends all connections and gives the path back. May be called again: it calls back when all is done. */
  destroy(options?: DestroyOptions | (() => void), done?: () => void): this {
    if (typeof options === 'function') return this.destroy({}, options);
    void this.#serving.shutDown(options ?? {}).then(done);
    return this;
  }

  /** The same as `destroy`. */
  end(options?: DestroyOptions | (() => void), done?: () => void): this {
    return this.destroy(options, done);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#serving.shutDown({});
  }

  /** Whether an event name is the library's own. */
  declare reserved: typeof reserved;

  /** An id for a new spark. @internal */
  generateId(): string {
    return this.options.idGenerator?.() ?? nanoid();
  }

  /** A listener's promise was rejected. */
  [Symbol.for('nodejs.rejection')](error: unknown, event: string, subject: unknown): void {
    if (event === 'connection' && subject instanceof Spark) subject.connection.reportListenerError(error);
    // A log listener that rejects cannot be reported to the log: the next entry would be its next rejection.
    else if (event !== 'log') this.#serving.warn(error);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface Server<In = any, Out = any> extends TypedEmitter<PrimusEvents<In, Out>> {}

Server.prototype.reserved = reserved;
