/**
 * The control messages of sessions. They are sent only to peers that have asked for a session, or have offered one:
 *
 * ```
 * ?_primus_session=0 or 1                                       client -> server   in the query: wants a new session, or will resume one
 * primus::server::session::1.<epoch>.<token>                    server -> client   first frame: a new session, of version 1
 * primus::server::resume?                                       server -> client   first frame: which session?
 * primus::resume::<token>.<received>[.<from>.<sent>]            client -> server   this one, with the client's counts
 * primus::server::resumed::<received>.<token>.<missed>          server -> client   resumed; `missed` messages follow
 * primus::server::gap::<reason>.<epoch>.<token>                 server -> client   a new session, as the old one cannot be resumed
 * primus::server::ack::<received>                               server -> client   so many messages were received
 * primus::ack::<received>                                       client -> server   the same
 * primus::bye::<received>                                       client -> server   the client ends on purpose
 * ```
 *
 * Counts are those of messages, control messages excluded. `from`: the messages before the first one that the client still has.
 */
export const SESSION_FIELD = '_primus_session';

/** The question which session to resume. */
export const WHICH_SESSION = 'primus::server::resume?';

/** The reason for which a session could not be resumed. */
export type GapReason =
  /** The session is over: it was away for longer than `window`, or one end has ended it. */
  | 'expired'
  /** More was sent meanwhile than `ring` holds. */
  | 'overflow'
  /** The server is another one, or was restarted. */
  | 'epoch'
  /** The session belongs to another identity. */
  | 'identity'
  /** The session was resumed by a client that has a newer token. */
  | 'taken'
  /** The sessions that were away took more memory than `budget`. */
  | 'budget'
  /** The session was resumed again and again for longer than `window`, and no message arrived. */
  | 'stuck'
  /** The server has no sessions. */
  | 'unsupported';

/** A connection begins with a new session. */
export interface Fresh {
  /** The outcome. */
  readonly type: 'fresh';
}

/** A session was resumed: no message was lost in either direction. */
export interface Resumed {
  /** The outcome. */
  readonly type: 'resumed';
  /** The number of messages that follow, which the peer has sent meanwhile or just before. */
  readonly missed: number;
  /** The number of messages that were sent again. */
  readonly resent: number;
  /** How long there was no connection, in ms. */
  readonly away: number;
}

/** A session could not be resumed: messages may be lost. */
export interface Gap {
  /** The outcome. */
  readonly type: 'gap';
  /** The reason for which the session was not resumed. */
  readonly reason: GapReason;
  /** The number of messages that were sent and that the peer has not acknowledged: they may or may not have arrived. */
  readonly unconfirmed: number;
}

/** A message of a client, about its session. */
export type ClientWord =
  | { readonly type: 'ack'; readonly received: number }
  | { readonly type: 'bye'; readonly received: number }
  | { readonly type: 'resume'; readonly token: string; readonly received: number; readonly from?: number; readonly sent?: number };

/** A message of a server, about a session. All have the same fields; those that it does not need are empty. */
export interface ServerWord {
  readonly type: 'session' | 'resume' | 'resumed' | 'gap' | 'ack';
  /** The version, the number of messages that the server has received, or the reason of the gap. */
  readonly value: string;
  /** The epoch, or the token of a session that is resumed. */
  readonly second: string;
  /** The token, or the number of messages that follow. */
  readonly third: string;
}

/** Parses a control message of a client. A number of received messages that is none is `NaN`. Returns `undefined` for a message about something else. */
export function parseClientWord(text: string): ClientWord | undefined {
  const [, type, value = ''] = /^primus::(ack|bye|resume)::(.{0,128})$/s.exec(text) ?? [];
  if (type === 'ack' || type === 'bye') return { type, received: countOf(value) };
  const [, token = '', received, from, sent] = /^([\w-]{1,64})\.(\d{1,15})(?:\.(\d{1,15})\.(\d{1,15}))?$/.exec(value) ?? [];
  if (type === undefined || received === undefined) return undefined;
  const counts = { received: Number(received), ...(sent !== undefined && { from: Number(from), sent: Number(sent) }) };
  return { type: 'resume', token, ...counts };
}

/** Parses a control message of a server. Returns `undefined` for a message about something else. */
export function parseServerWord(text: string): ServerWord | undefined {
  const word = /^primus::server::(session|resumed?|gap|ack)(?:\?|::([\w-]{1,64})(?:\.([\w-]{1,64})(?:\.([\w-]{1,64}))?)?)$/.exec(text);
  if (!word) return undefined;
  const [, type, value = '', second = '', third = ''] = word;
  return { type, value, second, third } as ServerWord;
}

/** Returns the count that a string has; `NaN` for any other string. */
function countOf(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}
