import type { Observable } from 'rxjs';
import { schedulerOf } from '../core/ends.js';
import { createFeature } from '../core/feature.js';
import type { Packet } from '../core/message-transformers.js';
import { isRequestWord } from '../core/request-words.js';
import { Exchange } from './exchange.js';
import type { ParsedRequestOptions } from './options.js';
import { type CheckedContract, NO_CONTRACT, type RequestPort } from './port.js';
import { type Asking, call, checkName, contextOf, createReply, HandlerTable } from './requests.js';
import type { ClientRequests } from './types.js';

/** A client, as far as an application may see that it is one. */
export interface RequestClient {
  /** Emits the state. */
  readonly state$: Observable<{ readonly name: string }>;
  /** Emits at each connection. */
  readonly open$: Observable<void>;
  /** Emits how each connection begins, with the option `resume`. */
  readonly resume$: Observable<{ readonly type: string; readonly reason?: unknown }>;
}

/** The rest of a client that its requests use. */
interface ClientParts extends RequestClient {
  readonly state: { readonly name: string };
  readonly connection: {
    readonly link: unknown;
    readonly session?: unknown;
    readonly events: { add(emit: () => void): void };
    readonly channel: {
      write(data: unknown): boolean;
      control(control: { readonly type: 'id'; readonly value: string }): void;
      flush(done: () => void): void;
    };
  };
  readonly transformers: { readonly incoming: ((packet: Packet) => unknown)[] };
  onListenerError(error: unknown): void;
  on(event: 'incoming::id', listener: () => void): void;
}

/** Creates the requests of a client. */
export function clientRequests(
  given: RequestClient,
  options: ParsedRequestOptions,
  contract: CheckedContract = NO_CONTRACT,
): ClientRequests {
  const client = given as ClientParts;
  const { connection } = client;
  const handlers = new HandlerTable(contract, 'toClient');
  /** The link over which requests are sent. */
  let link = client.state.name === 'open' ? connection.link : undefined;
  /** Whether requests survive the connection. */
  let hasSession = connection.session !== undefined;
  /** Whether the present connection goes on with the session of the one before. */
  let isResumed = false;
  const report = (error: unknown) => client.onListenerError(error);

  const feature = createFeature(client, () => exchange.refuse());

  const port: RequestPort = {
    scheduler: schedulerOf(client),
    isOpen: () => link !== undefined && link === connection.link,
    // Not through the outbox: a request is for this connection only.
    send(word) {
      if (connection.link === undefined && !hasSession) return false;
      if (word[0] !== 'primus::request' || feature.isThere) return connection.channel.write(word);
      if (feature.isThere === false) {
        connection.events.add(() => exchange.refuse());
        return true;
      }
      const isSent = connection.channel.write(word);
      if (isSent) feature.ask();
      return isSent;
    },
    whenDrained: (done) => done(),
    whenEncoded: (done) => connection.channel.flush(done),
    report,
  };
  const exchange = new Exchange(port, {
    limits: options,
    asked: contract.checks('toServer'),
    answered: contract.checks('toClient'),
    handlers: { find: (name) => handlers.find(name), context: contextOf },
  });

  client.transformers.incoming.unshift(({ data }) => {
    if (!isRequestWord(data)) return true;
    feature.isThere = true;
    // Nothing is emitted behind `end`.
    connection.events.add(() => {
      if (client.state.name !== 'closed') exchange.receive(data);
    });
    return false;
  });
  client.resume$.subscribe(({ type, reason }) => {
    hasSession = type !== 'gap' || reason !== 'unsupported';
    isResumed = type === 'resumed';
    if (isResumed) exchange.synchronize();
    else exchange.drop();
  });
  client.state$.subscribe({
    next: ({ name }) => {
      if (name === 'closed') exchange.close();
      else if (name !== 'open' && !hasSession) exchange.drop();
      if (name === 'connecting') exchange.reopen();
    },
    complete: () => exchange.close(),
  });
  // Behind what all listeners of `open` write, to log in for example, and behind the messages that were queued: they were written before.
  client.open$.subscribe(() =>
    connection.events.add(() => {
      link = connection.link;
      if (isResumed) feature.askAgain();
      else feature.forget();
      exchange.proceed();
    }),
  );

  const Stream = client.state$.constructor as Asking['Stream'];
  const asking: Asking = { exchange, timeout: options.timeout, Stream, report };
  const checked = (name: string): string => {
    checkName(name, contract, 'toServer');
    return name;
  };
  const requests = {
    request: (name: string, data?: unknown, options = {}) => createReply(asking, checked(name), data, options),
    call: (name: string, data?: unknown, options = {}) => call(asking, checked(name), data, options),
    handle: (name: string, handler: never) => handlers.add(name, handler),
  };
  return requests as ClientRequests;
}
