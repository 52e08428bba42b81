import type { Contract, ContractDirection, RequestSchemas } from '../core/contract.js';
import { validate } from '../core/standard-schema.js';
import { type RequestChecks, UNCHECKED } from './port.js';

/** Returns the checks of the requests in one direction. Names that the contract does not have are not checked: they have no handler. */
export function checksOf(contract: Contract | undefined, direction: ContractDirection): RequestChecks {
  const requests = contract?.[direction]?.requests;
  if (contract === undefined) return UNCHECKED;
  const schemasOf = (name: string): RequestSchemas | undefined => (requests && Object.hasOwn(requests, name) ? requests[name] : undefined);
  const check = (schema: RequestSchemas['input'], value: unknown, subject: string) =>
    schema === undefined ? undefined : validate(schema, value, subject);
  return {
    input: (name, data) => check(schemasOf(name)?.input, data, `The data of the request ${JSON.stringify(name)}`),
    output: (name, value) => check(schemasOf(name)?.output, value, `An answer to the request ${JSON.stringify(name)}`),
  };
}

/** Whether a contract has a request of that name. Without a contract, there are all. */
export function hasRequest(contract: Contract | undefined, direction: ContractDirection, name: string): boolean {
  return contract === undefined || Object.hasOwn(contract[direction]?.requests ?? {}, name);
}
