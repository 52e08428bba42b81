import { describe, PrimusError } from './errors.js';

/** Milliseconds, or a text such as `'2 s'`, `'500 ms'`, `'1.5 minutes'`. */
export type Duration = number | string;

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

export type ReconnectSettings = { [Key in keyof typeof RECONNECT_DEFAULTS]?: (typeof RECONNECT_DEFAULTS)[Key] };

const UNITS: Record<string, number> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** Milliseconds of a duration; a clear error for anything that is none. */
export function milliseconds(value: unknown, option: string): number {
  const parts = typeof value === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(value) : null;
  const unit = (parts?.[2] ?? '').toLowerCase();
  const factor = /^(ms|msecs?|milliseconds?)?$/.test(unit) ? 1 : /^(s|m|h|d|secs?|mins?|hrs?|seconds?|minutes?|hours?|days?)$/.test(unit) ? UNITS[unit.charAt(0)] : undefined;
  const result = typeof value === 'number' ? value : parts && factor ? Number(parts[1]) * factor : Number.NaN;
  if (result >= 0) return result;
  throw invalid(option, "a time in ms, or a text such as '2 s'", value);
}

/** `ERR_PRIMUS_OPTION` with a sentence that says what was expected. */
export function invalid(option: string, expected: string, value: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_OPTION', `The option ${option} must be ${expected}, not ${describe(value)}`);
}

/** What an option may be: the word for the error message and the test. */
export interface Kind {
  expected: string;
  test: (value: unknown) => boolean;
}

export const kinds = {
  boolean: { expected: 'true or false', test: (value) => typeof value === 'boolean' },
  string: { expected: 'a text', test: (value) => typeof value === 'string' },
  function: { expected: 'a function', test: (value) => typeof value === 'function' },
  object: { expected: 'an object', test: (value) => typeof value === 'object' && value !== null && !Array.isArray(value) },
  size: { expected: 'a number above 0', test: (value) => typeof value === 'number' && value > 0 },
  count: { expected: 'a number, 0 or more', test: (value) => typeof value === 'number' && value >= 0 },
  path: { expected: "a path such as '/primus'", test: (value) => typeof value === 'string' && /^\/?[^?#\s]+$/.test(value) },
} satisfies Record<string, Kind>;

/** Checks the options that are given against a table; those that are not in it are the user's own. */
export function check(options: object, table: { readonly [option: string]: Kind }): void {
  for (const [option, kind] of Object.entries(table)) {
    const value = (options as Record<string, unknown>)[option];
    if (value !== undefined && value !== null && !kind.test(value)) throw invalid(option, kind.expected, value);
  }
}

/** Defaults under what is given; an option that is `undefined` is not given. */
export function withDefaults<D extends object, G extends object>(defaults: D, given: G): D & G {
  const result = { ...defaults } as Record<string, unknown>;
  for (const [key, value] of Object.entries(given)) if (value !== undefined) result[key] = value;
  return result as D & G;
}
