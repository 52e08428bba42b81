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

export function parseControl(text: string): Control {
  if (text === 'primus::server::close') return { type: 'close' };
  const end = text.indexOf('::', PREFIX.length);
  const name = end === -1 ? '' : text.slice(PREFIX.length, end);
  const value = text.slice(end + 2);
  switch (name) {
    case 'ping':
    case 'pong':
      return /^\d{1,16}$/.test(value) ? { type: name, stamp: value } : { type: 'unknown', text };
    case 'id':
      return value === '' ? { type: 'identify' } : { type: 'identity', id: value };
    default:
      return { type: 'unknown', text };
  }
}

export function printControl(control: Control): string {
  switch (control.type) {
    case 'ping':
    case 'pong':
      return `primus::${control.type}::${control.stamp}`;
    case 'identify':
      return 'primus::id::';
    case 'identity':
      return `primus::id::${control.id}`;
    case 'close':
      return 'primus::server::close';
    case 'unknown':
      return control.text;
  }
}
