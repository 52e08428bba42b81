import type { Unsubscribable } from 'rxjs';
import { asError, PrimusError } from '../core/errors.js';
import { type Eventual, isPromise } from '../core/eventual.js';
import { guard } from '../core/guard.js';
import type { RequestFailure, RequestWord } from '../core/request-words.js';
import { isForPeer } from './errors.js';
import { InOrder } from './in-order.js';
import { CREDIT, isId, type RequestChecks, type RequestPort } from './port.js';

/** The limits of the requests that one end answers. */
export interface AnswerLimits {
  /** How many may be answered at a time. */
  readonly maxRequests: number;
  /** How many values of streams may wait for the peer to read. */
  readonly bufferSize: number;
}

/** The context of a request for its handler. */
export interface RequestContext {
  /** Aborts when the answer is not wanted any more: it was cancelled, or the connection was lost. */
  readonly signal: AbortSignal;
}

/** Answers a request: with a value, a promise, or a stream of values. */
export type AnyHandler = (data: never, context: never) => unknown;

/** The handlers of one end, by name. `context`: creates what a handler gets of a request. */
export interface Handlers {
  find(name: string): AnyHandler | undefined;
  context(signal: () => AbortSignal): RequestContext;
}

/** A stream that is pushed, as RxJS has it. */
interface Pushed {
  subscribe(observer: { next(value: unknown): void; error(error: unknown): void; complete(): void }): Unsubscribable;
}

/** A request that is being answered. */
class Answer {
  readonly id: number;
  readonly name: string;
  /** How many values may be sent. */
  credit: number;
  isOver = false;
  /** The values that wait for credit. */
  readonly waiting: unknown[] = [];
  /** Whether the end follows behind them. */
  isComplete = false;
  readonly order = new InOrder();
  /** Stops the stream. */
  stop: () => unknown = () => {};
  /** Goes on with a stream that is pulled. */
  wake: () => void = () => {};
  controller: AbortController | undefined;

  constructor(id: number, name: string, credit: number) {
    this.id = id;
    this.name = name;
    this.credit = credit;
  }

  /** The signal of the handler, which few handlers ask for. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.isOver) this.controller.abort();
    }
    return this.controller.signal;
  }
}

/**
 * The requests of the peer that one end answers.
 *
 * ```
 * request ─> room for it? ─> handler? ─> check ─> handler ─┬─ value, promise ──────────────────> done
 *    │                                                     ├─ async iterable: pulled ─> values ─> done
 *    │                                                     └─ Observable: buffered ───> values ─> done
 *    └── cancel, end of the connection ─> the stream is stopped, the signal of the handler aborts
 * ```
 *
 * A handler that does not stop when it is cancelled counts until it has: else a peer could start any number of them.
 */
export class Answers {
  readonly #port: RequestPort;
  readonly #limits: AnswerLimits;
  readonly #checks: RequestChecks;
  readonly #handlers: Handlers;
  readonly #open = new Map<number, Answer>();
  /** The handlers that are running. */
  #running = 0;
  /** The values that wait for the peer. */
  #waiting = 0;

  constructor(port: RequestPort, limits: AnswerLimits, checks: RequestChecks, handlers: Handlers) {
    this.#port = port;
    this.#limits = limits;
    this.#checks = checks;
    this.#handlers = handlers;
  }

  /** The ids of the requests that are being answered. */
  get ids(): number[] {
    return [...this.#open.keys()];
  }

  has(id: unknown): boolean {
    return this.#open.has(id as number);
  }

  /** Answers a request. One that is malformed, or has the id of another, is ignored. */
  request(id: unknown, name: unknown, data: unknown, credit: unknown): void {
    if (!isId(id) || this.#open.has(id) || typeof name !== 'string') return;
    if (this.#running >= this.#limits.maxRequests) return this.#say(id, 'busy');
    const handler = this.#handlers.find(name);
    if (handler === undefined) return this.#say(id, 'unknown');
    const answer = new Answer(id, name, creditOf(credit));
    this.#open.set(id, answer);
    this.#running += 1;
    const run = (checked: unknown): Eventual<unknown> => {
      if (answer.isOver) return undefined;
      const context = this.#handlers.context(() => answer.signal);
      return (handler as (data: unknown, context: RequestContext) => unknown)(checked, context);
    };
    const invalid = (error: unknown): never => {
      // Where the validator itself has failed, there is a cause.
      const { message, cause } = error as PrimusError;
      this.#end(answer);
      if (cause === undefined) this.#say(id, 'invalid', message);
      else this.#failed(id, error);
      throw STOP;
    };
    void this.#run(answer, () => {
      let checked: Eventual<unknown>;
      try {
        checked = this.#checks.input(name, data);
      } catch (error) {
        return invalid(error);
      }
      return isPromise(checked) ? checked.then(run, invalid) : run(checked);
    });
  }

  /** Lets a stream send more values. */
  more(id: unknown, credit: unknown): void {
    const answer = this.#open.get(id as number);
    if (answer === undefined) return;
    answer.credit = Math.min(answer.credit + creditOf(credit), CREDIT);
    while (answer.credit > 0 && answer.waiting.length > 0 && !answer.isOver) {
      this.#waiting -= 1;
      this.#send(answer, answer.waiting.shift());
    }
    if (answer.isComplete && answer.waiting.length === 0) this.#done(answer, []);
    answer.wake();
  }

  /** Stops an answer that is not wanted any more. */
  cancel(id: unknown): void {
    const answer = this.#open.get(id as number);
    if (answer !== undefined) this.#end(answer);
  }

  /** Stops all answers: the connection is lost. */
  drop(): void {
    for (const answer of [...this.#open.values()]) this.#end(answer);
  }

  /** Runs a handler, and counts it until all that it has begun has ended. */
  async #run(answer: Answer, start: () => Eventual<unknown>): Promise<void> {
    try {
      let result = start();
      // At once where the handler answers at once. A request to another end is a stream that may be awaited.
      if (isPromise(result) && !isPushed(result)) result = await result;
      if (answer.isOver) return;
      if (isPulled(result)) await this.#pull(answer, result[Symbol.asyncIterator]());
      else if (isPushed(result)) await this.#push(answer, result);
      else this.#answer(answer, result);
    } catch (error) {
      this.#fail(answer, error);
    } finally {
      this.#running -= 1;
    }
  }

  /** Answers with one value. */
  #answer(answer: Answer, value: unknown): void {
    this.#check(answer, value, () => this.#done(answer, value === undefined ? [] : [value]));
  }

  /** Sends the values of a stream as the peer reads them. */
  async #pull(answer: Answer, iterator: AsyncIterator<unknown>): Promise<void> {
    let stopped: unknown;
    const stop = () => {
      stopped ??= iterator.return?.() ?? true;
      return stopped;
    };
    answer.stop = stop;
    while (!answer.isOver) {
      await this.#room(answer);
      if (answer.isOver) break;
      const { done, value } = await iterator.next();
      if (answer.isOver) break;
      if (done) {
        answer.stop = () => {};
        return answer.order.run(() => this.#done(answer, []));
      }
      this.#check(answer, value, () => this.#send(answer, value));
    }
    await stop();
  }

  /** Resolves when a value may be sent, or the answer is over. */
  async #room(answer: Answer): Promise<void> {
    const wait = (begin: (done: () => void) => void) => new Promise<void>(begin);
    while (!answer.isOver && answer.credit === 0)
      await wait((done) => {
        answer.wake = done;
      });
    // What waits for a peer that is behind need not be created yet.
    await wait((done) => this.#port.whenDrained(done));
  }

  /** Sends the values of a stream, and buffers those that the peer cannot read yet. Resolves when it is over. */
  #push(answer: Answer, stream: Pushed): Promise<void> {
    return new Promise((resolve) => {
      const subscription = stream.subscribe({
        next: (value) => this.#check(answer, value, () => this.#sendLater(answer, value)),
        error: (error) => answer.order.run(() => this.#fail(answer, error)),
        complete: () => answer.order.run(() => this.#complete(answer)),
      });
      answer.stop = () => {
        subscription.unsubscribe();
        resolve();
      };
      if (answer.isOver) answer.stop();
    });
  }

  #sendLater(answer: Answer, value: unknown): void {
    if (answer.credit > 0) return this.#send(answer, value);
    if (this.#waiting >= this.#limits.bufferSize) {
      this.#end(answer);
      return this.#say(answer.id, 'slow');
    }
    this.#waiting += 1;
    answer.waiting.push(value);
  }

  #complete(answer: Answer): void {
    if (answer.waiting.length === 0) this.#done(answer, []);
    else answer.isComplete = true;
  }

  /** Checks a value, and goes on with it in order. What is sent is the value itself: the peer checks it as well. */
  #check(answer: Answer, value: unknown, then: () => void): void {
    const go = () => {
      if (!answer.isOver) then();
    };
    const fail = (error: unknown) => this.#fail(answer, error);
    answer.order.run(() => {
      if (answer.isOver) return undefined;
      try {
        const checked = this.#checks.output(answer.name, value);
        return isPromise(checked) ? checked.then(go, fail) : go();
      } catch (error) {
        return fail(error);
      }
    });
  }

  #send(answer: Answer, value: unknown): void {
    answer.credit -= 1;
    this.#sent(answer, ['primus::request::next', answer.id, value]);
  }

  #done(answer: Answer, value: readonly [value?: unknown]): void {
    if (answer.isOver) return;
    this.#end(answer, false);
    this.#sent(answer, ['primus::request::done', answer.id, ...value]);
  }

  #sent(answer: Answer, word: RequestWord): void {
    // An `error` event has said why it cannot be encoded.
    if (this.#port.send(word)) return;
    this.#end(answer);
    this.#say(answer.id, 'failed');
  }

  /** Ends an answer with an error. The peer learns what was meant for it. */
  #fail(answer: Answer, error: unknown): void {
    if (error === STOP || answer.isOver) return;
    this.#end(answer, false);
    if (isForPeer(error)) {
      const { message, reason, data } = error;
      const word = ['primus::request::error', answer.id, 'rejected', message, reason] as const;
      if (!this.#port.send(data === undefined ? word : [...word, data])) this.#say(answer.id, 'failed');
    } else this.#failed(answer.id, error);
  }

  #failed(id: number, error: unknown): void {
    this.#say(id, 'failed');
    this.#port.report(asError(error));
  }

  #say(id: number, failure: RequestFailure, message?: string): void {
    this.#port.send(message === undefined ? ['primus::request::error', id, failure] : ['primus::request::error', id, failure, message]);
  }

  /** Forgets an answer, and stops what it has begun. `isUnwanted`: its handler may still be at work, in vain. */
  #end(answer: Answer, isUnwanted = true): void {
    if (answer.isOver) return;
    answer.isOver = true;
    this.#open.delete(answer.id);
    this.#waiting -= answer.waiting.splice(0).length;
    if (isUnwanted) answer.controller?.abort();
    guard(
      () => answer.stop(),
      (error) => this.#port.report(asError(error)),
    );
    answer.wake();
  }
}

/** Thrown behind a request that was refused already. */
const STOP = new PrimusError('ERR_PRIMUS_CONTRACT', 'A request was refused');

function creditOf(value: unknown): number {
  return isId(value) && value > 0 ? Math.min(value, CREDIT) : 0;
}

function isPulled(value: unknown): value is AsyncIterable<unknown> {
  return typeof (value as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator] === 'function';
}

function isPushed(value: unknown): value is Pushed {
  return typeof (value as Partial<Pushed> | null | undefined)?.subscribe === 'function';
}
