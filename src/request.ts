import { type Contract, checkContract } from './core/contract.js';
import { isClient, isServer } from './core/ends.js';
import { describe, PrimusError } from './core/errors.js';
import { invalid, object } from './core/options.js';
import { checked } from './requests/checks.js';
import { clientRequests, type RequestClient } from './requests/client.js';
import { type RequestOptions, requestOptions } from './requests/options.js';
import { type RequestServer, serverRequests } from './requests/server.js';
import type { ClientRequests, ContractClientRequests, ContractServerRequests, ServerRequests } from './requests/types.js';

export type { RequestContext } from './requests/answers.js';
export type { RequestClient } from './requests/client.js';
export { RequestError } from './requests/errors.js';
export type { AskOptions, RequestOptions } from './requests/options.js';
export type { RequestServer } from './requests/server.js';
export type {
  ClientRequests,
  ContractClientRequests,
  ContractServerRequests,
  HandlerResult,
  Reply,
  RequestArguments,
  ServerRequests,
  SparkRequestContext,
} from './requests/types.js';

const created = new WeakMap<object, unknown>();

/**
 * Returns the requests of a server, or of a client: for the same one the same object, with the options of the first call. Both ends ask, and both
 * answer. The server or client gets no new members.
 *
 * A request ends once: with its answer, or with an error that has a code. It fails at once when the connection is lost, as it may have been handled
 * then; with a session it goes on over the next connection.
 *
 * @throws ERR_PRIMUS_OPTION when an argument is invalid
 *
 * @example
 * import { requests } from 'primus-rx/request';
 *
 * // On the server:
 * requests(primus).handle('add', ([a, b]: [number, number]) => a + b);
 *
 * // On the client:
 * const sum = await requests(client).call<number>('add', [1, 2]);
 */
export function requests<C extends Contract>(
  client: RequestClient,
  options: RequestOptions & { readonly contract: C },
): ContractClientRequests<C>;
export function requests<Spark, C extends Contract>(
  primus: RequestServer<Spark>,
  options: RequestOptions & { readonly contract: C },
): ContractServerRequests<Spark, C>;
export function requests(client: RequestClient, options?: RequestOptions): ClientRequests;
export function requests<Spark>(primus: RequestServer<Spark>, options?: RequestOptions): ServerRequests<Spark>;
export function requests(end: RequestClient | RequestServer<unknown>, options: RequestOptions & { contract?: Contract } = {}): unknown {
  const create = isServer(end) ? serverRequests : isClient(end) ? clientRequests : undefined;
  if (create === undefined)
    throw new PrimusError(
      'ERR_PRIMUS_OPTION',
      `requests: the first argument must be a server or a client of this package, got ${describe(end)}`,
    );
  const known = created.get(end);
  if (known !== undefined) return known;
  if (!options || !object[1](options)) throw invalid('options', object[0], options);
  const { contract, ...limits } = options;
  if (contract !== undefined) checkContract(contract);
  const made = (create as typeof clientRequests)(end as never, requestOptions(limits), contract && checked(contract));
  created.set(end, made);
  return made;
}
