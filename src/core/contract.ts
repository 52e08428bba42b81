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

/** The messages and requests between clients and a server. Both ends import it. */
export interface Contract {
  /** From clients to the server. */
  readonly toServer?: DirectionSchemas;
  /** From the server to clients. */
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
/** The answer that its handler gives; without `output`, it is ignored. */
export type HandlerOutput<Schemas> = Schemas extends { readonly output: infer Schema extends StandardSchema } ? InputOf<Schema> : unknown;
/** The answer that a request gets. */
export type RequestOutput<Schemas> = Schemas extends { readonly output: infer Schema extends StandardSchema }
  ? OutputOf<Schema>
  : undefined;

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
  for (const [direction, schemas] of partsOf('contract', contract, ['toServer', 'toClient'])) {
    for (const [key, part] of partsOf(direction, schemas, ['messages', 'requests'])) {
      if (key === 'messages') checkSchema(`${direction}.${key}`, part);
      else
        for (const [name, request] of partsOf(`${direction}.${key}`, part))
          for (const [end, schema] of partsOf(`${direction}.${key}.${name}`, request, ['input', 'output']))
            checkSchema(`${direction}.${key}.${name}.${end}`, schema);
    }
  }
}

/**
 * Checks that something is a validator.
 *
 * @throws ERR_PRIMUS_OPTION when it is not
 */
export function checkSchema(place: string, value: unknown): asserts value is StandardSchema {
  if (!isSchema(value)) throw invalid(place, 'a validator with Standard Schema', value);
}

/** Returns the parts of an object that are there. One with other keys is misspelled. */
export function partsOf(place: string, value: unknown, keys?: readonly string[]): [string, unknown][] {
  if (!value || !object[1](value)) throw invalid(place, keys ? `an object with ${keys.join(' and ')}` : 'an object', value);
  const parts = Object.entries(value as object).filter(([, part]) => part !== undefined);
  const odd = parts.find(([key]) => keys && !keys.includes(key));
  if (odd) throw invalid(place, `an object with ${keys?.join(' and ')}`, odd[0]);
  return parts;
}
