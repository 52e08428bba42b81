import { PrimusError } from '../core/errors.js';
import { type AnswerLimits, Answers, type Handlers } from './answers.js';
import { type Ask, type AskLimits, Asks } from './asks.js';
import type { RequestChecks, RequestPort } from './port.js';

/** The most ids of a list that are looked at. */
const IDS = 10_000;

/** The parts of the requests of one connection that do not change. */
export interface ExchangeParts {
  readonly limits: AskLimits & AnswerLimits;
  /** Checks the requests of this end, and those of the peer. */
  readonly asked: RequestChecks;
  readonly answered: RequestChecks;
  readonly handlers: Handlers;
}

/** The requests over one connection, in both directions. */
export class Exchange {
  readonly #port: RequestPort;
  readonly #asks: Asks;
  readonly #answers: Answers;
  /** The error of requests that come too late. */
  #closed: PrimusError | undefined;

  constructor(port: RequestPort, { limits, asked, answered, handlers }: ExchangeParts) {
    this.#port = port;
    this.#asks = new Asks(port, limits, asked);
    this.#answers = new Answers(port, limits, answered, handlers);
  }

  /** Starts a request of this end. */
  start(ask: Ask): void {
    this.#asks.start(ask, this.#closed);
  }

  cancel(ask: Ask): void {
    this.#asks.cancel(ask);
  }

  pause(ask: Ask, isPaused: boolean): void {
    this.#asks.pause(ask, isPaused);
  }

  /** Handles a word of the peer. Never throws. */
  receive(word: readonly unknown[]): void {
    // One that was still being decoded when the connection ended.
    if (this.#closed !== undefined) return;
    const [type, id, a, b, c] = word;
    switch (type) {
      case 'primus::request':
        return this.#answers.request(id, a, b, c);
      case 'primus::request::more':
        return this.#answers.more(id, a);
      case 'primus::request::cancel':
        return this.#answers.cancel(id);
      case 'primus::request::sync':
        return this.#compare(id, a);
      case 'primus::request::next':
        return this.#asks.next(id, a);
      case 'primus::request::done':
        return this.#asks.done(id, word.slice(2));
      case 'primus::request::error':
        return this.#asks.error(id, word.slice(2));
    }
  }

  /** The connection is open: sends the requests that have waited for it. */
  proceed(): void {
    this.#closed = undefined;
    this.#asks.proceed();
  }

  /** A session goes on, maybe with another server: asks whether the peer knows the requests that are under way. */
  synchronize(): void {
    const { ids: asked } = this.#asks;
    const { ids: answering } = this.#answers;
    if (asked.length + answering.length > 0) this.#port.send(['primus::request::sync', asked, answering]);
  }

  /** The peer has no requests. */
  refuse(): void {
    this.#asks.refuse();
  }

  /** The connection is lost, with all requests under way. */
  drop(): void {
    this.#answers.drop();
    this.#asks.drop();
  }

  /** The connection has ended for good, or until `open` is called. */
  close(): void {
    this.#closed = new PrimusError('ERR_PRIMUS_CLOSED', 'The request was not sent: the connection has ended');
    this.#answers.drop();
    this.#asks.close(this.#closed);
  }

  /** May be opened again: requests wait from now on. */
  reopen(): void {
    this.#closed = undefined;
  }

  #compare(asked: unknown, answering: unknown): void {
    for (const id of idsOf(asked)) if (!this.#answers.has(id)) this.#port.send(['primus::request::error', id, 'lost']);
    for (const id of idsOf(answering)) if (!this.#asks.has(id)) this.#port.send(['primus::request::cancel', id]);
  }
}

function idsOf(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.slice(0, IDS).filter((id) => Number.isSafeInteger(id)) : [];
}
