import { PrimusError } from './errors.js';

/**
 * The control messages. On the line each is a string passed through the parser, as the seed's chapter "Protocol" has it:
 *
 * ```
 * primus::ping::<stamp>      server -> client   alive? (stamp: ms since the epoch)
 * primus::pong::<stamp>      client -> server   the very stamp that was received
 * primus::id::               client -> server   which spark am I?
 * primus::id::<id>           server -> client   this one
 * primus::server::close      server -> client   closed on purpose: do not reconnect
 * ```
 */
export type Control =
  | { readonly type: 'ping'; readonly stamp: string }
  | { readonly type: 'pong'; readonly stamp: string }
  | { readonly type: 'identify' }
  | { readonly type: 'identity'; readonly id: string }
  | { readonly type: 'close' }
  /** Reserved for what comes; ignored. */
  | { readonly type: 'unknown'; readonly text: string };

const PREFIX = 'primus::';

/** Whether a decoded value is protocol rather than data. */
export function isControl(data: unknown): data is string {
  return typeof data === 'string' && data.charCodeAt(0) === 112 && data.startsWith(PREFIX);
}

/** Why user data that looks like protocol is not sent. */
export function reservedError(data: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_RESERVED', "What begins with 'primus::' is protocol and cannot be written; wrap it in an object", { data });
}

export function parseControl(text: string): Control {
  const match = /^primus::(?:(ping|pong)::(\d{1,16})|id::(.*)|server::close)$/s.exec(text);
  if (match === null) return { type: 'unknown', text };
  const [, type, stamp, id] = match;
  if (stamp !== undefined) return { type: type as 'ping' | 'pong', stamp };
  if (id === undefined) return { type: 'close' };
  return id === '' ? { type: 'identify' } : { type: 'identity', id };
}

export function printControl(control: Exclude<Control, { type: 'unknown' }>): string {
  switch (control.type) {
    case 'close':
      return 'primus::server::close';
    case 'identify':
      return 'primus::id::';
    case 'identity':
      return `primus::id::${control.id}`;
    default:
      return `primus::${control.type}::${control.stamp}`;
  }
}
