import type { PrimusError } from '../src/core/errors.js';
import { reserve } from '../src/core/events.js';
import type { Frame } from '../src/core/link.js';
import type { ReconnectAttempt } from './state.js';
import type { UrlOptions } from './url.js';

/** The events of a client; extend by declaration merging. */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface ClientEvents<In = any> {
  /** A connection was established: the first one, or another one after it was lost. */
  open: [];
  /** A message arrived: decoded and transformed, with its frame. */
  data: [data: In, raw: Frame];
  /** A message was lost, a listener threw, or a connection could not be made. Without listeners it is not thrown. */
  error: [error: Error | PrimusError];
  /** The connection is closed. The client may reconnect. */
  close: [];
  /** The client has ended: no connection, and no further attempt. */
  end: [];
  /** The client was destroyed: the last event of all. */
  destroy: [];
  /** The platform reports a network. */
  online: [];
  /** The platform reports that there is no network. */
  offline: [];
  /** The first connection was not established within `timeout`. */
  timeout: [];
  /** The delay is over, and the attempt begins. */
  reconnect: [attempt: ReconnectAttempt];
  /** The attempt succeeded; `open` follows. */
  reconnected: [attempt: ReconnectAttempt];
  /** The delay before an attempt begins. */
  'reconnect scheduled': [attempt: ReconnectAttempt];
  /** The attempt was not finished within `reconnect timeout`. Another one follows. */
  'reconnect timeout': [error: Error, attempt: ReconnectAttempt];
  /** No further attempt will be made; `end` follows. */
  'reconnect failed': [error: Error, attempt: ReconnectAttempt];
  /** The buffer of a client whose `write` returned `false` has drained: sources that are piped in continue. In Node.js. */
  drain: [];
  /** A stream was piped into the client, in Node.js. */
  pipe: [source: unknown];
  /** A stream is no longer piped into the client, in Node.js. */
  unpipe: [source: unknown];
  /** `readyState` has changed. */
  readyStateChange: [state: 'opening' | 'open' | 'end'];
  'outgoing::open': [];
  'outgoing::url': [options: UrlOptions];
  'outgoing::data': [frame: Frame];
  'outgoing::pong': [sent: number];
  'outgoing::reconnect': [];
  'outgoing::end': [];
  'incoming::open': [];
  'incoming::data': [frame: Frame];
  'incoming::ping': [sent: number];
  'incoming::id': [id: string];
  'incoming::error': [error: Error];
  'incoming::end': [];
}

/** The public events: exactly these are reserved, beside the private prefixes. */
export const reserved = reserve(
  'reconnect scheduled',
  'reconnect timeout',
  'readyStateChange',
  'reconnect failed',
  'reconnected',
  'reconnect',
  'offline',
  'timeout',
  'destroy',
  'online',
  'error',
  'close',
  'open',
  'data',
  'end',
);
