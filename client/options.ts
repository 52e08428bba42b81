import type { SchedulerLike } from 'rxjs';
import { exponentialOn } from '../operators/exponential.js';
import type { Policy } from '../operators/policy.js';
import {
  boolean,
  CLIENT_DEFAULTS,
  check,
  count,
  type Duration,
  invalid,
  type Kind,
  milliseconds,
  object,
  pathname,
  RECONNECT_DEFAULTS,
  type ReconnectSettings,
  size,
  withDefaults,
} from '../src/core/options.js';
import type { Parser } from '../src/core/parser.js';
import type { PluginPackages } from '../src/core/plugin.js';
import type { ClientTransformer } from '../src/core/transformer.js';
import type { PerAttempt } from './credentials.js';
import type { Platform } from './platform/platform.js';
import type { CreateClientSession } from './resume.js';

/** A reason to reconnect: a connection was lost, the network is back, or the first connection failed. */
export type Strategy = 'disconnect' | 'online' | 'timeout';

/** The options of `ready`. */
export interface ReadyOptions {
  /** Stops waiting when it is aborted. @defaultValue none */
  signal?: AbortSignal;
}

/**
 * The options of `new Primus(url, options)`. Times are in ms, or strings such as `'30 s'`. Unknown options are kept for plugins.
 *
 * @example
 * ```ts
 * import { Primus } from 'primus-rx/client';
 *
 * const primus = new Primus('https://example.com', { timeout: '5 s', reconnect: { max: '30 s' }, queueSize: 1000 });
 * ```
 */
export interface ClientOptions {
  /** The back-off of reconnection attempts: settings, or a policy, such as those of `primus-rx/operators`. @defaultValue `{ min: 500, max: Infinity, factor: 2, retries: 10 }` */
  reconnect?: ReconnectSettings | Policy;
  /** The name of `reconnect` in older versions of the documentation. @defaultValue `{}` */
  backoff?: { minDelay?: Duration; maxDelay?: Duration; retries?: number; factor?: number };
  /** The address of the server, instead of the first argument. @defaultValue that of the page, in Node.js `'http://127.0.0.1'` */
  url?: string | URL;
  /** The older name of `url`. @defaultValue that of `url` */
  uri?: string | URL;
  /** The time-out of the first connection; `false` or 0 sets none. @defaultValue `10_000` */
  timeout?: Duration | false;
  /** The longest silence of the server before the connection counts as dead; `false` or 0 sets no limit. @defaultValue that of the server, else `45_000` */
  pingTimeout?: Duration | false;
  /** The reasons to reconnect, as a string or a list; `false` is none, an empty list is the default. @defaultValue `'disconnect,online,timeout'`, without `timeout` when the server has authorization */
  strategy?: string | readonly (Strategy | string)[] | false;
  /** The path of the server. @defaultValue the path in the address, else that of the class; `'/primus'` for an imported one */
  pathname?: string;
  /** Whether to wait for `open()` instead of connecting at once. @defaultValue `false` */
  manual?: boolean;
  /** Whether to follow the platform's online and offline events. @defaultValue `true` where the platform has them */
  network?: boolean;
  /** Whether a framework that can do without WebSockets may use them. @defaultValue `true` */
  websockets?: boolean;
  /** Plugins by name, in Node.js also the names of packages. Their client functions are called for this client. @defaultValue `{}` */
  plugin?: string | PluginPackages | false;
  /** The longest message that the client accepts, in bytes; it ends the connection when the server sends a longer one. @defaultValue `104_857_600` */
  maxLength?: number;
  /** Options of the framework itself. @defaultValue `{}` */
  transport?: object;
  /** The clock of back-off, heartbeats and time-outs, for tests in virtual time. @defaultValue the clock of the system */
  scheduler?: SchedulerLike;
  /**
   * Credentials for `spark.query`, added to the query string of every attempt. A function is called for each attempt, and may take as long
   * as the attempt. When it fails, the attempt fails with `ERR_PRIMUS_CREDENTIALS`. @defaultValue none
   */
  credentials?: PerAttempt;
  /** The same as headers of the request. Pages cannot send any, nor can SockJS and BrowserChannel. @defaultValue none */
  headers?: PerAttempt;
  /**
   * Whether to resume the session after a lost connection, with nothing lost in either direction, as far as the server has sessions; or the
   * limit of bytes that are kept, as `ring`. @defaultValue that of the server for its own clients, else `false`
   */
  resume?: boolean | { ring?: number };
  /** The limit of messages that are queued while there is no connection. @defaultValue `Infinity` */
  queueSize?: number;
  /** The limit of their bytes, estimated by their JSON. @defaultValue `16_777_216` */
  queueBytes?: number;
  /** The longest time that a message is queued; it is dropped then. Without a limit, or above 24 days, it waits for the connection. @defaultValue `Infinity` */
  queueTtl?: Duration;
  /** The message that is dropped when the queue is full. @defaultValue `'oldest'` */
  queueDrop?: 'oldest' | 'newest';
  [option: string]: unknown;
}

/** The parts that a class of clients is made of. */
export interface ClientParts {
  /** Dials. */
  transformer: ClientTransformer<Platform>;
  /** Encodes and decodes messages. */
  parser: Parser;
  /** The environment: a page, or Node.js. */
  platform: Platform;
  /** Makes connections resumable, for the option `resume`. @defaultValue none */
  session?: CreateClientSession;
}

const TABLE: Record<string, Kind> = {
  pathname,
  manual: boolean,
  network: boolean,
  websockets: boolean,
  transport: object,
  backoff: object,
  queueSize: count,
  queueBytes: size,
  maxLength: size,
  queueDrop: ["'oldest' or 'newest'", (value) => value === 'oldest' || value === 'newest'],
};

/**
 * Checks the options and adds the defaults. Times become ms, the strategy a lower-case string.
 *
 * @throws ERR_PRIMUS_OPTION when an option is invalid
 */
export function clientOptions(given: ClientOptions, without?: Platform['without']) {
  check(given, { ...TABLE, ...without });
  const options = withDefaults(CLIENT_DEFAULTS, given);
  const { backoff } = given;
  return {
    ...options,
    timeout: options.timeout !== false && milliseconds(options.timeout, 'timeout'),
    pingTimeout: options.pingTimeout !== false && milliseconds(options.pingTimeout, 'pingTimeout'),
    queueTtl: milliseconds(options.queueTtl, 'queueTtl'),
    strategy: strategyOf(options.strategy),
    reconnect: given.reconnect || ({ ...backoff, min: backoff?.minDelay, max: backoff?.maxDelay } as ReconnectSettings),
  };
}

/** The options of a client, checked and with defaults. */
export type ParsedClientOptions = ReturnType<typeof clientOptions>;

/** The policy of reconnection attempts, and the settings, in ms, that each attempt's record includes. */
export interface Backoff {
  policy: Policy;
  settings: { min: number; max: number; retries: number; factor: number; 'reconnect timeout': number };
}

/**
 * Checks the option `reconnect`. A function as policy has no limit of attempts.
 *
 * @throws ERR_PRIMUS_OPTION when a setting is invalid
 */
export function reconnectPolicy(reconnect: ReconnectSettings | Policy, random: () => number): Backoff {
  const custom = typeof reconnect === 'function';
  if (!custom) check({ reconnect }, { reconnect: object });
  const given = withDefaults(RECONNECT_DEFAULTS, custom ? { retries: Infinity } : reconnect);
  const settings = {
    max: milliseconds(given.max, 'reconnect.max'),
    min: milliseconds(given.min, 'reconnect.min'),
    factor: given.factor,
    retries: given.retries,
    'reconnect timeout': milliseconds(given['reconnect timeout'], 'reconnect timeout'),
  };
  check(settings, { factor: size, retries: count });
  return { policy: custom ? reconnect : exponentialOn({ ...settings, random }), settings };
}

function strategyOf(strategy: string | readonly string[] | false): string {
  const names: string[] =
    String(strategy || '')
      .toLowerCase()
      .match(/[^\s,]+/g) ?? [];
  const odd = names.find((name) => !/^(disconnect|online|timeout)$/.test(name));
  if (odd) throw invalid('strategy', `made of ${CLIENT_DEFAULTS.strategy}`, odd);
  return names.join(',');
}
