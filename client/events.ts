import type { PrimusError } from '../src/core/errors.js';
import { reserve } from '../src/core/events.js';
import type { Frame } from '../src/core/link.js';
import type { ReconnectAttempt } from './state.js';
import type { UrlOptions } from './url.js';

/** The events of a client; extend by declaration merging. */
// biome-ignore lint/suspicious/noExplicitAny: the documented default: a message may be anything the parser can carry.
export interface ClientEvents<In = any> {
  /** A connection is there: the first one, or another after it was lost. */
  open: [];
  /** A message, decoded and transformed, and the frame it came as. */
  data: [data: In, raw: Frame];
  /** A message was lost, a listener threw, or a connection could not be made. Never thrown when nobody listens. */
  error: [error: Error | PrimusError];
  /** The connection is down; we might reconnect. */
  close: [];
  /** The connection is down for good. */
  end: [];
  /** The client was destroyed: the last event of all. */
  destroy: [];
  /** The network is back. */
  online: [];
  /** The network is gone. */
  offline: [];
  /** The first connection took too long. */
  timeout: [];
  /** The wait is over: the attempt is being made. */
  reconnect: [attempt: ReconnectAttempt];
  /** The attempt succeeded; `open` follows. */
  reconnected: [attempt: ReconnectAttempt];
  /** The wait before an attempt begins. */
  'reconnect scheduled': [attempt: ReconnectAttempt];
  /** The attempt took longer than `reconnect timeout`; another one follows. */
  'reconnect timeout': [error: Error, attempt: ReconnectAttempt];
  /** No further attempt will be made; `end` follows. */
  'reconnect failed': [error: Error, attempt: ReconnectAttempt];
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
