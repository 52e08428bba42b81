import { LinkError } from './errors.js';

// Browsers do not show a page the status of a rejected WebSocket. So the client offers two subprotocols. The one that the server selects
// shows whether the connection was accepted. If not, a close frame with a code and a reason follows.
//
//   client: primus, primus.refused  ->  server: primus                         accepted
//                                       server: primus.refused, close 4401     rejected with 401

export const ACCEPTED = 'primus';
export const REFUSED = 'primus.refused';

/** The difference between a close code and the status that it stands for. Applications may use the close codes from 4000. */
export const CLOSE_BASE = 4_000;

/** The close code for a client that may reconnect: the server has too much to do, or needs the memory. */
export const TRY_AGAIN_LATER = 1013;

/** The JSON that is the reason of such a close frame: at most 123 bytes. */
export interface CloseReason {
  error?: string | undefined;
  authenticate?: string | undefined;
  /** The delay before the next attempt, in ms. */
  retryAfter?: number | undefined;
}

/** Returns the reason of a connection that is closed (1009) because a message exceeds the limit of the end that closes it. */
export function tooLong(maxLength: number): string {
  return `A message exceeds maxLength (${maxLength})`;
}

/** Creates the error of a handshake that the server rejected with a status. */
export function refused(status: number, { error: reason, ...details }: CloseReason): LinkError {
  const message = `The server rejected the connection: ${status} ${reason ?? ''}`.trim();
  return new LinkError('ERR_PRIMUS_UNEXPECTED_RESPONSE', message, { status, reason, ...details });
}
