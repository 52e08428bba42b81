import type { Observable, SchedulerLike } from 'rxjs';
import type { Packet } from '../core/message-transformers.js';
import { invalid } from '../core/options.js';
import { isRequestWord, isReservedWord, type RequestWord } from '../core/request-words.js';
import { serveRequests } from '../core/served-requests.js';
import { Exchange } from './exchange.js';
import type { ParsedRequestOptions } from './options.js';
import { type CheckedContract, NO_CONTRACT } from './port.js';
import { type Asking, call, checkName, contextOf, createReply, HandlerTable } from './requests.js';
import type { ServerRequests } from './types.js';

/** A server, as far as an application may see that it is one. */
export interface RequestServer<Spark> {
  /** Emits each new connection. */
  readonly connection$: Observable<Spark>;
}

/** The rest of a server that its requests use. */
interface ServerParts extends RequestServer<unknown> {
  readonly transformers: { readonly incoming: ((this: SparkParts, packet: Packet) => unknown)[] };
  readonly host: {
    readonly scheduler: SchedulerLike;
    readonly registry: { owns: ((data: unknown) => boolean) | undefined };
  };
}

/** The part of a spark that its requests use. */
interface SparkParts {
  readonly primus: unknown;
  readonly end$: Observable<void>;
  readonly connection: {
    readonly writable: boolean;
    write(data: unknown): boolean;
    whenDrained(done: () => void): void;
    enqueue(emit: () => void): void;
    reportListenerError(error: unknown): void;
  };
}

const READY: RequestWord = ['primus::request::ready'];

/** Creates the requests of a server. A connection has none until it uses them. */
export function serverRequests(
  given: RequestServer<unknown>,
  options: ParsedRequestOptions,
  contract: CheckedContract = NO_CONTRACT,
): ServerRequests<unknown> {
  const primus = given as ServerParts;
  const { scheduler, registry } = primus.host;
  const handlers = new HandlerTable(contract, 'toServer');
  const exchanges = new WeakMap<SparkParts, Exchange>();
  const asked = contract.checks('toClient');
  const answered = contract.checks('toServer');

  const exchangeOf = (spark: SparkParts): Exchange => {
    const known = exchanges.get(spark);
    if (known !== undefined) return known;
    const { connection } = spark;
    const exchange = new Exchange(
      {
        scheduler,
        isOpen: () => connection.writable,
        send: (word) => connection.write(word),
        whenDrained: (done) => connection.whenDrained(done),
        // A spark has one connection.
        whenEncoded: () => {},
        report: (error) => connection.reportListenerError(error),
      },
      {
        limits: options,
        asked,
        answered,
        handlers: {
          find: (name) => handlers.find(name),
          context: (signal) => Object.defineProperty(contextOf(signal), 'spark', { value: spark, enumerable: true }),
        },
      },
    );
    exchanges.set(spark, exchange);
    // It may have ended while its first word was being decoded.
    spark.end$.subscribe({ complete: () => exchange.close() });
    return exchange;
  };

  primus.transformers.incoming.unshift(function ({ data }) {
    if (!isRequestWord(data)) return true;
    const isFirst = !exchanges.has(this);
    const exchange = exchangeOf(this);
    // Before it answers the question for the id that follows.
    if (isFirst) this.connection.write(READY);
    this.connection.enqueue(() => exchange.receive(data));
    return false;
  });
  registry.owns = isReservedWord;
  serveRequests(primus);

  const askingOf = (given: unknown, name: string): Asking => {
    const spark = given as SparkParts;
    if (Object(spark).primus !== primus) throw invalid('spark', 'a spark of this server', spark);
    checkName(name, contract, 'toClient');
    return {
      exchange: exchangeOf(spark),
      timeout: options.timeout,
      Stream: spark.end$.constructor as Asking['Stream'],
      report: (error: unknown) => spark.connection.reportListenerError(error),
    };
  };
  const requests = {
    request: (spark: unknown, name: string, data?: unknown, options = {}) => createReply(askingOf(spark, name), name, data, options),
    call: (spark: unknown, name: string, data?: unknown, options = {}) => call(askingOf(spark, name), name, data, options),
    handle: (name: string, handler: never) => handlers.add(name, handler),
  };
  return requests as ServerRequests<unknown>;
}
