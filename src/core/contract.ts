import { invalid, object } from './options.js';
import { type InputOf, isSchema, type OutputOf, type StandardSchema } from './standard-schema.js';

/** The validators of one kind of request. Without `input` it has no data, without `output` no answer but its end. */
export interface RequestSchemas {
  /** Validates the data. */
  readonly input?: StandardSchema;
  /** Validates the answer; of a stream each value. */
  readonly output?: StandardSchema;
}

/** The validators of what travels in one direction. */
export interface DirectionSchemas {
  /** Validates the messages. */
  readonly messages?: StandardSchema;
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

/** The data that a request takes. */
export type RequestInput<Schemas> = Schemas extends { readonly input: infer Schema extends StandardSchema } ? InputOf<Schema> : undefined;
/** The data that its handler gets. */
export type HandlerInput<Schemas> = Schemas extends { readonly input: infer Schema extends StandardSchema } ? OutputOf<Schema> : undefined;
/** The answer that its handler gives. */
export type HandlerOutput<Schemas> = Schemas extends { readonly output: infer Schema extends StandardSchema } ? InputOf<Schema> : void;
/** The answer that a request gets. */
export type RequestOutput<Schemas> = Schemas extends { readonly output: infer Schema extends StandardSchema } ? OutputOf<Schema> : void;

/** The messages of a contract in one direction, as they are written. */
export type MessageInput<C extends Contract, D extends ContractDirection> = C[D] extends {
  readonly messages: infer Schema extends StandardSchema;
}
  ? InputOf<Schema>
  : unknown;
/** The messages of a contract in one direction, as they are received. */
export type MessageOutput<C extends Contract, D extends ContractDirection> = C[D] extends {
  readonly messages: infer Schema extends StandardSchema;
}
  ? OutputOf<Schema>
  : unknown;

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

