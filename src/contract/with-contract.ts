import { type Contract, type ContractDirection, checkContract, type MessageInput, type MessageOutput } from '../core/contract.js';
import { isClient, isServer } from '../core/ends.js';
import { describe, PrimusError } from '../core/errors.js';
import { isPromise } from '../core/eventual.js';
import type { MessageTransformer, Packet } from '../core/message-transformers.js';
import { boolean, check, invalid, object } from '../core/options.js';
import type { RETYPED, Retypable, Retyped } from '../core/retyped.js';
import { type StandardSchema, validate } from '../core/standard-schema.js';

/** The options of `withContract`. */
export interface ContractOptions {
  /**
   * Whether the messages that this end sends are checked, too. The peer checks them in any case; on a server each message of a broadcast is checked
   * for each connection, and encoded for it.
   *
   * @defaultValue `true`
   */
  outgoing?: boolean;
}

/** A server or client that may have a contract. */
export interface Contractable {
  /** The message transformers. */
  readonly transformers: object;
  /** Lets types name the class with other messages. @internal */
  readonly [RETYPED]?: Retypable;
}

/** The rest of a server or client that a contract uses. */
interface End {
  readonly transformers: { readonly incoming: MessageTransformer[]; readonly outgoing: MessageTransformer[] };
}

/** The messages of an end with a contract. */
export type WithContract<E, C extends Contract> = E extends { readonly connection$: unknown }
  ? Retyped<E, MessageOutput<C, 'toServer'>, MessageInput<C, 'toClient'>>
  : Retyped<E, MessageOutput<C, 'toClient'>, MessageInput<C, 'toServer'>>;

const contracts = new WeakMap<object, Contract>();

/**
 * Checks the messages of a server, or of a client, and returns it with their types. A message that does not satisfy the contract is dropped: the
 * client, or the spark, emits an `error` with the code `ERR_PRIMUS_CONTRACT`, whose message has the path of each issue. Messages that are received
 * are what the validators make of them; messages that are sent are sent as they are written.
 *
 * The check of incoming messages follows the message transformers that are there, that of outgoing ones precedes them.
 *
 * @throws ERR_PRIMUS_OPTION when an argument is invalid, or there is another contract
 *
 * @example
 * import { contract, events, withContract } from 'primus-rx/contract';
 * import { z } from 'zod';
 *
 * const chat = contract({
 *   toServer: { messages: events({ say: z.object({ body: z.string() }) }) },
 *   toClient: { messages: events({ said: z.object({ by: z.string(), body: z.string() }) }) },
 * });
 * const typed = withContract(primus, chat);
 * typed.on('connection', (spark) => {
 *   spark.on('data', (message) => spark.write({ type: 'said', by: spark.id, body: message.body }));
 * });
 */
export function withContract<E extends Contractable, const C extends Contract>(
  end: E,
  contract: C,
  options: ContractOptions = {},
): WithContract<E, C> {
  const { transformers } = Object(end) as End;
  const checksServer = isServer(end);
  if (!checksServer && !isClient(end))
    throw new PrimusError(
      'ERR_PRIMUS_OPTION',
      `withContract: the first argument must be a server or a client of this package, got ${describe(end)}`,
    );
  checkContract(contract);
  if (!options || !object[1](options)) throw invalid('options', object[0], options);
  check(options, { outgoing: boolean });
  const known = contracts.get(end);
  if (known !== undefined && known !== contract) throw new PrimusError('ERR_PRIMUS_OPTION', 'There is another contract already');
  if (known !== undefined) return end as never;
  contracts.set(end, contract);
  const [incoming, outgoing]: ContractDirection[] = checksServer ? ['toServer', 'toClient'] : ['toClient', 'toServer'];
  const received = contract[incoming as ContractDirection]?.messages;
  const sent = contract[outgoing as ContractDirection]?.messages;
  if (received) transformers.incoming.push(checking(received, 'A message that was received', true));
  if (sent && options.outgoing !== false) transformers.outgoing.unshift(checking(sent, 'A message that was written', false));
  return end as never;
}

/** Creates a message transformer that checks. `replaces`: and goes on with what the validator makes of a message. */
function checking(schema: StandardSchema, subject: string, replaces: boolean): MessageTransformer {
  return (packet: Packet): unknown => {
    const proceed = (checked: unknown): true => {
      if (replaces) packet.data = checked;
      return true;
    };
    const checked = validate(schema, packet.data, subject);
    return isPromise(checked) ? checked.then(proceed) : proceed(checked);
  };
}
