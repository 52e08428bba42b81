import { PrimusError } from '../core/errors.js';
import type { RequestFailure } from '../core/request-words.js';

/** The errors that a peer has sent. A handler that rejects with one has not said so itself. */
const received = new WeakSet<object>();

/**
 * The error with which a handler rejects a request. The peer gets an error with the same reason, message and data, and learns nothing of
 * any other error.
 *
 * @example
 * import { RequestError, requests } from 'primus-rx/request';
 *
 * const users = new Map([[7, { name: 'ada' }]]);
 * requests(primus).handle('user', (id: number) => {
 *   const user = users.get(id);
 *   if (!user) throw new RequestError('not found', `There is no user ${id}`, { id });
 *   return user;
 * });
 * requests(client)
 *   .call('user', 7)
 *   .catch((error) => {
 *     if (error instanceof RequestError) console.error(error.code, error.reason, error.data, error.cause);
 *   });
 */
export class RequestError extends PrimusError {
  /** The reason, by which programs tell errors apart. */
  readonly reason: string;

  constructor(reason: string, message: string = reason, data?: unknown) {
    super('ERR_PRIMUS_REQUEST', message, { data });
    this.name = 'RequestError';
    this.reason = reason;
  }
}

/** Whether a handler has thrown this for its peer. */
export function isForPeer(error: unknown): error is RequestError {
  return error instanceof RequestError && !received.has(error);
}

/** Creates the error of a request that its peer has failed. */
export function failed(name: string, [failure, message, reason, data]: readonly unknown[]): PrimusError {
  const request = `The request ${JSON.stringify(name)}`;
  switch (failure as RequestFailure) {
    case 'rejected': {
      const error = new RequestError(stringOf(reason, 'rejected'), stringOf(message, `${request} was rejected`), data);
      received.add(error);
      return error;
    }
    case 'invalid':
      return new PrimusError('ERR_PRIMUS_CONTRACT', stringOf(message, `${request} does not satisfy the contract`));
    case 'unknown':
      return new PrimusError('ERR_PRIMUS_NO_HANDLER', `${request} has no handler: the peer must call \`handle\` for this name`);
    case 'busy':
      return new PrimusError('ERR_PRIMUS_BUSY', `${request} was refused: the peer answers \`maxRequests\` requests already`);
    case 'slow':
      return new PrimusError('ERR_PRIMUS_SLOW_PEER', `${request} ends: its values were not read in time`);
    case 'lost':
      return lost(name);
    default:
      return new PrimusError('ERR_PRIMUS_HANDLER', `${request} has failed: the peer has reported why`);
  }
}

/** Creates the error of a request whose connection was lost. */
export function lost(name: string): PrimusError {
  return new PrimusError(
    'ERR_PRIMUS_DROPPED',
    `The request ${JSON.stringify(name)} has lost its connection: it may have been handled, and is not repeated`,
  );
}

function stringOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
