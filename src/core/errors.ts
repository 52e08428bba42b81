/** The code of a `PrimusError`. `docs/errors.md` is generated from this table. */
export type ErrorCode =
  /** The first argument is not an HTTP server. */
  | 'ERR_PRIMUS_SERVER'
  /** An option, or an argument of a documented method, has the wrong type or value. */
  | 'ERR_PRIMUS_OPTION'
  /** There is no transformer of that name, the object is not one, its framework failed, or the server of a client has another one. */
  | 'ERR_PRIMUS_TRANSFORMER'
  /** There is no parser of that name, or the object has no `encoder` and `decoder`. */
  | 'ERR_PRIMUS_PARSER'
  /** A package that is needed is not installed, or its version is not supported, by this library or on this version of Node.js: that of a transformer or parser, or, for a bundled server, this one. */
  | 'ERR_PRIMUS_MISSING'
  /** A plugin cannot be added: it has the wrong type, it cannot be loaded, or its name is taken. */
  | 'ERR_PRIMUS_PLUGIN'
  /** Middleware cannot be added: it has no name, or is not a function with the right parameters. */
  | 'ERR_PRIMUS_MIDDLEWARE'
  /** The URL to connect to is invalid, or its protocol is not supported. */
  | 'ERR_PRIMUS_URL'
  /** The object was destroyed and cannot be used again. */
  | 'ERR_PRIMUS_DESTROYED'
  /** A message could not be decoded, or exceeds `maxDepth` or `maxValues`. It was dropped; the connection stays open. */
  | 'ERR_PRIMUS_DECODE'
  /** A message could not be encoded. It was not sent; the connection stays open. */
  | 'ERR_PRIMUS_ENCODE'
  /** A string that begins with `primus::` would be read as a control message. It was not sent. */
  | 'ERR_PRIMUS_RESERVED'
  /** An asynchronous `connection` listener refused the connection, or has not answered in time. */
  | 'ERR_PRIMUS_REFUSED'
  /** A message was written, or a request made, after the connection was closed, or after the client had ended, or was still queued then. */
  | 'ERR_PRIMUS_CLOSED'
  /** The `signal` that was given was aborted. `cause` is its reason. */
  | 'ERR_PRIMUS_ABORTED'
  /** The offline queue was full. The error's `data` is the message that was dropped. */
  | 'ERR_PRIMUS_QUEUE'
  /** A message was longer in the offline queue than `queueTtl`. The error's `data` is the message. */
  | 'ERR_PRIMUS_EXPIRED'
  /** The peer is a slow consumer: more than `maxBuffer` bytes are buffered for it, beside the messages that were written at once; or more than `bufferSize` values of a request's answer. */
  | 'ERR_PRIMUS_SLOW_PEER'
  /** The bytes that wait in the server exceed `maxMemory`, or those for one address its share for too long, and this connection has the most of them. */
  | 'ERR_PRIMUS_MEMORY'
  /** The peer sends more messages than `maxMessageRate`. */
  | 'ERR_PRIMUS_RATE'
  /** The handler of a request has rejected it on purpose. The error is a `RequestError`: `reason` and `data` are the handler's. */
  | 'ERR_PRIMUS_REQUEST'
  /** The handler of a request has failed, or its answer could not be encoded or breaks the contract. The peer reports why; the error does not say it. */
  | 'ERR_PRIMUS_HANDLER'
  /** The peer has no handler for the name of a request. */
  | 'ERR_PRIMUS_NO_HANDLER'
  /** Too many requests: the peer answers `maxRequests` already, or `queueSize` wait here. The request was not handled. */
  | 'ERR_PRIMUS_BUSY'
  /** A message, a request or an answer does not satisfy the contract. The error's `message` has the path of each issue, `data` is the message. */
  | 'ERR_PRIMUS_CONTRACT'
  /** The name of a room or channel is invalid, the server does not have the channel, or the client may not use it. */
  | 'ERR_PRIMUS_CHANNEL'
  /** The engine of a cluster refuses the connection, does not answer, or is too old; or its client is none that the backplane takes. */
  | 'ERR_PRIMUS_BACKPLANE'
  /** A message of a cluster is longer than its engine takes. It was not published. */
  | 'ERR_PRIMUS_TOO_LARGE'
  /** The connection dropped. `closeCode` and `reason` say why, where the framework reports them. A request was not answered before: it may have been handled. */
  | 'ERR_PRIMUS_DROPPED'
  /** The server rejected the handshake. `status` and `reason` are its answer. */
  | 'ERR_PRIMUS_UNEXPECTED_RESPONSE'
  /** The client's `credentials` or `headers` could not be resolved: the provider failed or returned a non-object. */
  | 'ERR_PRIMUS_CREDENTIALS'
  /** The connection could not be established. */
  | 'ERR_PRIMUS_CONNECT'
  /** The connection was not established within `timeout` or `reconnect timeout`, or a request was not answered within its `timeout`. */
  | 'ERR_PRIMUS_TIMEOUT'
  /** The peer sent nothing within its time-out. */
  | 'ERR_PRIMUS_SILENCE'
  /** The platform reported that the network is offline. */
  | 'ERR_PRIMUS_OFFLINE'
  /** Every reconnection attempt failed. `cause` is the error of the last one. */
  | 'ERR_PRIMUS_GAVE_UP';

/**
 * The base class of all errors of this library. It has a code, a message that says what to do, and the cause.
 *
 * @example
 * import { PrimusError } from 'primus-rx';
 *
 * spark.on('error', (error) => {
 *   if (error instanceof PrimusError && error.code === 'ERR_PRIMUS_ENCODE') console.error('Not sent:', error.data, error.cause);
 * });
 */
export class PrimusError extends Error {
  /** The code: see `docs/errors.md`. */
  readonly code: ErrorCode;
  /** The message that the error is about, where there is one. */
  declare data?: unknown;
  /**
   * The faults of a message that breaks a contract (`ERR_PRIMUS_CONTRACT`), a hundred at most: the words of the validator, and the keys that lead
   * to the place.
   *
   * @example
   * import { PrimusError } from 'primus-rx';
   *
   * spark.on('error', (error) => {
   *   if (!(error instanceof PrimusError)) return;
   *   for (const { path, message } of error.issues ?? []) console.error(path.join('.'), message);
   * });
   */
  declare issues?: readonly { readonly message: string; readonly path: readonly PropertyKey[] }[];
  /** The error that caused this one, where there is one. Declared for applications whose `lib` is older than ES2022. */
  declare cause?: unknown;

  constructor(code: ErrorCode, message: string, { cause, ...details }: { cause?: unknown; data?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.name = 'PrimusError';
    for (const [name, detail] of Object.entries(details)) if (detail !== undefined) Object.assign(this, { [name]: detail });
  }
}

/** The details of a connection that failed or dropped. */
export interface LinkErrorDetails {
  /** The close code of RFC 6455, or of the framework, where one was received. */
  closeCode?: number | undefined;
  /** The reason that came with the close code, or the message of a rejection. */
  reason?: string | undefined;
  /** The HTTP status of a rejected handshake. */
  status?: number | undefined;
  /** The delay before the next attempt that the server asks for, in ms. */
  retryAfter?: number | undefined;
  /** The `WWW-Authenticate` header of a server that asks for credentials. */
  authenticate?: string | undefined;
  cause?: unknown;
}

/**
 * The error of a connection that could not be established, or that dropped.
 *
 * @example
 * import { LinkError } from 'primus-rx';
 *
 * client.on('error', (error) => {
 *   if (!(error instanceof LinkError)) return;
 *   if (error.status === 401) console.error('Please log in:', error.reason, error.authenticate);
 *   else console.error(`Closed with ${error.closeCode}; the server asks for a delay of ${error.retryAfter} ms`);
 * });
 */
export class LinkError extends PrimusError {
  /** The close code of RFC 6455, or of the framework, where one was received. */
  declare readonly closeCode?: number | undefined;
  /** The reason that came with the close code, or the message of a rejection. */
  declare readonly reason?: string | undefined;
  /** The HTTP status of a rejected handshake. */
  declare readonly status?: number | undefined;
  /** The delay before the next attempt that the server asks for, in ms. */
  declare readonly retryAfter?: number | undefined;
  /** The `WWW-Authenticate` header of a server that asks for credentials. */
  declare readonly authenticate?: string | undefined;

  constructor(code: ErrorCode, message: string, details?: LinkErrorDetails) {
    super(code, message, details);
    this.name = 'LinkError';
  }
}

/**
 * Creates the error of a connection that dropped, cleanly or not. A drop without a cause is everyday, unless the peer closes with 1009:
 * it has received a message that is too long. The servers and clients of this package give their limit as the reason.
 */
export function dropped(closeCode?: number, reason?: string, cause?: unknown): LinkError {
  if (closeCode === 1009) {
    if (!/maxLength/.test(`${reason}`)) reason = 'A message exceeds maxLength';
    cause ??= new Error(reason);
  }
  const why = [closeCode, reason || (cause as Partial<Error> | undefined)?.message].filter(Boolean).join(' ');
  return new LinkError('ERR_PRIMUS_DROPPED', `The connection dropped${why && ` (${why})`}`, { closeCode, reason, cause });
}

/** Creates the error of a connection that was not established from the error of its end. */
export function unopened({ closeCode, reason, cause }: LinkErrorDetails): LinkError {
  const why = reason || (cause as Partial<Error> | undefined)?.message || '';
  return new LinkError('ERR_PRIMUS_CONNECT', `The connection could not be established${why && `: ${why}`}`, { closeCode, reason, cause });
}

/** Returns an error of this library as it is, and creates that of a connection that was not established of anything else that was thrown. */
export function asUnopened(thrown: unknown): Error {
  // Not by its class: in a page, that may be of another file.
  return /^ERR_PRIMUS/.test((thrown as Partial<PrimusError> | null | undefined)?.code as string)
    ? (thrown as Error)
    : unopened({ cause: thrown });
}

/**
 * Returns an Error as it is, and creates one of any other value that was thrown, with the properties of an object. The error can be printed:
 * one whose message is no string, or whose getters throw, is replaced.
 */
export function asError(thrown: unknown): Error {
  const create = () => new Error(typeof thrown === 'string' ? thrown : describe(thrown));
  try {
    const error = isError(thrown) ? thrown : Object.assign(create(), typeof thrown === 'object' && thrown);
    String(error);
    return error;
  } catch {
    return create();
  }
}

/** Whether a value is an Error, also of another realm: Jest, `node:vm` and frames have classes of their own. */
function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/** Describes a value of unknown type in a few words, for an error message. Never throws. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  return Object(value) === value ? `a value of type ${typeof value}` : String(value);
}
