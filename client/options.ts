import { backoff, type Policy } from '../operators/backoff.js';
import { CLIENT_DEFAULTS, check, type Duration, invalid, type Kind, kinds, milliseconds, RECONNECT_DEFAULTS, type ReconnectSettings, withDefaults } from '../src/core/options.js';
import type { Parser } from '../src/core/parser.js';
import type { ClientTransformer } from '../src/core/transformer.js';
import type { Platform } from './platform.js';
import type { Strategy } from './session.js';

/** What `new Primus(url, options)` takes. Defaults: `CLIENT_DEFAULTS`. Unknown options are kept for plugins. */
export interface ClientOptions {
  /** Back-off of reconnection attempts: settings, or a function `(attempt) => milliseconds | false`. */
  reconnect?: ReconnectSettings | Policy;
  /** The older document's name for `reconnect`. */
  backoff?: { minDelay?: Duration; maxDelay?: Duration; retries?: number; factor?: number };
  timeout?: Duration;
  pingTimeout?: Duration | false;
  strategy?: string | readonly (Strategy | string)[] | false;
  manual?: boolean;
  /** Whether to follow the platform's online and offline events. Default: where it has them. */
  network?: boolean;
  /** `false` keeps a framework that can do without from using WebSockets. */
  websockets?: boolean;
  transport?: object;
  queueSize?: number;
  queueDrop?: 'oldest' | 'newest';
  [plugin: string]: unknown;
}

/** What a client is made for. */
export interface ClientParts {
  transformer: ClientTransformer<Platform>;
  parser: Parser;
  platform: Platform;
}

const TABLE: Record<string, Kind> = {
  manual: kinds.boolean,
  network: kinds.boolean,
  websockets: kinds.boolean,
  transport: kinds.object,
  queueSize: kinds.count,
  queueDrop: { expected: "'oldest' or 'newest'", test: (value) => value === 'oldest' || value === 'newest' },
};

/** Checks the options and puts the defaults under them; times become ms, the strategy a lower-case list in a text. */
export function clientOptions(given: ClientOptions) {
  check(given, TABLE);
  const options = withDefaults(CLIENT_DEFAULTS, given);
  return {
    ...options,
    timeout: milliseconds(options.timeout, 'timeout'),
    pingTimeout: options.pingTimeout === false ? (false as const) : milliseconds(options.pingTimeout, 'pingTimeout'),
    strategy: strategyOf(options.strategy),
    reconnect: given.reconnect ?? fromBackoff(given.backoff),
  };
}

/** When to try again, and the numbers, in ms, that go into each attempt's description. */
export interface Backoff {
  policy: Policy;
  settings: { min: number; max: number; retries: number; factor: number; 'reconnect timeout': number };
}

/** Checks how to reconnect; a policy of the user's own never runs out of attempts by itself. */
export function reconnectPolicy(reconnect: ReconnectSettings | Policy, random: () => number): Backoff {
  const custom = typeof reconnect === 'function';
  if (!custom && !kinds.object.test(reconnect)) throw invalid('reconnect', 'an object or a function (attempt) => milliseconds', reconnect);
  const { max, min, factor, retries, 'reconnect timeout': limit } = withDefaults(RECONNECT_DEFAULTS, custom ? {} : reconnect);
  const settings = {
    max: milliseconds(max, 'reconnect.max'),
    min: milliseconds(min, 'reconnect.min'),
    factor,
    retries: custom ? Number.POSITIVE_INFINITY : retries,
    'reconnect timeout': milliseconds(limit, "reconnect['reconnect timeout']"),
  };
  check(settings, { factor: kinds.size, retries: kinds.count });
  return { policy: custom ? reconnect : backoff({ ...settings, random }), settings };
}

function strategyOf(strategy: string | readonly string[] | false): string {
  if (strategy === false) return '';
  const names = (typeof strategy === 'string' ? strategy.split(/[\s,]+/) : strategy).map((name) => String(name).trim().toLowerCase()).filter(Boolean);
  const odd = names.find((name) => !['disconnect', 'online', 'timeout'].includes(name));
  if (odd !== undefined) throw invalid('strategy', 'made of disconnect, online and timeout', odd);
  return names.join(',');
}

function fromBackoff(backoff: ClientOptions['backoff'] = {}): ReconnectSettings {
  const { minDelay, maxDelay, retries, factor } = backoff;
  return {
    ...(minDelay !== undefined && { min: minDelay }),
    ...(maxDelay !== undefined && { max: maxDelay }),
    ...(retries !== undefined && { retries }),
    ...(factor !== undefined && { factor }),
  };
}
