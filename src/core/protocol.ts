import { PrimusError } from './errors.js';

/**
 * The control messages. Each is a string that is encoded by the parser like a message:
 *
 * ```
 * primus::ping::<stamp>      server -> client   (stamp: ms since the epoch)
 * primus::pong::<stamp>      client -> server   the very stamp that was received
 * primus::id::               client -> server   asks for the id of the spark
 * primus::id::<id>           server -> client   the answer
 * primus::server::close      server -> client   closed on purpose: do not reconnect
 * primus::server::retry::<ms> server -> client  the server drains: reconnect after <ms> at the earliest
 * ```
 */
export type Control =
  /** `value`: the stamp, in digits. */
  | { readonly type: 'ping' | 'pong'; readonly value: string }
  /** `value`: the id, or empty in the question. */
  | { readonly type: 'id'; readonly value: string }
  /** Closed on purpose. */
  | { readonly type: 'server'; readonly value: 'close' }
  /** `value`: the delay in ms, in digits. */
  | { readonly type: 'server::retry'; readonly value: string }
  /** About a session: see `session-words.ts`. They are only printed here. */
  | { readonly type: 'ack' | 'bye' | 'resume' | 'server::ack' | 'server::session' | 'server::gap'; readonly value: string }
  /** Reserved for later versions. It is ignored. */
  | { readonly type: 'unknown'; readonly value: string };

const PREFIX = 'primus::';

/** Whether a decoded value is protocol rather than data. */
export function isControl(data: unknown): data is string {
  return typeof data === 'string' && data.startsWith(PREFIX);
}

/** Creates the error of user data that looks like a control message. */
export function reservedError(data: unknown): PrimusError {
  return new PrimusError('ERR_PRIMUS_RESERVED', `A string that begins with '${PREFIX}' is reserved: wrap it in an object`, { data });
}

export function parseControl(text: string): Control {
  const [, type, value] = /^primus::((?:p[io]ng|server::retry)(?=::\d{1,16}$)|id|server(?=::close$))::(.*)$/s.exec(text) ?? [
    '',
    'unknown',
    text,
  ];
  return { type, value } as Control;
}

export function printControl(control: Exclude<Control, { type: 'unknown' }>): string {
  return `${PREFIX}${control.type}::${control.value}`;
}
