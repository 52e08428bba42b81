import { refused } from '../../../src/core/close-reasons.js';
import { LinkError } from '../../../src/core/errors.js';

/** Returns the error of a connection that ended because a request was answered with a status instead of the engine's data. */
export function droppedByStatus(status: number, request: XMLHttpRequest): LinkError {
  // A lost session is everyday; a message that was too long is an error.
  const isTooLong = status === 413;
  const said = messageOf(request.responseText);
  const reason = isTooLong && !/maxLength/.test(`${said}`) ? 'A message exceeds maxLength' : said;
  const after = Number(request.getResponseHeader('retry-after'));
  const authenticate = request.getResponseHeader('www-authenticate') ?? undefined;
  const message = `The connection dropped (${status}${reason ? ` ${reason}` : ''})`;
  return new LinkError('ERR_PRIMUS_DROPPED', message, {
    status,
    reason,
    retryAfter: after > 0 ? after * 1000 : undefined,
    authenticate,
    ...(isTooLong && { closeCode: 1009, cause: new Error(reason) }),
  });
}

/** Returns the error of a handshake that was answered so; `undefined` without an answer. */
export function rejectionOf({ status, reason: error, retryAfter, authenticate }: LinkError): LinkError | undefined {
  return status === undefined ? undefined : refused(status, { error, retryAfter, authenticate });
}

/** Returns the message in the body of a rejection, ours or the engine's own. */
function messageOf(body: string): string | undefined {
  try {
    const { error, message } = JSON.parse(body) as { error?: unknown; message?: unknown };
    return typeof error === 'string' ? error : typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
