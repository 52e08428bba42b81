import { type Duration, parseDuration } from '../../operators/duration.js';
import { describe, PrimusError } from './errors.js';

export type { Duration };

// Constants, not an object that is spread into another: bundlers drop only what surely has no effect.
const PATHNAME = '/primus';
const COMPRESSION = false;
const MAX_LENGTH = 10_485_760;

/** The configuration that an imported client assumes of its server. */
export const ASSUMED = { pathname: PATHNAME, compression: COMPRESSION, maxLength: MAX_LENGTH, options: {} };

/** The defaults of a server. Sizes are in bytes, times in ms. */
export const SERVER_DEFAULTS = {
  /** The path of the server. @defaultValue `'/primus'` */
  pathname: PATHNAME,
  /** The encoding of messages. @defaultValue `'json'` */
  parser: 'json',
  /** The real-time framework. @defaultValue `'websockets'` */
  transformer: 'websockets',
  /** The time between two pings of a connection; `false` sends none. @defaultValue `30_000` */
  pingInterval: 30_000 as Duration | false,
  /** The name of the client's class in a served library. @defaultValue `'Primus'` */
  global: 'Primus',
  /** Whether messages (permessage-deflate) and HTTP answers are compressed. @defaultValue `false` */
  compression: COMPRESSION,
  /** The longest message that the server accepts. @defaultValue `10_485_760` */
  maxLength: MAX_LENGTH,
  /** The limit of nested lists and objects in a message. @defaultValue `1_000` */
  maxDepth: 1_000,
  /** The limit of keys and values in a message. @defaultValue `100_000` */
  maxValues: 100_000,
  /** The limit of bytes that are buffered for one slow consumer; `Infinity` sets none. @defaultValue `1_048_576` */
  maxBuffer: 1_048_576,
  /** Options of the framework itself. @defaultValue `{}` */
  transport: {} as object,
};

/** The defaults of a client. Times are in ms. */
export const CLIENT_DEFAULTS = {
  /** The time-out of the first connection; `false` or 0 sets none. @defaultValue `10_000` */
  timeout: 10_000 as Duration | false,
  /** The longest silence of the server before the connection counts as dead; `false` or 0 sets no limit. @defaultValue `45_000` */
  pingTimeout: 45_000 as Duration | false,
  /** The reasons to reconnect: `disconnect`, `online`, `timeout`; `false` is none. @defaultValue `'disconnect,online,timeout'` */
  strategy: 'disconnect,online,timeout' as string | readonly string[] | false,
  /** Whether to wait for `open()` instead of connecting at once. @defaultValue `false` */
  manual: false,
  /** The limit of messages that are queued while there is no connection. @defaultValue `Infinity` */
  queueSize: Infinity,
  /** The limit of their bytes, estimated by their JSON. @defaultValue `16_777_216` */
  queueBytes: 16_777_216,
  /** The longest time that a message is queued. @defaultValue `Infinity` */
  queueTtl: Infinity as Duration,
  /** The message that is dropped when the queue is full. @defaultValue `'oldest'` */
  queueDrop: 'oldest' as 'oldest' | 'newest',
  /** The longest message that the client accepts, in bytes. @defaultValue `104_857_600` */
  maxLength: 104_857_600,
  /** Options of the framework itself. @defaultValue `{}` */
  transport: {} as object,
};

/** The defaults of `reconnect`. Times are in ms. */
export const RECONNECT_DEFAULTS = {
  /** The longest delay. @defaultValue `Infinity` */
  max: Infinity as Duration,
  /** The shortest delay. @defaultValue `500` */
  min: 500 as Duration,
  /** The number of attempts before the client gives up. @defaultValue `10` */
  retries: 10,
  /** The time-out of one attempt. @defaultValue `30_000` */
  'reconnect timeout': 30_000 as Duration,
  /** The growth of the delay from one attempt to the next. @defaultValue `2` */
  factor: 2,
};

/** The options of `reconnect`: the back-off of its attempts. Times are in ms, or strings such as `'2 s'`. */
export type ReconnectSettings = { [Key in keyof typeof RECONNECT_DEFAULTS]?: (typeof RECONNECT_DEFAULTS)[Key] };

/**
 * Returns the duration of an option in ms.
 *
 * @throws ERR_PRIMUS_OPTION when the value is not a duration
 */
export function milliseconds(value: unknown, option: string): number {
  const result = parseDuration(value);
  if (result !== undefined) return result;
  throw invalid(option, "a time in ms or a string such as '2 s'", value);
}

/** Creates an `ERR_PRIMUS_OPTION` that names the option, the values it takes and the value it got. */
export function invalid(option: string, expected: string, value: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_OPTION', `\`${option}\` must be ${expected}, got ${describe(value)}`);
}

/** A check of values, with the words that describe the valid ones. */
export type Kind = readonly [expected: string, test: (value: unknown) => boolean];

export const boolean: Kind = ['true or false', (value) => typeof value === 'boolean'];
export const string: Kind = ['a string', (value) => typeof value === 'string'];
export const pathname: Kind = ["a path such as '/primus'", (value) => typeof value === 'string' && /^\/?[^?#\s]+$/.test(value)];
export const callable: Kind = ['a function', (value) => typeof value === 'function'];
export const object: Kind = ['an object', (value) => typeof value === 'object' && !Array.isArray(value)];
export const scheduler: Kind = ['a scheduler of RxJS', (value) => typeof (value as { schedule?: unknown }).schedule === 'function'];
export const size: Kind = ['a positive number', (value) => typeof value === 'number' && value > 0];
export const count: Kind = ['a number of at least 0', (value) => typeof value === 'number' && value >= 0];

/**
 * Checks options against a table. Options that are not in the table are not checked: plugins have their own.
 *
 * @throws ERR_PRIMUS_OPTION when an option has the wrong type or value
 */
export function check(options: object, table: { readonly [option: string]: Kind }): void {
  for (const [option, [expected, test]] of Object.entries(table)) {
    const value = (options as Record<string, unknown>)[option];
    if (value != null && !test(value)) throw invalid(option, expected, value);
  }
}

/** Returns the options with defaults for those that are `undefined` or `null`. */
export function withDefaults<D extends object, G extends object>(defaults: D, given: G): D & G {
  const result = { ...defaults } as Record<string, unknown>;
  for (const [key, value] of Object.entries(given)) if (value != null || !(key in defaults)) result[key] = value;
  return result as D & G;
}
