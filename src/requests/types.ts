import type { Observable, Unsubscribable } from 'rxjs';
import type { Contract, HandlerInput, HandlerOutput, RequestInput, RequestOutput, RequestsOf } from '../core/contract.js';
import type { RequestContext } from './answers.js';
import type { AskOptions } from './options.js';

/**
 * The answer to a request: a cold Observable. Each subscription makes the request, and unsubscribing cancels it at the peer. Awaited, it makes
 * the request and is its first value, `undefined` if there is none; the rest is cancelled. As an async iterable it slows the peer down: a slow
 * loop causes back-pressure.
 *
 * @example
 * import { requests } from 'primus-rx/request';
 *
 * const { request } = requests(client);
 * const user = await request('user', 7);
 * for await (const row of request('rows', { table: 'users' })) console.log(row);
 */
export interface Reply<T> extends Observable<T>, PromiseLike<T> {
  /** Makes the request, and iterates over the values. Leaving the loop cancels the request. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined>;
}

/** The context of a request for its handler on a server. */
export interface SparkRequestContext<Spark> extends RequestContext {
  /** The connection of the client that asks. */
  readonly spark: Spark;
}

/** The results of a handler: a value, a promise, or a stream of values: an Observable, or an async iterable. `undefined` is no value. */
export type HandlerResult<T> = T | PromiseLike<T> | Observable<T> | AsyncIterable<T> | PromiseLike<Observable<T> | AsyncIterable<T>>;

/** The requests of a client. */
export interface ClientRequests {
  /**
   * Asks the server. The request is made for each subscriber, waits for a connection if there is none, and fails when the connection is lost.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid
   */
  // biome-ignore lint/suspicious/noExplicitAny: the documented default: it may be anything the parser can carry.
  request<T = any>(name: string, data?: unknown, options?: AskOptions): Reply<T>;
  /**
   * Asks the server at once. Resolves to the first value of the answer, `undefined` if there is none, and cancels the rest.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid
   */
  // biome-ignore lint/suspicious/noExplicitAny: the documented default: it may be anything the parser can carry.
  call<T = any>(name: string, data?: unknown, options?: AskOptions): Promise<T>;
  /**
   * Answers the requests of the server of a name. Unsubscribing removes the handler.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid, or the name has a handler
   */
  // biome-ignore lint/suspicious/noExplicitAny: the documented default: it may be anything the parser can carry.
  handle<Data = any>(name: string, handler: (data: Data, context: RequestContext) => unknown): Unsubscribable;
}

/** The requests of a server. */
export interface ServerRequests<Spark> {
  /**
   * Asks a client. The request is made for each subscriber, and fails when the connection ends.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid
   */
  // biome-ignore lint/suspicious/noExplicitAny: the documented default: it may be anything the parser can carry.
  request<T = any>(spark: Spark, name: string, data?: unknown, options?: AskOptions): Reply<T>;
  /**
   * Asks a client at once. Resolves to the first value of the answer, `undefined` if there is none, and cancels the rest.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid
   */
  // biome-ignore lint/suspicious/noExplicitAny: the documented default: it may be anything the parser can carry.
  call<T = any>(spark: Spark, name: string, data?: unknown, options?: AskOptions): Promise<T>;
  /**
   * Answers the requests of clients of a name. Unsubscribing removes the handler.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid, or the name has a handler
   */
  // biome-ignore lint/suspicious/noExplicitAny: the documented default: it may be anything the parser can carry.
  handle<Data = any>(name: string, handler: (data: Data, context: SparkRequestContext<Spark>) => unknown): Unsubscribable;
}

/** The arguments of a request: its data, unless it has none, and options. */
export type RequestArguments<Schemas> =
  undefined extends RequestInput<Schemas>
    ? [data?: RequestInput<Schemas>, options?: AskOptions]
    : [data: RequestInput<Schemas>, options?: AskOptions];

/** The requests of a client with a contract. */
export interface ContractClientRequests<C extends Contract> {
  /**
   * Asks the server, as `ClientRequests` does.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid, or the contract has no such request
   */
  request<Name extends string & keyof RequestsOf<C, 'toServer'>>(
    name: Name,
    ...rest: RequestArguments<RequestsOf<C, 'toServer'>[Name]>
  ): Reply<RequestOutput<RequestsOf<C, 'toServer'>[Name]>>;
  /**
   * Asks the server at once, as `ClientRequests` does.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid, or the contract has no such request
   */
  call<Name extends string & keyof RequestsOf<C, 'toServer'>>(
    name: Name,
    ...rest: RequestArguments<RequestsOf<C, 'toServer'>[Name]>
  ): Promise<RequestOutput<RequestsOf<C, 'toServer'>[Name]>>;
  /**
   * Answers the requests of the server of a name.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid, the contract has no such request, or the name has a handler
   */
  handle<Name extends string & keyof RequestsOf<C, 'toClient'>>(
    name: Name,
    handler: (
      data: HandlerInput<RequestsOf<C, 'toClient'>[Name]>,
      context: RequestContext,
    ) => HandlerResult<HandlerOutput<RequestsOf<C, 'toClient'>[Name]>>,
  ): Unsubscribable;
}

/** The requests of a server with a contract. */
export interface ContractServerRequests<Spark, C extends Contract> {
  /**
   * Asks a client, as `ServerRequests` does.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid, or the contract has no such request
   */
  request<Name extends string & keyof RequestsOf<C, 'toClient'>>(
    spark: Spark,
    name: Name,
    ...rest: RequestArguments<RequestsOf<C, 'toClient'>[Name]>
  ): Reply<RequestOutput<RequestsOf<C, 'toClient'>[Name]>>;
  /**
   * Asks a client at once, as `ServerRequests` does.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid, or the contract has no such request
   */
  call<Name extends string & keyof RequestsOf<C, 'toClient'>>(
    spark: Spark,
    name: Name,
    ...rest: RequestArguments<RequestsOf<C, 'toClient'>[Name]>
  ): Promise<RequestOutput<RequestsOf<C, 'toClient'>[Name]>>;
  /**
   * Answers the requests of clients of a name.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid, the contract has no such request, or the name has a handler
   */
  handle<Name extends string & keyof RequestsOf<C, 'toServer'>>(
    name: Name,
    handler: (
      data: HandlerInput<RequestsOf<C, 'toServer'>[Name]>,
      context: SparkRequestContext<Spark>,
    ) => HandlerResult<HandlerOutput<RequestsOf<C, 'toServer'>[Name]>>,
  ): Unsubscribable;
}
