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
  /** `value`: the stamp, in digits. */
  | { readonly type: 'ping' | 'pong'; readonly value: string }
  /** `value`: the id, or empty in the question. */
  | { readonly type: 'id'; readonly value: string }
  | { readonly type: 'close' }
  /** Reserved for what comes; ignored. */
  | { readonly type: 'unknown'; readonly value: string };

const PREFIX = 'primus::';
const CLOSE = `${PREFIX}server::close`;

/** Whether a decoded value is protocol rather than data. */
export function isControl(data: unknown): data is string {
  return typeof data === 'string' && data.startsWith(PREFIX);
}

/** Why user data that looks like protocol is not sent. */
export function reservedError(data: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_RESERVED', `What begins with '${PREFIX}' is protocol and cannot be written; wrap it in an object`, {
    data,
  });
}

export function parseControl(text: string): Control {
  if (text === CLOSE) return { type: 'close' };
  const [, type, value] = /^primus::(p[io]ng(?=::\d{1,16}$)|id)::(.*)$/s.exec(text) ?? ['', 'unknown', text];
  return { type, value } as Control;
}

export function printControl(control: Exclude<Control, { type: 'unknown' }>): string {
  return control.type === 'close' ? CLOSE : `${PREFIX}${control.type}::${control.value}`;
}
