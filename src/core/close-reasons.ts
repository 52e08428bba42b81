import { LinkError } from './errors.js';

// A page is not told the status of a WebSocket that is refused. So that it learns why, its client offers two subprotocols, and by the
// one the server takes it knows whether it is in. If it is not, a close frame with a code and a reason follows.
//
//   client: primus, primus.refused  ->  server: primus                         open
//                                       server: primus.refused, close 4401     refused with 401

export const ACCEPTED = 'primus';
export const REFUSED = 'primus.refused';

/** Added to a status it is a close code that applications may use. */
export const CLOSE_BASE = 4_000;

/** The JSON that is the reason of such a close frame: at most 123 bytes. */
export interface CloseReason {
  error?: string | undefined;
  authenticate?: string | undefined;
  /** In ms. */
  retryAfter?: number | undefined;
}

/** The server answered the handshake with a status. */
export function refused(status: number, { error: reason, ...told }: CloseReason): LinkError {
  const message = `The server refused the connection: ${status} ${reason ?? ''}`.trim();
  return new LinkError('ERR_PRIMUS_UNEXPECTED_RESPONSE', message, { status, reason, ...told });
}
