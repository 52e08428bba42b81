/**
 * The messages about requests. Each is an array that the parser encodes as it encodes any message; message transformers do not see it. Either end
 * asks, so each word has one direction: from the end that asks to the one that answers, or back. An end sends them only if its application asks, or
 * when the peer has asked.
 *
 * ```
 * ['primus::request', id, name, data, credit]     ask -> answer   asks. credit: how many values of a stream may be sent
 * ['primus::request::more', id, credit]           ask -> answer   so many more may be sent
 * ['primus::request::cancel', id]                 ask -> answer   the answer is not wanted any more
 * ['primus::request::sync', asked, answering]     ask -> answer   the ids of requests that are under way, in each direction, after a session was
 *                                                                 resumed: one that the peer does not know has been lost
 * ['primus::request::ready']                       answer -> ask   a server has requests: sent at once when the first of these messages arrives from a
 *                                                                 spark, as the answer may take its time
 * ['primus::request::next', id, value]            answer -> ask   a value of a stream
 * ['primus::request::done', id, value]            answer -> ask   the end. value: the answer; missing behind a stream, and when there is none
 * ['primus::request::error', id, failure, message, reason, data]
 *                                                 answer -> ask   the request has failed. The last three only when they were said on purpose
 * ```
 */
export type RequestWord =
  | readonly ['primus::request', id: number, name: string, data: unknown, credit: number]
  | readonly ['primus::request::more', id: number, credit: number]
  | readonly ['primus::request::cancel', id: number]
  | readonly ['primus::request::sync', asked: readonly number[], answering: readonly number[]]
  | readonly ['primus::request::ready']
  | readonly ['primus::request::next', id: number, value: unknown]
  | readonly ['primus::request::done', id: number, value?: unknown]
  | readonly ['primus::request::error', id: number, failure: RequestFailure, message?: string, reason?: string, data?: unknown];

/** The cause of a failed request, as the end that answers names it. */
export type RequestFailure =
  /** The handler has rejected it on purpose. */
  | 'rejected'
  /** The handler has failed. */
  | 'failed'
  /** There is no handler of that name. */
  | 'unknown'
  /** Too many requests are being answered. */
  | 'busy'
  /** The request does not satisfy the contract. */
  | 'invalid'
  /** The values of the answer were not read. */
  | 'slow'
  /** It was lost: the end that answers is another one now. */
  | 'lost';

/** Whether a message is one of this package, so that an application must not send it as its own. */
export function isReservedWord(data: unknown): data is readonly [string, ...unknown[]] {
  return Array.isArray(data) && typeof data[0] === 'string' && data[0].startsWith('primus::');
}

/** Whether a message is about a request. */
export function isRequestWord(data: unknown): data is readonly [string, ...unknown[]] {
  return isReservedWord(data) && data[0].startsWith('primus::request');
}
