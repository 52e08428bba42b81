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
  size,
  text,
  withDefaults,
} from '../core/options.js';
import type { Parser } from '../core/parser.js';
import type { Plugins } from '../core/plugin.js';
import type { Transformer } from '../core/transformer.js';
import type { Authorize } from './middleware/authorization.js';
import { CORS_DEFAULTS, CORS_TABLE, type CorsOptions } from './middleware/cors.js';
import type { TrustProxy } from './middleware/proxies.js';

/** What `new Primus(server, options)` takes. Times in ms, or as a text. Unknown options are kept for plugins. */
export interface ServerOptions extends CorsOptions {
  /** The path the server owns. Default `/primus`. */
  pathname?: string;
  /** How messages are encoded: a name, or a parser. Default `json`. */
  parser?: string | Parser;
  /** What carries the messages: a name, or a transformer. Default `websockets`. */
  transformer?: string | Transformer;
  /** How often each client is asked whether it is alive; `false` never asks. Default 30 s. */
  pingInterval?: Duration | false;
  /** Name of the client's class in a served library. Default `Primus`. */
  global?: string;
  /** Whether the served client library is minified. Default false. */
  minify?: boolean;
  /** Whether messages (permessage-deflate) and the answers to polls are compressed. Default false. */
  compression?: boolean;
  /** Largest message that is accepted, in bytes. Default 10,485,760. */
  maxLength?: number;
  /** How many bytes may wait to be read by one peer before its line is cut. Default 16,777,216. */
  maxBuffer?: number;
  /** Plugins by their names, or the names of packages. */
  plugin?: string | Plugins;
  /** Options for the framework itself. */
  transport?: object;
  /** Makes the id of a spark: a text that no other connection has. Default nanoid. */
  idGenerator?: () => string;
  /** Says who may come in: see `authorize`. */
  authorization?: Authorize | null;
  /** How long that may take before the request is refused with 503; `false` waits without end. Default 8 s. */
  authorizationTimeout?: Duration | false;
  /** Whether a client that cannot see the status of a refused WebSocket is told by a close code: 4401 is 401. Default false. */
  refuseWithClose?: boolean;
  /** Proxies whose word on where a request comes from is taken: `spark.address`. Default nobody. */
  trustProxy?: TrustProxy;
  /** The older name of `trustProxy`, for a list. */
  whitelist?: readonly string[];
  /** Silences the notice that a cluster tears connections apart that are made of many requests. Default false. */
  iknowclusterwillbreakconnections?: boolean;
  /** The clock of heartbeats and timeouts. Default the system's. */
  scheduler?: SchedulerLike;
  [option: string]: unknown;
}

const DEFAULTS = {
  ...SERVER_DEFAULTS,
  ...CORS_DEFAULTS,
  authorizationTimeout: 8_000 as Duration | false,
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
  global: text,
  compression: boolean,
  maxLength: size,
  maxBuffer: size,
  transport: object,
  idGenerator: callable,
};

/** Checks the options and puts the defaults under them. The pathname begins with one slash and ends with none. */
export function serverOptions(given: ServerOptions) {
  // `new Primus(server, 'websockets')`: a text has no options, and would say nothing.
  if (given === null || !object[1](given)) throw invalid('options', object[0], given);
  check(given, TABLE);
  const options = withDefaults(DEFAULTS, given);
  const { pingInterval } = options;
  if (pingInterval !== false && milliseconds(pingInterval, 'pingInterval') === 0)
    throw invalid('pingInterval', 'a time above 0, or false', pingInterval);
  options.pathname = normalizePathname(options.pathname);
  return options;
}
