import { type Duration, invalid, milliseconds, withDefaults } from '../core/options.js';
import type { AnswerLimits } from './answers.js';
import type { AskLimits } from './asks.js';

/** The options of `requests()`: limits for each connection. */
export interface RequestOptions {
  /**
   * The limit of the time until the first answer, of requests without a `timeout` of their own; `Infinity` sets none.
   *
   * @defaultValue `30_000`
   */
  timeout?: Duration;
  /**
   * The number of requests to one peer that are under way at a time. Further ones wait.
   *
   * @defaultValue `100`
   */
  concurrency?: number;
  /**
   * The number of requests to one peer that wait, for a connection or for others. Further ones fail with `ERR_PRIMUS_BUSY`.
   *
   * @defaultValue `10_000`
   */
  queueSize?: number;
  /**
   * The number of requests of one peer that are answered at a time. Further ones fail with `ERR_PRIMUS_BUSY`. One that was cancelled counts until
   * its handler has ended.
   *
   * @defaultValue `1_000`
   */
  maxRequests?: number;
  /**
   * The number of values that Observables have emitted as answers to one peer, and that it has not read. One that emits more fails with
   * `ERR_PRIMUS_SLOW_PEER`.
   *
   * @defaultValue `1_000`
   */
  bufferSize?: number;
}

/** The options of a request. */
export interface AskOptions {
  /**
   * The limit of the time until the first answer, the wait for a connection included; `Infinity` sets none.
   *
   * @defaultValue the option of `requests()`
   */
  timeout?: Duration;
  /**
   * Cancels the request when it aborts: it fails with the reason of the signal.
   *
   * @defaultValue none
   */
  signal?: AbortSignal;
}

const DEFAULTS = { timeout: 30_000 as Duration, concurrency: 100, queueSize: 10_000, maxRequests: 1_000, bufferSize: 1_000 };

/** The options of `requests()`, checked. */
export type ParsedRequestOptions = AskLimits & AnswerLimits & { readonly timeout: number };

/**
 * Returns the options with defaults.
 *
 * @throws ERR_PRIMUS_OPTION when an option is invalid, or unknown
 */
export function requestOptions(options: object): ParsedRequestOptions {
  const given = withDefaults(DEFAULTS, options) as typeof DEFAULTS;
  for (const [option, value] of Object.entries(given)) {
    if (!(option in DEFAULTS)) throw invalid(option, `one of ${Object.keys(DEFAULTS).join(', ')}`, value);
    const isLimit = value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 1);
    if (option !== 'timeout' && !isLimit) throw invalid(option, 'a positive whole number', value);
  }
  return { ...given, timeout: milliseconds(given.timeout, 'timeout') };
}

/**
 * Returns the options of one request.
 *
 * @throws ERR_PRIMUS_OPTION when an option is invalid
 */
export function askOptions(options: AskOptions, otherwise: number): { timeout: number; signal: AbortSignal | undefined } {
  if (Object(options) !== options) throw invalid('options', 'an object', options);
  const { timeout, signal } = options;
  if (signal != null && typeof signal.addEventListener !== 'function') throw invalid('signal', 'an AbortSignal', signal);
  return { timeout: timeout == null ? otherwise : milliseconds(timeout, 'timeout'), signal: signal ?? undefined };
}
