import { type Duration, milliseconds as parseDuration } from '../../operators/duration.js';
import { describe, PrimusError } from './errors.js';

export type { Duration };

/** Every option of the server that has a default. Sizes in bytes, times in ms. */
export const SERVER_DEFAULTS = {
  /** The path the server owns. */
  pathname: '/primus',
  /** Message encoding: a name, or an object with `encoder` and `decoder`. */
  parser: 'json',
  /** Real-time framework: a name, or a transformer. */
  transformer: 'websockets',
  /** How often each spark is asked whether it is alive; `false` never asks. */
  pingInterval: 30_000 as Duration | false,
  /** Name of the client's class in a served library. */
  global: 'Primus',
  /** Whether messages (permessage-deflate) and HTTP answers are compressed. */
  compression: false,
  /** Largest message that is accepted. */
  maxLength: 10_485_760,
  /** How much may wait to be read by one peer before its line is cut; `Infinity` waits without end. */
  maxBuffer: 16_777_216,
  /** Passed on to the framework. */
  transport: {} as object,
};

/** Every option of the client that has a default. Times in ms. */
export const CLIENT_DEFAULTS = {
  /** How long the first connection may take. */
  timeout: 10_000 as Duration,
  /** Longest silence of the server before the line counts as dead; `false` waits without end. */
  pingTimeout: 45_000 as Duration | false,
  /** When to reconnect: `disconnect`, `online`, `timeout`, as text or list; `false` never. */
  strategy: 'disconnect,online,timeout' as string | readonly string[] | false,
  /** Whether to wait for `open()` instead of connecting at once. */
  manual: false,
  /** How many messages may wait for a connection. */
  queueSize: Number.POSITIVE_INFINITY,
  /** Which message gives way when the queue is full. */
  queueDrop: 'oldest' as 'oldest' | 'newest',
  /** Passed on to the framework. */
  transport: {} as object,
};

/** The documented options of `reconnect`. */
export const RECONNECT_DEFAULTS = {
  /** Longest wait. */
  max: Number.POSITIVE_INFINITY as Duration,
  /** Shortest wait. */
  min: 500 as Duration,
  /** Attempts before giving up. */
  retries: 10,
  /** How long one attempt may take. */
  'reconnect timeout': 30_000 as Duration,
  /** Growth from one wait to the next. */
  factor: 2,
};

/** The back-off of reconnection attempts; times in ms, or as a text. */
export type ReconnectSettings = { [Key in keyof typeof RECONNECT_DEFAULTS]?: (typeof RECONNECT_DEFAULTS)[Key] };

/** Converts the duration that an option holds to milliseconds. @throws ERR_PRIMUS_OPTION when it is none */
export function milliseconds(value: unknown, option: string): number {
  try {
    return parseDuration(value);
  } catch {
    throw invalid(option, "a time in ms, or a text such as '2 s'", value);
  }
}

/** `ERR_PRIMUS_OPTION` with a sentence that says what was expected. */
export function invalid(option: string, expected: string, value: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_OPTION', `The option ${option} must be ${expected}, not ${describe(value)}`);
}

/** Whether a value will do, or else what is expected. */
export type Kind = readonly [expected: string, test: (value: unknown) => boolean];

export const boolean: Kind = ['true or false', (value) => typeof value === 'boolean'];
export const text: Kind = ['a text', (value) => typeof value === 'string'];
export const pathname: Kind = ["a path such as '/primus'", (value) => typeof value === 'string' && /^\/?[^?#\s]+$/.test(value)];
export const callable: Kind = ['a function', (value) => typeof value === 'function'];
export const object: Kind = ['an object', (value) => typeof value === 'object' && !Array.isArray(value)];
export const size: Kind = ['a number above 0', (value) => typeof value === 'number' && value > 0];
export const count: Kind = ['a number', (value) => typeof value === 'number' && value >= 0];

/** Checks the options that are given against a table; those that are not in it are the user's own. */
export function check(options: object, table: { readonly [option: string]: Kind }): void {
  for (const [option, [expected, test]] of Object.entries(table)) {
    const value = (options as Record<string, unknown>)[option];
    if (value != null && !test(value)) throw invalid(option, expected, value);
  }
}

/** Defaults under what is given; an option that is `undefined` or `null` is not given. */
export function withDefaults<D extends object, G extends object>(defaults: D, given: G): D & G {
  const result = { ...defaults } as Record<string, unknown>;
  for (const [key, value] of Object.entries(given)) if (value != null || !(key in defaults)) result[key] = value;
  return result as D & G;
}
