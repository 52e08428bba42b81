import { refused } from '../../../src/core/close-reasons.js';
import { LinkError } from '../../../src/core/errors.js';

/** A request was answered by something else than the engine's data. */
export function answered(status: number, request: XMLHttpRequest): LinkError {
  const reason = messageOf(request.responseText);
  const after = Number(request.getResponseHeader('retry-after'));
  const authenticate = request.getResponseHeader('www-authenticate') ?? undefined;
  const message = `The connection dropped (${status}${reason ? ` ${reason}` : ''})`;
  // That a session is gone is everyday; that a message was too long is an error.
  const tooLong = status === 413 && {
    closeCode: 1009,
    cause: new LinkError('ERR_PRIMUS_DROPPED', 'The server takes no message this long'),
  };
  return new LinkError('ERR_PRIMUS_DROPPED', message, {
    status,
    reason,
    retryAfter: after > 0 ? after * 1000 : undefined,
    authenticate,
    ...tooLong,
  });
}

/** What such an answer says to whoever has not been let in: the server refuses. `undefined` where there was no answer. */
export function refusal({ status, reason: error, retryAfter, authenticate }: LinkError): LinkError | undefined {
  return status === undefined ? undefined : refused(status, { error, retryAfter, authenticate });
}

/** The message in the body of a refusal, ours or the engine's own. */
function messageOf(body: string): string | undefined {
  try {
    const { error, message } = JSON.parse(body) as { error?: unknown; message?: unknown };
    return typeof error === 'string' ? error : typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
