/**
 * Every code this library puts on an error: the table of `docs/errors.md`.
 */
export type ErrorCode =
  /** The server argument is neither an HTTP server nor something that behaves like one. */
  | 'ERR_PRIMUS_SERVER'
  /** An option, or an argument of a documented method, has the wrong type or value. */
  | 'ERR_PRIMUS_OPTION'
  /** No transformer of that name, or an object that is none. */
  | 'ERR_PRIMUS_TRANSFORMER'
  /** No parser of that name, or an object without `encoder` and `decoder`. */
  | 'ERR_PRIMUS_PARSER'
  /** The package that a transformer or parser stands on is not installed, or not in a version that works. */
  | 'ERR_PRIMUS_MISSING'
  /** A plugin cannot be added: wrong type, or the name is taken. */
  | 'ERR_PRIMUS_PLUGIN'
  /** A middleware layer cannot be added: no function, no name. */
  | 'ERR_PRIMUS_MIDDLEWARE'
  /** The address to connect to does not parse or has a protocol that is not spoken. */
  | 'ERR_PRIMUS_URL'
  /** The object was destroyed and cannot be used again. */
  | 'ERR_PRIMUS_DESTROYED'
  /** A message could not be decoded; it was dropped, the connection lives. */
  | 'ERR_PRIMUS_DECODE'
  /** A message could not be encoded; it was not sent, the connection lives. */
  | 'ERR_PRIMUS_ENCODE'
  /** User data that begins with `primus::` would be taken for protocol; it was not sent. */
  | 'ERR_PRIMUS_RESERVED'
  /** An asynchronous `connection` listener refused the connection. */
  | 'ERR_PRIMUS_REFUSED'
  /** A message was written, or still waiting, when the connection was over. */
  | 'ERR_PRIMUS_CLOSED'
  /** The offline queue was full: the error's `data` is the message that had to give way. */
  | 'ERR_PRIMUS_QUEUE'
  /** The peer does not read what is written to it: more than `maxBuffer` bytes are waiting. */
  | 'ERR_PRIMUS_SLOW_PEER'
  /** The line dropped; `closeCode` and `reason` say why as far as the framework tells. */
  | 'ERR_PRIMUS_DROPPED'
  /** The server answered the handshake with something else; `status` and `reason` are its answer. */
  | 'ERR_PRIMUS_UNEXPECTED_RESPONSE'
  /** The client's `credentials`, or `headers`, could not be had for an attempt: what they are asked from failed, or gave no object. */
  | 'ERR_PRIMUS_CREDENTIALS'
  /** The connection could not be established. */
  | 'ERR_PRIMUS_CONNECT'
  /** The connection was not established within `timeout` or `reconnect timeout`. */
  | 'ERR_PRIMUS_TIMEOUT'
  /** Nothing was heard from the peer for too long. */
  | 'ERR_PRIMUS_SILENCE'
  /** The platform reported that there is no network. */
  | 'ERR_PRIMUS_OFFLINE'
  /** Every reconnection attempt failed; `cause` is why the last one did. */
  | 'ERR_PRIMUS_GAVE_UP';

/** What went wrong, as a machine code, a sentence that says what to do, and the cause. */
export class PrimusError extends Error {
  /** What went wrong, for programs. */
  readonly code: ErrorCode;
  /** The message this error is about, where there is one. */
  declare data?: unknown;

  constructor(code: ErrorCode, message: string, { data, ...options }: ErrorOptions & { data?: unknown } = {}) {
    super(message, options);
    this.code = code;
    this.name = 'PrimusError';
    if (data !== undefined) this.data = data;
  }
}

/** What is known of the end of a line. */
export interface LinkErrorDetails {
  /** Close code of RFC 6455 (or the framework's own), when one was received. */
  closeCode?: number | undefined;
  /** Reason sent with the close code, or the message of a refusal. */
  reason?: string | undefined;
  /** HTTP status of a refused handshake. */
  status?: number | undefined;
  /** What the server asked us to wait before the next attempt, in ms. */
  retryAfter?: number | undefined;
  /** The challenge of a server that wants to know who we are: its `WWW-Authenticate`. */
  authenticate?: string | undefined;
  cause?: unknown;
}

/** A line could not be opened, or dropped. */
export class LinkError extends PrimusError {
  /** Close code of RFC 6455 (or the framework's own), when one was received. */
  declare readonly closeCode?: number | undefined;
  /** Reason sent with the close code, or the message of a refusal. */
  declare readonly reason?: string | undefined;
  /** HTTP status of a refused handshake. */
  declare readonly status?: number | undefined;
  /** What the server asked us to wait before the next attempt, in ms. */
  declare readonly retryAfter?: number | undefined;
  /** The `WWW-Authenticate` of a server that wants to know who we are. */
  declare readonly authenticate?: string | undefined;

  constructor(code: ErrorCode, message: string, { cause, ...details }: LinkErrorDetails = {}) {
    super(code, message, cause === undefined ? undefined : { cause });
    this.name = 'LinkError';
    for (const [name, detail] of Object.entries(details)) if (detail !== undefined) Object.assign(this, { [name]: detail });
  }
}

/** The line dropped, cleanly or not. */
export function dropped(closeCode?: number, reason?: string, cause?: unknown): LinkError {
  const why = [closeCode, reason].filter(Boolean).join(' ');
  return new LinkError('ERR_PRIMUS_DROPPED', `The connection dropped${why && ` (${why})`}`, { closeCode, reason, cause });
}

/** The line did not open; of what is known of its end. */
export function unopened({ closeCode, reason, cause }: LinkError): LinkError {
  const why = reason || (cause instanceof Error ? cause.message : '');
  return new LinkError('ERR_PRIMUS_CONNECT', `The connection could not be made${why && `: ${why}`}`, { closeCode, reason, cause });
}

/** Whatever was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(typeof thrown === 'string' ? thrown : describe(thrown));
}

/** A short text for a value of unknown make, for use in a message; never throws. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (typeof value === 'function' || (typeof value === 'object' && value !== null)) return `a value of type ${typeof value}`;
  return String(value);
}
