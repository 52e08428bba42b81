import { backoffOn, type Policy } from '../operators/backoff.js';
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
import type { Plugins } from '../src/core/plugin.js';
import type { ClientTransformer } from '../src/core/transformer.js';
import type { PerAttempt } from './credentials.js';
import type { Platform } from './platform/platform.js';

/** When to reconnect: after a connection was lost, when the network is back, when the first connection failed. */
export type Strategy = 'disconnect' | 'online' | 'timeout';

/** What `new Primus(url, options)` takes. Times in ms, or as a text. Unknown options are kept for plugins. */
export interface ClientOptions {
  /** Back-off of reconnection attempts: settings, or a function `(attempt) => milliseconds | false`. */
  reconnect?: ReconnectSettings | Policy;
  /** The older document's name for `reconnect`. */
  backoff?: { minDelay?: Duration; maxDelay?: Duration; retries?: number; factor?: number };
  /** How long the first connection may take. Default 10 s. */
  timeout?: Duration;
  /** Longest silence of the server before the line counts as dead; `false` waits without end. Default: as the server has it, else 45 s. */
  pingTimeout?: Duration | false;
  /** When to reconnect: `disconnect`, `online`, `timeout`, as a text or a list; `false` never. Default all, without `timeout` when the server has authorization. */
  strategy?: string | readonly (Strategy | string)[] | false;
  /** The path the server owns. Default: that of the class, `/primus` for an imported one. */
  pathname?: string;
  /** Whether to wait for `open()`. Default false. */
  manual?: boolean;
  /** Whether to follow the platform's online and offline events. Default: where it has them. */
  network?: boolean;
  /** `false` keeps a framework that can do without from using WebSockets. */
  websockets?: boolean;
  /** Plugins by their names, whose client functions run as they are. */
  plugin?: Plugins;
  /** Options for the framework itself. */
  transport?: object;
  /**
   * Who we are, for `spark.query`: added to the query string of every attempt. A function is asked afresh for each, and may take as long as
   * the attempt may. What fails there fails the attempt.
   */
  credentials?: PerAttempt;
  /** The same as headers of the request. Not in pages, which cannot send any, nor by SockJS and BrowserChannel. */
  headers?: PerAttempt;
  /** How many messages may wait for a connection. Default Infinity. */
  queueSize?: number;
  /** Which message gives way when the queue is full. Default `oldest`. */
  queueDrop?: 'oldest' | 'newest';
  [option: string]: unknown;
}

/** What a client is made for. */
export interface ClientParts {
  /** Dials. */
  transformer: ClientTransformer<Platform>;
  /** Encodes and decodes the messages. */
  parser: Parser;
  /** Where it runs. */
  platform: Platform;
}

const TABLE: Record<string, Kind> = {
  pathname,
  manual: boolean,
  network: boolean,
  websockets: boolean,
  transport: object,
  backoff: object,
  queueSize: count,
  queueDrop: ["'oldest' or 'newest'", (value) => value === 'oldest' || value === 'newest'],
};

/** Checks the options and puts the defaults under them; times become ms, the strategy a lower-case list in a text. */
export function clientOptions(given: ClientOptions, without?: Platform['without']) {
  check(given, { ...TABLE, ...without });
  const options = withDefaults(CLIENT_DEFAULTS, given);
  return {
    ...options,
    timeout: milliseconds(options.timeout, 'timeout'),
    pingTimeout: options.pingTimeout !== false && milliseconds(options.pingTimeout, 'pingTimeout'),
    strategy: strategyOf(options.strategy),
    reconnect: given.reconnect ?? fromBackoff(given.backoff ?? {}),
  };
}

/** The options of a client, checked and with defaults. */
export type ParsedClientOptions = ReturnType<typeof clientOptions>;

/** When to try again, and the numbers, in ms, that go into each attempt's description. */
export interface Backoff {
  policy: Policy;
  settings: { min: number; max: number; retries: number; factor: number; 'reconnect timeout': number };
}

/** Checks how to reconnect; a policy of the user's own never runs out of attempts by itself. */
export function reconnectPolicy(reconnect: ReconnectSettings | Policy, random: () => number): Backoff {
  const custom = typeof reconnect === 'function';
  if (!custom) check({ reconnect }, { reconnect: object });
  const { max, min, factor, retries, 'reconnect timeout': limit } = withDefaults(RECONNECT_DEFAULTS, custom ? {} : reconnect);
  const settings = {
    max: milliseconds(max, 'reconnect.max'),
    min: milliseconds(min, 'reconnect.min'),
    factor,
    retries: custom ? Infinity : retries,
    'reconnect timeout': milliseconds(limit, "reconnect['reconnect timeout']"),
  };
  check(settings, { factor: size, retries: count });
  return { policy: custom ? reconnect : backoffOn({ ...settings, random }), settings };
}

function strategyOf(strategy: string | readonly string[] | false): string {
  const names: string[] = String(strategy || '').toLowerCase().match(/[^\s,]+/g) ?? [];
  const odd = names.find((name) => !/^(disconnect|online|timeout)$/.test(name));
  if (odd) throw invalid('strategy', 'made of disconnect, online and timeout', odd);
  return names.join(',');
}

function fromBackoff({ minDelay: min, maxDelay: max, retries, factor }: NonNullable<ClientOptions['backoff']>): ReconnectSettings {
  return { min, max, retries, factor } as ReconnectSettings;
}
