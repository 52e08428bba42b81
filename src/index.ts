import type { ClientOptions } from '../client/options.js';
import { node } from '../client/platform/node.js';
import { explainingOtherTransformer } from '../client/platform/other-transformer.js';
import type { Platform } from '../client/platform/platform.js';
import { configure } from '../client/primus.js';
import { resumable } from '../client/resume.js';
import { builtins } from './builtins.js';
import { withPlugins } from './compat/node.js';
import { type LegacyServer, legacyServer } from './compat/server.js';
import { legacySparks } from './compat/spark.js';
import { extend } from './compat/transformer.js';
import type * as types from './compat/types.js';
import { assume, type ClientConfiguration } from './core/configuration.js';
import { PrimusError } from './core/errors.js';
import { findTransformer } from './core/find-transformer.js';
import { boolean, check, pathname, SERVER_DEFAULTS, size, withDefaults } from './core/options.js';
import { findParser, type Parser } from './core/parser.js';
import type { PluginPackages, Plugins } from './core/plugin.js';
import type { RETYPED, Retypable } from './core/retyped.js';
import type { ClientTransformer, Transformer } from './core/transformer.js';
import { type NodeClientClass, type NodeClientClassOf, withStreams } from './node-client.js';
import { AUTHORIZED_STRATEGY } from './server/configuration.js';
import { type CreateServerOptions, createHttpServer, SERVER_EVENTS } from './server/http/create-server.js';
import type { HttpServer } from './server/http/host.js';
import type { ServerOptions } from './server/options.js';
import { Ark, pluginsOf } from './server/plugins.js';
import { Server } from './server/primus.js';
import { Spark } from './server/spark.js';

export type { Credentials, PerAttempt } from '../client/credentials.js';
export type { ClientEvents } from '../client/events.js';
export type { ClientOptions } from '../client/options.js';
export type { Resume } from '../client/resume.js';
export type { ClientState, ReconnectAttempt, ReconnectEvent } from '../client/state.js';
export type { ReconnectEventOpts, ReconnectOpts, Socket, SocketOptions } from './compat/types.js';
export { type ErrorCode, LinkError, PrimusError } from './core/errors.js';
export type { Frame, Link } from './core/link.js';
export type { Direction, MessageTransformer, Packet } from './core/message-transformers.js';
export type { Parser } from './core/parser.js';
export type { Plugin, PluginPackages, Plugins } from './core/plugin.js';
export type { Fresh, Gap, GapReason, Resumed } from './core/session-words.js';
export type { Arrival, ClientTransformer, ServerTransformer, Transformer } from './core/transformer.js';
export type { DrainOptions, DrainProgress } from './server/drain.js';
export type { LogEntry, PrimusEvents } from './server/events.js';
export type { Certificate, CreateServerOptions } from './server/http/create-server.js';
export type { Host, HttpServer } from './server/http/host.js';
export type { LibraryOptions } from './server/library.js';
export type { Middleware } from './server/middleware/layers.js';
export type { ServerOptions } from './server/options.js';
export type { ResumeOptions } from './server/sessions/options.js';
export type { DestroyOptions } from './server/shutdown.js';
export type { Address, SparkEvents, SparkState } from './server/spark.js';

/** The options of `Primus.createSocket`: those of a client, and those that client and server must have in common. */
export interface CreateSocketOptions extends Omit<ClientOptions, 'plugin'> {
  /**
   * The transformer of the server: a name, or a transformer.
   *
   * @defaultValue `'websockets'`
   */
  transformer?: string | Transformer;
  /**
   * The parser of the server: a name, or a parser.
   *
   * @defaultValue `'json'`
   */
  parser?: string | Parser;
  /**
   * The plugins, or their packages, by name; or the names of packages, separated by commas or spaces. Their client functions run from source.
   *
   * @defaultValue none
   */
  plugin?: string | PluginPackages | false;
  /**
   * The path of the server.
   *
   * @defaultValue `'/primus'`
   */
  pathname?: string;
  /**
   * The longest message that the server accepts, in bytes.
   *
   * @defaultValue `10_485_760`
   */
  maxLength?: number;
  /**
   * Whether messages may be compressed.
   *
   * @defaultValue `false`
   */
  compression?: boolean;
  /**
   * Whether the server authorizes requests: then the strategy `timeout` is not a default, as a refused client must not try again and again.
   * The server's own option may be passed.
   *
   * @defaultValue `false`
   */
  authorization?: unknown;
}

/** The options of a class of clients that are not options of each client. */
const CLASS_TABLE = { pathname, maxLength: size, compression: boolean };

/** The server with all transformers and parsers of this package. */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
class PrimusServer<In = any, Out = any, Data = any> extends Server<In, Out, Data> {
  /** Lets types name this class with other messages. @internal */
  declare readonly [RETYPED]?: PrimusOf<Data>;
  /**
   * The class that the sparks of all servers derive from.
   *
   * @example
   * spark instanceof Primus.Spark; // true
   */
  static readonly Spark: typeof Spark = legacySparks(Spark);
  /**
   * The class of all errors of this library.
   *
   * @example
   * spark.on('error', (error) => {
   *   if (error instanceof Primus.PrimusError) console.error(error.code);
   * });
   */
  static readonly PrimusError = PrimusError;
  /**
   * The factory of third-party transformers.
   *
   * @throws ERR_PRIMUS_TRANSFORMER when `server` or `client` is not a function
   *
   * @example
   * import { WebSocketServer } from 'ws';
   *
   * const transformer = Primus.Transformer.extend({
   *   server() {
   *     this.service = new WebSocketServer({ noServer: true });
   *   },
   *   client() {},
   * });
   */
  static readonly Transformer = { extend };

  /**
   * @throws ERR_PRIMUS_SERVER when the first argument is not an HTTP server
   * @throws ERR_PRIMUS_OPTION when an option has the wrong type or value
   * @throws ERR_PRIMUS_TRANSFORMER when there is no transformer of that name, or the object is not a transformer
   * @throws ERR_PRIMUS_PARSER when there is no parser of that name, or the object is not a parser
   * @throws ERR_PRIMUS_MISSING when the package that the transformer or the parser needs is not installed
   * @throws ERR_PRIMUS_PLUGIN when a plugin is invalid or cannot be loaded
   */
  constructor(server: HttpServer, options?: ServerOptions | null) {
    super(server, options || {}, builtins);
  }

  /**
   * The class of clients for this server, for use in Node.js: it has the server's transformer, parser, path and plugins.
   *
   * @throws ERR_PRIMUS_MISSING when the package that the client of the transformer needs is not installed
   *
   * @example
   * const client = new primus.Socket('http://localhost:8080');
   */
  get Socket(): NodeClientClassOf<Out, In> {
    return socketClass(this.transformer, this.parser, this.configuration, this.ark) as NodeClientClassOf<Out, In>;
  }

  /**
   * Creates a class of clients for a server in another process.
   *
   * @throws ERR_PRIMUS_OPTION when the options are no object, or one has the wrong type or value
   * @throws ERR_PRIMUS_TRANSFORMER when there is no transformer of that name, or the object is not a transformer
   * @throws ERR_PRIMUS_PARSER when there is no parser of that name, or the object is not a parser
   * @throws ERR_PRIMUS_MISSING when the package that the transformer or the parser needs is not installed
   * @throws ERR_PRIMUS_PLUGIN when a plugin is invalid or cannot be loaded
   *
   * @example
   * const Socket = Primus.createSocket({ transformer: 'engine.io', parser: 'json' });
   * const client = new Socket('http://localhost:8080');
   */
  static createSocket(options?: CreateSocketOptions | null): NodeClientClass {
    node.inspect?.(options);
    check(options ?? {}, CLASS_TABLE);
    const { transformer, parser, pathname, maxLength, compression, plugin, authorization, ...rest } = options ?? {};
    const ofServer: ClientConfiguration['options'] = { pingTimeout: false, ...(authorization ? { strategy: AUTHORIZED_STRATEGY } : {}) };
    const ark = new Ark();
    for (const [name, given] of pluginsOf(plugin)) ark.add(name, given);
    const configuration: Partial<ClientConfiguration> = {
      version: builtins.version,
      options: withDefaults(ofServer, ofClients(rest)),
    };
    if (pathname != null) configuration.pathname = pathname;
    if (maxLength != null) configuration.maxLength = maxLength;
    if (compression != null) configuration.compression = compression;
    return socketClass(
      findTransformer(transformer || SERVER_DEFAULTS.transformer, builtins.transformers),
      findParser(parser || SERVER_DEFAULTS.parser, builtins.parsers),
      configuration,
      ark.plugins,
    );
  }

  /**
   * Creates an HTTP server that listens, with a Primus server attached. With a certificate it is an HTTPS server; with `http2` it serves
   * HTTP/2 as well.
   *
   * @throws ERR_PRIMUS_OPTION when an option has the wrong type or value, or the certificate cannot be used
   *
   * @example
   * const primus = Primus.createServer((spark) => spark.write('hello'), { port: 8080, iknowhttpsisbetter: true });
   */
  static createServer(options: CreateServerOptions): PrimusServer;
  static createServer(connection?: (spark: Spark) => void, options?: CreateServerOptions): PrimusServer;
  static createServer(first?: ((spark: Spark) => void) | CreateServerOptions | null, second?: CreateServerOptions | null): PrimusServer {
    const [connection, options] = typeof first === 'function' ? [first, second ?? {}] : [undefined, first || second || {}];
    const server = createHttpServer(options);
    for (const event of SERVER_EVENTS) if (typeof options[event] === 'function') server.on(event, options[event] as () => void);
    const primus = new PrimusServer(server, options);
    if (connection) primus.on('connection', connection);
    server.listen(Number(options.port ?? 0), options.host ?? options.hostname);
    return primus;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
interface PrimusServer<In = any, Out = any, Data = any> extends LegacyServer {}

/** A server with other messages. */
interface PrimusOf<Data> extends Retypable {
  readonly Type: PrimusServer<this['In'], this['Out'], Data>;
}

/**
 * The server. It attaches to an HTTP server, owns one path of it, and creates a `Spark` for every connection on that path. It has
 * all transformers and parsers of this package, and may also be called without `new`.
 *
 * Its events have one order, as those of sparks and clients: what a listener causes takes effect at once, and its events are emitted
 * behind the present one.
 *
 * @example
 * import { createServer } from 'node:http';
 * import Primus from 'primus-rx';
 *
 * const server = createServer();
 * const primus = new Primus(server, { transformer: 'websockets' });
 * primus.on('connection', (spark) => {
 *   spark.on('data', (message) => spark.write(message));
 * });
 * server.listen(8080, () => {
 *   console.log(`primus-rx ${primus.version} on ${primus.pathname}: ${primus.connected} connections`);
 *   console.log(primus.transformer.name, primus.parser.name, primus.options.pingInterval);
 * });
 *
 * @typeParam In the type of the messages that clients send
 * @typeParam Out the type of the messages that the server sends
 * @typeParam Data what authorization finds: `spark.data`
 */
export const Primus: typeof PrimusServer & ((server: HttpServer, options?: ServerOptions) => PrimusServer) = legacyServer(
  PrimusServer,
  builtins,
) as never;
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export type Primus<In = any, Out = any, Data = any> = PrimusServer<In, Out, Data>;

/** Types as members of the class: code that was written for `@types/primus` names them so. */
export declare namespace Primus {
  // biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
  type Spark<In = any, Out = any, Data = any> = types.Spark<In, Out, Data>;
  // biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
  type Socket<In = any, Out = any> = types.Socket<In, Out>;
  type SocketOptions = types.SocketOptions;
  type ReconnectOpts = types.ReconnectOpts;
  type ReconnectEventOpts = types.ReconnectEventOpts;
}

/**
 * Returns the options that are those of a client. One object of options may serve client and server, and two options of the server have
 * the name of a client option.
 */
function ofClients(options: object): object {
  const servers: { [option: string]: (value: unknown) => boolean } = {
    credentials: (value) => typeof value === 'boolean' || value === 'any-origin',
    headers: (value) => value === false || typeof value === 'string' || Array.isArray(value),
  };
  return Object.fromEntries(Object.entries(options).filter(([option, value]) => servers[option]?.(value) !== true));
}

function socketClass(transformer: Transformer, parser: Parser, configuration: Partial<ClientConfiguration>, ark: Plugins): NodeClientClass {
  transformer.client.load?.();
  const Class = configure(
    {
      transformer: explainingOtherTransformer(transformer.client as ClientTransformer<Platform>, transformer.name),
      parser,
      platform: node,
      session: resumable,
    },
    assume(configuration),
  );
  return withPlugins(
    withStreams(Class),
    transformer.plugin === undefined ? ark : { [transformer.name]: transformer.plugin, ...ark },
  ) as unknown as NodeClientClass;
}

export { Primus as default, Spark };
