import type { SchedulerLike } from 'rxjs';
import type { ContractDirection } from '../core/contract.js';
import type { Eventual } from '../core/eventual.js';
import type { RequestWord } from '../core/request-words.js';

/** The connection to a peer, as far as requests use it. */
export interface RequestPort {
  readonly scheduler: SchedulerLike;
  /** Whether requests can be sent now. If not, `Exchange.proceed` is called when they can. */
  isOpen(): boolean;
  /** Sends a word. Returns false when it cannot be sent: an `error` event says why. */
  send(word: RequestWord): boolean;
  /** Calls back when the peer is not behind with what it was sent; at once if so, and when the connection has ended. */
  whenDrained(done: () => void): void;
  /** Calls back when everything that was sent so far was encoded; at once if so. */
  whenEncoded(done: () => void): void;
  /** Reports an error of the application's own code. Never throws. */
  report(error: unknown): void;
}

/** Checks what is asked and answered. Each returns what becomes of the value; throws, or rejects, when it breaks the contract. */
export interface RequestChecks {
  input(name: string, data: unknown): Eventual<unknown>;
  output(name: string, value: unknown): Eventual<unknown>;
}

/** For ends without a contract. */
export const UNCHECKED: RequestChecks = { input: (_name, data) => data, output: (_name, value) => value };

/** A contract, as far as requests use it. */
export interface CheckedContract {
  /** Returns the checks of the requests in one direction. */
  checks(direction: ContractDirection): RequestChecks;
  /** Whether there is a request of that name. */
  has(direction: ContractDirection, name: string): boolean;
}

/** For ends without a contract: there are all requests. */
export const NO_CONTRACT: CheckedContract = { checks: () => UNCHECKED, has: () => true };

/** The values of a stream that may be under way. */
export const CREDIT = 64;

/** Whether a value may be the id of a request. */
export function isId(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
