import type { SchedulerLike } from 'rxjs';
import { normalizePathname } from '../core/configuration.js';
import {
  boolean,
  callable,
  check,
  type Duration,
  invalid,
  type Kind,
  milliseconds,
  object,
  pathname,
  SERVER_DEFAULTS,
  scheduler,
  size,
  string,
  withDefaults,
} from '../core/options.js';
import type { Parser } from '../core/parser.js';
import type { PluginPackages } from '../core/plugin.js';
import type { Transformer } from '../core/transformer.js';
import type { Authorize } from './middleware/authorization.js';
import { CORS_DEFAULTS, CORS_TABLE, type CorsOptions } from './middleware/cors.js';
import type { TrustProxy } from './middleware/proxies.js';
import { type ResumeOptions, requireIdentity, resumeOptions } from './sessions/options.js';

/**
 * The options of `new Primus(server, options)`. Times are in ms, or strings such as `'2 s'`; sizes are in bytes. Options that are not
 * listed here are kept in `primus.options` for plugins.
 *
 * @example
 * const primus = new Primus(server, { pathname: '/live', transformer: 'websockets', parser: 'json', pingInterval: '30 s' });
 */
export interface ServerOptions extends CorsOptions {
  /**
   * The path of the server. Requests on it, and below it, belong to Primus.
   *
   * @defaultValue `'/primus'`
   */
  pathname?: string;
  /**
   * The encoding of messages: a name, or a parser.
   *
   * @defaultValue `'json'`
   */
  parser?: string | Parser;
  /**
   * The real-time framework: a name, or a transformer.
   *
   * @defaultValue `'websockets'`
   */
  transformer?: string | Transformer;
  /**
   * The time between two pings of a connection; `false` or 0 sends none.
   *
   * @defaultValue `30_000`
   */
  pingInterval?: Duration | false;
  /**
   * The name of the client's class in a served library.
   *
   * @defaultValue `'Primus'`
   */
  global?: string;
  /**
   * Whether the served client library is minified.
   *
   * @defaultValue `false`
   */
  minify?: boolean;
  /**
   * Whether to compress messages (permessage-deflate) and the answers to polls.
   *
   * @defaultValue `false`
   */
  compression?: boolean;
  /**
   * The longest message that the server accepts, in bytes.
   *
   * @defaultValue `10_485_760`
   */
  maxLength?: number;
  /**
   * The limit of nested lists and objects in a message that a client sends. A message that exceeds it is dropped with an `error` event.
   * `msgpack` and `binary` decode at most 1,000.
   *
   * @defaultValue `1_000`
   */
  maxDepth?: number;
  /**
   * The limit of keys and values in a message that a client sends, in all of its lists and objects together. A message that exceeds it is
   * dropped with an `error` event. It bounds the time that one message takes to decode; `Infinity` sets no limit.
   *
   * @defaultValue `100_000`
   */
  maxValues?: number;
  /**
   * The limit of bytes that are buffered for one slow consumer, beside the messages that were written in one turn of the event loop, which
   * may be sixteen times as many. A connection that exceeds it is terminated; `Infinity` sets no limit.
   *
   * @defaultValue `1_048_576`
   */
  maxBuffer?: number;
  /**
   * The limit of bytes that wait in the server, in both directions and for all connections. One address may take a sixteenth of it.
   * Over the limit, the connection with the most is terminated; `Infinity` sets no limit.
   *
   * @defaultValue `268_435_456`
   */
  maxMemory?: number;
  /**
   * The limit of messages that one connection may send in a second. Twice as many in a row close it with 1008; `Infinity` sets no limit.
   *
   * @defaultValue `Infinity`
   */
  maxMessageRate?: number;
  /**
   * The plugins, or their packages, by name; or the names of packages, separated by commas or spaces.
   *
   * @defaultValue none
   */
  plugin?: string | PluginPackages | false;
  /**
   * Options of the framework itself.
   *
   * @defaultValue `{}`
   */
  transport?: object;
  /**
   * Creates the id of a spark: a string that no other connection has.
   *
   * @defaultValue ids of nanoid
   */
  idGenerator?: () => string;
  /**
   * The function that authorizes requests: see `authorize`.
   *
   * @defaultValue none: every request is accepted
   */
  authorization?: Authorize | null | false;
  /**
   * The time-out of `authorization`, after which a request is rejected with 503; `false` sets none.
   *
   * @defaultValue `8_000`
   */
  authorizationTimeout?: Duration | false;
  /**
   * The time-out of asynchronous `connection` listeners, after which the connection ends, and the client may try again; `false` sets none.
   *
   * @defaultValue `30_000`
   */
  connectionTimeout?: Duration | false;
  /**
   * The time-out of handshakes: from the request until the connection exists, without the time for `authorization`. After it a request is
   * rejected with 503, and an upgrade on another path that got no answer is terminated; `false` sets none.
   *
   * @defaultValue `8_000`
   */
  handshakeTimeout?: Duration | false;
  /**
   * The time without a message from the client, other than answers to pings, after which a connection ends, and the client may connect
   * again; `false` sets none.
   *
   * @defaultValue `false`
   */
  idleTimeout?: Duration | false;
  /**
   * The limit of connections, those that are being established included. A further one is rejected with 503; `Infinity` sets no limit.
   *
   * @defaultValue `Infinity`
   */
  maxConnections?: number;
  /**
   * The limit of connections from one client address, as `trustProxy` finds it; a /64 network of IPv6 counts as one address.
   *
   * @defaultValue `Infinity`
   */
  maxConnectionsPerAddress?: number;
  /**
   * The limit of connections from one client address that are made of many requests, and have no WebSocket.
   *
   * @defaultValue `1_000`
   */
  maxSessionsPerAddress?: number;
  /**
   * Whether clients resume their sessions after a lost connection, with nothing lost in either direction: `true`, or the settings. See
   * [Sessions](../server.md#sessions).
   *
   * @defaultValue `false`
   */
  resume?: boolean | ResumeOptions;
  /**
   * Whether to report the status of a rejected WebSocket by a close code, as pages cannot see it: 4401 is 401.
   *
   * @defaultValue `false`
   */
  refuseWithClose?: boolean;
  /**
   * The proxies whose forwarded headers are trusted for `spark.address`: those on the same machine or private network by default;
   * `false` trusts none.
   *
   * @defaultValue `'loopback, linklocal, uniquelocal'`
   */
  trustProxy?: TrustProxy;
  /**
   * The older name of `trustProxy`, for a list.
   *
   * @defaultValue none
   */
  whitelist?: readonly string[];
  /**
   * Silences the warning that Node's cluster breaks connections that are made of many requests.
   *
   * @defaultValue `false`
   */
  iknowclusterwillbreakconnections?: boolean;
  /**
   * The clock of heartbeats and time-outs.
   *
   * @defaultValue `asyncScheduler` of RxJS
   */
  scheduler?: SchedulerLike;
  [option: string]: unknown;
}

/** The defaults of a server. */
export const DEFAULTS = {
  ...SERVER_DEFAULTS,
  ...CORS_DEFAULTS,
  authorizationTimeout: 8_000 as Duration | false,
  connectionTimeout: 30_000 as Duration | false,
  maxMemory: 268_435_456,
  maxMessageRate: Infinity,
  handshakeTimeout: 8_000 as Duration | false,
  idleTimeout: false as Duration | false,
  maxConnections: Infinity,
  maxConnectionsPerAddress: Infinity,
  maxSessionsPerAddress: 1_000,
  resume: false as boolean | ResumeOptions,
  refuseWithClose: false,
  minify: false,
  iknowclusterwillbreakconnections: false,
};

const TABLE: Record<string, Kind> = {
  ...CORS_TABLE,
  authorization: callable,
  refuseWithClose: boolean,
  minify: boolean,
  iknowclusterwillbreakconnections: boolean,
  pathname,
  global: string,
  compression: boolean,
  maxLength: size,
  maxBuffer: size,
  maxMemory: size,
  maxMessageRate: size,
  maxConnections: size,
  maxConnectionsPerAddress: size,
  maxSessionsPerAddress: size,
  maxDepth: size,
  maxValues: size,
  transport: object,
  idGenerator: callable,
  scheduler,
};

/** The options that are a time, or `false` for none. */
const DURATIONS = ['pingInterval', 'connectionTimeout', 'handshakeTimeout', 'idleTimeout'] as const;

/** The options for which `false` means the default. */
const UNSET_BY_FALSE = ['authorization', 'plugin', 'transformer', 'parser', 'maxLength', 'transport', 'global', 'idGenerator'] as const;

/**
 * Checks the options of a server and adds the defaults. The pathname begins with one slash and ends with none.
 *
 * @throws ERR_PRIMUS_OPTION when an option has the wrong type or value
 */
export function serverOptions(given: ServerOptions) {
  // Without this check `new Primus(server, 'websockets')` would silently use the defaults.
  if (given === null || !object[1](given)) throw invalid('options', object[0], given);
  // Often the outcome of a condition, such as `authorization: isPublic ? false : authorize`.
  given = { ...given };
  for (const option of UNSET_BY_FALSE) if (given[option] === false) delete given[option];
  check(given, TABLE);
  const options = withDefaults(DEFAULTS, given);
  for (const option of DURATIONS) if (options[option] !== false) milliseconds(options[option], option);
  const resume = resumeOptions(options.resume);
  if (options.authorization) requireIdentity(resume);
  options.pathname = normalizePathname(options.pathname);
  return options;
}

/** The options of a server, checked and with defaults. */
export type ParsedServerOptions = ReturnType<typeof serverOptions>;
