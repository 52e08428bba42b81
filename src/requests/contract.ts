import { invalid, object } from '../core/options.js';
import { type InputOf, isSchema, type OutputOf, type StandardSchema, validate } from '../core/standard-schema.js';
import { type RequestChecks, UNCHECKED } from './port.js';

/** The validators of one kind of request. Without `input` it has no data, without `output` no answer but its end. */
export interface RequestSchemas {
  /** Validates the data. */
  readonly input?: StandardSchema<never, unknown>;
  /** Validates the answer; of a stream each value. */
  readonly output?: StandardSchema<never, unknown>;
}

/** The validators of what travels in one direction. */
export interface DirectionSchemas {
  /** Validates the messages. */
  readonly messages?: StandardSchema<never, unknown>;
  /** Validates the requests that are made in this direction, and their answers, by name. */
  readonly requests?: { readonly [name: string]: RequestSchemas };
}

/** What client and server have agreed on. Both ends import it. */
export interface Contract {
  /** What clients send. */
  readonly toServer?: DirectionSchemas;
  /** What the server sends. */
  readonly toClient?: DirectionSchemas;
}

/** A direction of a contract. */
export type ContractDirection = 'toServer' | 'toClient';

/** The requests of a contract in one direction. */
export type RequestsOf<C extends Contract, D extends ContractDirection> = C[D] extends { readonly requests: infer Requests }
  ? Requests
  : Record<never, RequestSchemas>;

type Field<Schemas, Key extends 'input' | 'output'> = Schemas extends { readonly [K in Key]: infer Schema } ? Schema : undefined;

/** The data that a request takes. */
export type RequestInput<Schemas> = Field<Schemas, 'input'> extends undefined ? undefined : InputOf<Field<Schemas, 'input'>>;
/** The data that its handler gets. */
export type HandlerInput<Schemas> = Field<Schemas, 'input'> extends undefined ? undefined : OutputOf<Field<Schemas, 'input'>>;
/** The answer that its handler gives. */
export type HandlerOutput<Schemas> = Field<Schemas, 'output'> extends undefined ? void : InputOf<Field<Schemas, 'output'>>;
/** The answer that a request gets. */
export type RequestOutput<Schemas> = Field<Schemas, 'output'> extends undefined ? void : OutputOf<Field<Schemas, 'output'>>;

/**
 * Checks that something is a contract.
 *
 * @throws ERR_PRIMUS_OPTION when it is not
 */
export function checkContract(contract: unknown): asserts contract is Contract {
  if (!contract || !object[1](contract)) throw invalid('contract', 'an object with toServer and toClient', contract);
  for (const [direction, schemas] of Object.entries(contract as object)) {
    if (direction !== 'toServer' && direction !== 'toClient') throw invalid('contract', 'made of toServer and toClient', direction);
    if (schemas === undefined) continue;
    if (!object[1](schemas)) throw invalid(direction, 'an object with messages and requests', schemas);
    const { messages, requests = {}, ...rest } = schemas as DirectionSchemas;
    const [odd] = Object.keys(rest);
    if (odd !== undefined) throw invalid(direction, 'made of messages and requests', odd);
    if (messages !== undefined && !isSchema(messages)) throw invalid(`${direction}.messages`, 'a Standard Schema', messages);
    for (const [name, { input, output }] of Object.entries(requests)) {
      for (const [key, schema] of Object.entries({ input, output }))
        if (schema !== undefined && !isSchema(schema)) throw invalid(`${direction}.requests.${name}.${key}`, 'a Standard Schema', schema);
    }
  }
}

/** Returns the checks of the requests in one direction. Names that the contract does not have are not checked: they have no handler. */
export function checksOf(contract: Contract | undefined, direction: ContractDirection): RequestChecks {
  const requests = contract?.[direction]?.requests;
  if (contract === undefined) return UNCHECKED;
  const schemasOf = (name: string): RequestSchemas | undefined => (requests && Object.hasOwn(requests, name) ? requests[name] : undefined);
  const check = (schema: RequestSchemas['input'], value: unknown, subject: string) =>
    schema === undefined ? undefined : validate(schema as StandardSchema, value, subject);
  return {
    input: (name, data) => check(schemasOf(name)?.input, data, `The data of the request ${JSON.stringify(name)}`),
    output: (name, value) => check(schemasOf(name)?.output, value, `An answer to the request ${JSON.stringify(name)}`),
  };
}

/** Whether a contract has a request of that name. Without a contract, there are all. */
export function hasRequest(contract: Contract | undefined, direction: ContractDirection, name: string): boolean {
  return contract === undefined || Object.hasOwn(contract[direction]?.requests ?? {}, name);
}
