import type { ClientOptions } from '../client/options.js';
import { node } from '../client/platform/node.js';
import type { Platform } from '../client/platform/platform.js';
import { type Primus as Client, configure } from '../client/primus.js';
import { builtins } from './builtins.js';
import { withPlugins } from './compat/node.js';
import { type LegacyServer, legacyServer } from './compat/server.js';
import { extend } from './compat/transformer.js';
import { assume, type ClientConfiguration } from './core/configuration.js';
import { PrimusError } from './core/errors.js';
import { findTransformer } from './core/find-transformer.js';
import { SERVER_DEFAULTS } from './core/options.js';
import { findParser, type Parser } from './core/parser.js';
import type { Plugins } from './core/plugin.js';
import type { ClientTransformer, Transformer } from './core/transformer.js';
import { type CreateServerOptions, createHttpServer } from './server/http/create-server.js';
import type { HttpServer } from './server/http/host.js';
import type { ServerOptions } from './server/options.js';
import { Ark, pluginsOf } from './server/plugins.js';
import { Server } from './server/primus.js';
import { Spark } from './server/spark.js';

export type { Credentials, PerAttempt } from '../client/credentials.js';
export type { ClientEvents } from '../client/events.js';
export type { ClientOptions } from '../client/options.js';
export type { ClientState, ReconnectAttempt, ReconnectEvent } from '../client/state.js';
export { type ErrorCode, LinkError, PrimusError } from './core/errors.js';
export type { Frame, Link } from './core/link.js';
export type { Direction, MessageTransformer, Packet } from './core/message-transformers.js';
export type { Parser } from './core/parser.js';
export type { Plugin, Plugins } from './core/plugin.js';
export type { Arrival, ClientTransformer, ServerTransformer, Transformer } from './core/transformer.js';
export type { LogEntry, PrimusEvents } from './server/events.js';
export type { Certificate, CreateServerOptions } from './server/http/create-server.js';
export type { Host, HttpServer } from './server/http/host.js';
export type { LibraryOptions } from './server/library.js';
export type { Middleware } from './server/middleware/layers.js';
export type { ServerOptions } from './server/options.js';
export type { DestroyOptions } from './server/shutdown.js';
export type { Address, SparkEvents, SparkState } from './server/spark.js';

/** What `Primus.createSocket` takes: what the server was made with, as far as a client must know it. */
export interface CreateSocketOptions extends Omit<ClientOptions, 'plugin'> {
  /** What carries the messages, as the server has it. Default `websockets`. */
  transformer?: string | Transformer;
  /** How messages are encoded, as the server has it. Default `json`. */
  parser?: string | Parser;
  /** Plugins by their names, or the names of packages; their client functions run from source. */
  plugin?: string | Plugins;
  /** The path the server owns. Default `/primus`. */
  pathname?: string;
  /** Largest message that is accepted, in bytes. Default 10,485,760. */
  maxLength?: number;
  /** Whether messages may be compressed. Default false. */
  compression?: boolean;
}

/**
 * Primus: a server with everything this package ships.
 *
 * @typeParam In what clients send
 * @typeParam Out what the server sends
 */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
class PrimusServer<In = any, Out = any> extends Server<In, Out> {
  /** The class that the sparks of all servers derive from. */
  static readonly Spark = Spark;
  /** The class of all errors of this library. */
  static readonly PrimusError = PrimusError;
  /** For third-party transformers: `Primus.Transformer.extend({ server, client, library })`. */
  static readonly Transformer = { extend };

  constructor(server: HttpServer, options: ServerOptions = {}) {
    super(server, options, builtins);
  }

  /** The class of clients that fit this server, for use in this process. */
  get Socket(): typeof Client<Out, In> {
    return socketClass(this.transformer, this.parser, this.configuration, this.ark) as typeof Client<Out, In>;
  }

  /** A class of clients for a server in another process. */
  static createSocket(options: CreateSocketOptions = {}): typeof Client {
    const {
      transformer = SERVER_DEFAULTS.transformer,
      parser = SERVER_DEFAULTS.parser,
      pathname,
      maxLength,
      compression,
      plugin,
      ...rest
    } = options;
    const ark = new Ark();
    for (const [name, given] of Object.entries(pluginsOf(plugin))) ark.add(name, given);
    const configuration: Partial<ClientConfiguration> = {
      options: { pingTimeout: false, ...ofClients(rest) } as ClientConfiguration['options'],
    };
    if (pathname !== undefined) configuration.pathname = pathname;
    if (maxLength !== undefined) configuration.maxLength = maxLength;
    if (compression !== undefined) configuration.compression = compression;
    return socketClass(
      findTransformer(transformer, builtins.transformers),
      findParser(parser, builtins.parsers),
      configuration,
      ark.plugins,
    );
  }

  /** A server that listens, by HTTP or with a certificate by HTTPS and, if asked for, HTTP/2, with a Primus on it. */
  static createServer(options: CreateServerOptions): PrimusServer;
  static createServer(connection?: (spark: Spark) => void, options?: CreateServerOptions): PrimusServer;
  static createServer(first?: ((spark: Spark) => void) | CreateServerOptions, second: CreateServerOptions = {}): PrimusServer {
    const [connection, options] = typeof first === 'function' ? [first, second] : [undefined, first ?? second];
    const server = createHttpServer(options);
    const primus = new PrimusServer(server, options);
    if (connection) primus.on('connection', connection);
    server.listen(options.port ?? 0, options.host ?? options.hostname);
    return primus;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
interface PrimusServer<In = any, Out = any> extends LegacyServer {}

/** The server, which may also be called without `new`. */
export const Primus: typeof PrimusServer & ((server: HttpServer, options?: ServerOptions) => PrimusServer) = legacyServer(
  PrimusServer,
) as never;
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export type Primus<In = any, Out = any> = PrimusServer<In, Out>;

/** One object of options may serve both ends, and two of the server's have the names of a client's. */
function ofClients(options: object): object {
  const servers: { [option: string]: (value: unknown) => boolean } = {
    credentials: (value) => typeof value === 'boolean' || value === 'any-origin',
    headers: (value) => value === false || typeof value === 'string' || Array.isArray(value),
  };
  return Object.fromEntries(Object.entries(options).filter(([option, value]) => servers[option]?.(value) !== true));
}

function socketClass(transformer: Transformer, parser: Parser, configuration: Partial<ClientConfiguration>, ark: Plugins): typeof Client {
  transformer.client.load?.();
  const Class = configure(
    { transformer: transformer.client as ClientTransformer<Platform>, parser, platform: node },
    assume(configuration),
  );
  return withPlugins(Class, transformer.plugin === undefined ? ark : { [transformer.name]: transformer.plugin, ...ark });
}

export { Primus as default, Primus as 'module.exports', Spark };
