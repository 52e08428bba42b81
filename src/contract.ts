import { type Contract, checkContract } from './core/contract.js';

export { type EventInput, type EventOutput, type EventSchemas, events } from './contract/events.js';
export { type Contractable, type ContractOptions, type WithContract, withContract } from './contract/with-contract.js';
export type {
  Contract,
  ContractDirection,
  DirectionSchemas,
  HandlerInput,
  HandlerOutput,
  MessageInput,
  MessageOutput,
  RequestInput,
  RequestOutput,
  RequestSchemas,
  RequestsOf,
} from './core/contract.js';
export type { InputOf, OutputOf, SchemaIssue, SchemaResult, StandardSchema } from './core/standard-schema.js';

/**
 * Returns what client and server agree on: the validators of their messages and requests, in each direction. Any library with
 * [Standard Schema](https://standardschema.dev) makes validators: Zod, Valibot and ArkType are some.
 *
 * @throws ERR_PRIMUS_OPTION when it is no contract
 *
 * @example
 * import { contract } from 'primus-rx/contract';
 * import { z } from 'zod';
 *
 * export const prices = contract({
 *   toServer: {
 *     messages: z.object({ watch: z.string() }),
 *     requests: { price: { input: z.string(), output: z.number() } },
 *   },
 *   toClient: { messages: z.object({ symbol: z.string(), price: z.number() }) },
 * });
 */
export function contract<const C extends Contract>(contract: C): C {
  checkContract(contract);
  return contract;
}
