import type { Contract, ContractDirection, RequestSchemas } from '../core/contract.js';
import { type StandardSchema, validate } from '../core/standard-schema.js';
import type { CheckedContract } from './port.js';

/** Returns a contract as requests use it. A name that it does not have has no handler, and is not checked. */
export function checked(contract: Contract): CheckedContract {
  const find = (direction: ContractDirection, name: string): RequestSchemas | undefined => {
    const { requests = {} } = contract[direction] ?? {};
    return Object.hasOwn(requests, name) ? requests[name] : undefined;
  };
  const check = (schema: StandardSchema | undefined, value: unknown, subject: string) =>
    schema === undefined ? undefined : validate(schema, value, subject);
  return {
    checks: (direction) => ({
      input: (name, data) => check(find(direction, name)?.input, data, `The data of the request ${JSON.stringify(name)}`),
      output: (name, value) => check(find(direction, name)?.output, value, `An answer to the request ${JSON.stringify(name)}`),
    }),
    has: (direction, name) => find(direction, name) !== undefined,
  };
}
