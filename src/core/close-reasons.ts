import { LinkError } from './errors.js';

// A page cannot read the status of a WebSocket that is refused. So its client offers two subprotocols, and the one that the server
// selects shows whether the connection is accepted. If it is not, a close frame with a code and a reason follows.
//
//   client: primus, primus.refused  ->  server: primus                         open
//                                       server: primus.refused, close 4401     refused with 401

export const ACCEPTED = 'primus';
export const REFUSED = 'primus.refused';

/** The offset of close codes: added to a status it gives a code that applications may use. */
export const CLOSE_BASE = 4_000;

/** The JSON that is the reason of such a close frame: at most 123 bytes. */
export interface CloseReason {
  error?: string | undefined;
  authenticate?: string | undefined;
  /** In ms. */
  retryAfter?: number | undefined;
}

/** Creates the error of a handshake that the server answered with a status. */
export function refused(status: number, { error: reason, ...details }: CloseReason): LinkError {
  const message = `The server refused the connection: ${status} ${reason ?? ''}`.trim();
  return new LinkError('ERR_PRIMUS_UNEXPECTED_RESPONSE', message, { status, reason, ...details });
}
