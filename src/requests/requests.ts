import type { Unsubscribable } from 'rxjs';
import type { ContractDirection } from '../core/contract.js';
import { describe, PrimusError } from '../core/errors.js';
import { callable, invalid } from '../core/options.js';
import { iterate } from '../core/streams/iterate.js';
import type { SafeObservable } from '../core/streams/safe-observable.js';
import type { AnyHandler, RequestContext } from './answers.js';
import { Ask } from './asks.js';
import type { Exchange } from './exchange.js';
import { type AskOptions, askOptions } from './options.js';
import type { CheckedContract } from './port.js';
import type { Reply } from './types.js';

/** The longest name of a request, in characters. */
const NAME = 512;

/** The handlers of one end. */
export class HandlerTable {
  readonly #handlers = new Map<string, AnyHandler>();
  readonly #contract: CheckedContract;
  readonly #direction: ContractDirection;

  constructor(contract: CheckedContract, direction: ContractDirection) {
    this.#contract = contract;
    this.#direction = direction;
  }

  find(name: string): AnyHandler | undefined {
    return this.#handlers.get(name);
  }

  /**
   * Adds a handler.
   *
   * @throws ERR_PRIMUS_OPTION when an argument is invalid, the contract does not have the request, or the name has a handler
   */
  add(name: string, handler: AnyHandler): Unsubscribable {
    checkName(name, this.#contract, this.#direction);
    if (!callable[1](handler)) throw invalid('handler', callable[0], handler);
    if (this.#handlers.has(name)) throw new PrimusError('ERR_PRIMUS_OPTION', `There is already a handler for ${describe(name)}`);
    this.#handlers.set(name, handler);
    return {
      unsubscribe: () => {
        if (this.#handlers.get(name) === handler) this.#handlers.delete(name);
      },
    };
  }
}

/** The parts that the requests over one connection are made with. */
export interface Asking {
  readonly exchange: Exchange;
  readonly timeout: number;
  /** The class of the end's own streams: what is served to pages brings no RxJS. */
  readonly Stream: typeof SafeObservable;
  report(error: unknown): void;
}

/** Creates a request, which is sent for each subscriber, and when it is awaited. */
export function createReply(asking: Asking, name: string, data: unknown, options: AskOptions): Reply<unknown> {
  const { exchange, timeout: otherwise, Stream, report } = asking;
  const settings = askOptions(options, otherwise);
  const start = (observer: Pick<Ask['question'], 'next' | 'error' | 'complete'>, begun?: (ask: Ask) => void): (() => void) => {
    const { next, error, complete } = observer;
    const ask = new Ask({ name, data, ...settings, next, error, complete });
    begun?.(ask);
    exchange.start(ask);
    return () => exchange.cancel(ask);
  };
  const stream = (begun?: (ask: Ask) => void) =>
    new Stream<unknown>(
      (subscriber) =>
        start(
          {
            next: (value) => subscriber.next(value),
            error: (error) => subscriber.error(error),
            complete: () => subscriber.complete(),
          },
          begun,
        ),
      report,
    );
  return Object.assign(stream(), {
    // biome-ignore lint/suspicious/noThenProperty: a request may be awaited.
    then: ((fulfilled, rejected) => call(asking, name, data, options).then(fulfilled, rejected)) as Reply<unknown>['then'],
    [Symbol.asyncIterator]() {
      let ask: Ask;
      const pause = (isPaused: boolean) => () => exchange.pause(ask, isPaused);
      const values$ = stream((begun) => {
        ask = begun;
      });
      return iterate(values$, { pause: pause(true), resume: pause(false) });
    },
  });
}

/** Makes a request, and resolves to its first value. The rest is cancelled. */
export function call({ exchange, timeout: otherwise }: Asking, name: string, data: unknown, options: AskOptions): Promise<unknown> {
  const settings = askOptions(options, otherwise);
  return new Promise((resolve, reject) => {
    const next = (value: unknown): void => {
      resolve(value);
      exchange.cancel(ask);
    };
    const ask = new Ask({ name, data, ...settings, next, error: reject, complete: () => resolve(undefined) });
    exchange.start(ask);
  });
}

/**
 * Checks the name of a request.
 *
 * @throws ERR_PRIMUS_OPTION when it is invalid, or the contract does not have it
 */
export function checkName(name: unknown, contract: CheckedContract, direction: ContractDirection): void {
  if (typeof name !== 'string' || name === '' || name.length > NAME) throw invalid('name', `a string of 1 to ${NAME} characters`, name);
  if (!contract.has(direction, name))
    throw new PrimusError('ERR_PRIMUS_OPTION', `The contract has no request ${describe(name)} in the direction \`${direction}\``);
}

/** Creates the context of a handler. */
export function contextOf(signal: () => AbortSignal): RequestContext {
  return {
    get signal() {
      return signal();
    },
  };
}
