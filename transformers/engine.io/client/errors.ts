import { refused } from '../../../src/core/close-reasons.js';
import { dropped, type LinkError } from '../../../src/core/errors.js';

/** Returns the error of a connection that ended because a request was answered with a status instead of the engine's data. */
export function droppedByStatus(status: number, request: XMLHttpRequest): LinkError {
  const after = Number(request.getResponseHeader('retry-after'));
  // A lost session is everyday; a message that was too long is an error.
  const closeCode = status === 413 ? 1009 : undefined;
  return Object.assign(dropped(closeCode ?? status, messageOf(request.responseText)), {
    closeCode,
    status,
    retryAfter: after > 0 ? after * 1000 : undefined,
    authenticate: request.getResponseHeader('www-authenticate') ?? undefined,
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
    return [error, message].find((text) => typeof text === 'string');
  } catch {
    return undefined;
  }
}
