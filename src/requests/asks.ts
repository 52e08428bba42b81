import type { Unsubscribable } from 'rxjs';
import { LONGEST_WAIT } from '../../operators/duration.js';
import { PrimusError } from '../core/errors.js';
import { isPromise } from '../core/eventual.js';
import { failed, lost } from './errors.js';
import { InOrder } from './in-order.js';
import { CREDIT, type RequestChecks, type RequestPort } from './port.js';

/** The limits of the requests that one end makes. */
export interface AskLimits {
  /** How many may be under way. */
  readonly concurrency: number;
  /** How many may wait for these. */
  readonly queueSize: number;
}

/** The data of a request, and the observer of its answer. Its methods are called once at most, but `next`; none of them throws. */
export interface Question {
  readonly name: string;
  readonly data: unknown;
  /** The limit of the time until the first answer, in ms. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  next(value: unknown): void;
  error(error: unknown): void;
  complete(): void;
}

/**
 * A request of this end.
 *
 * ```
 * start ─> check ─> wait for a connection, and for others ─> sent ─> values ─> done, or failed
 *   └── cancel, time-out, abort: at any time ──> over; once it was sent, the peer knows ────┘
 * ```
 */
export class Ask {
  readonly question: Question;
  /** 0 until it is sent. */
  id = 0;
  isOver = false;
  /** Whether the values are not read at present. */
  isPaused = false;
  /** How many values the peer may still send. */
  credit = CREDIT;
  /** How many were received since the peer was granted more. */
  taken = 0;
  readonly order = new InOrder();
  timer: Unsubscribable | undefined;
  abort: (() => void) | undefined;

  constructor(question: Question) {
    this.question = question;
  }
}

/** The requests that one end makes over one connection. */
export class Asks {
  readonly #port: RequestPort;
  readonly #limits: AskLimits;
  readonly #checks: RequestChecks;
  readonly #sent = new Map<number, Ask>();
  readonly #waiting = new Set<Ask>();
  /** Those whose check answers later. */
  readonly #checking = new Set<Ask>();
  /** The latest id. The peer may still answer requests of an end that was there before: so ids begin somewhere. */
  #id = Math.floor(Math.random() * 2 ** 40);
  #isSending = false;

  constructor(port: RequestPort, limits: AskLimits, checks: RequestChecks) {
    this.#port = port;
    this.#limits = limits;
    this.#checks = checks;
  }

  /** The ids of the requests that are under way. */
  get ids(): number[] {
    return [...this.#sent.keys()];
  }

  has(id: unknown): boolean {
    return this.#sent.has(id as number);
  }

  /** Starts a request. `closed`: the error if the connection has ended. */
  start(ask: Ask, closed?: PrimusError): void {
    const { name, data, timeout, signal, error } = ask.question;
    if (signal?.aborted || closed || this.#waiting.size + this.#checking.size >= this.#limits.queueSize) {
      ask.isOver = true;
      return error.call(ask.question, signal?.aborted ? signal.reason : (closed ?? this.#tooMany(name)));
    }
    if (signal) {
      ask.abort = () => this.#giveUp(ask, signal.reason);
      signal.addEventListener('abort', ask.abort);
    }
    if (timeout <= LONGEST_WAIT) {
      const late = () =>
        this.#giveUp(
          ask,
          new PrimusError('ERR_PRIMUS_TIMEOUT', `The request ${JSON.stringify(name)} was not answered within ${timeout} ms`),
        );
      ask.timer = this.#port.scheduler.schedule(late, timeout);
    }
    const enqueue = () => {
      this.#checking.delete(ask);
      if (ask.isOver) return;
      this.#waiting.add(ask);
      this.proceed();
    };
    try {
      const checked = this.#checks.input(name, data);
      if (!isPromise(checked)) return enqueue();
      this.#checking.add(ask);
      checked.then(enqueue, (invalid) => this.#giveUp(ask, invalid));
    } catch (invalid) {
      this.#giveUp(ask, invalid);
    }
  }

  /** Sends the requests that wait, as many as may be under way. */
  proceed(): void {
    // A request that cannot be sent ends, and then the next one may be.
    if (this.#isSending) return;
    this.#isSending = true;
    for (const ask of this.#waiting) {
      if (this.#sent.size >= this.#limits.concurrency || !this.#port.isOpen()) break;
      const { name, data } = ask.question;
      this.#waiting.delete(ask);
      this.#id += 1;
      ask.id = this.#id;
      this.#sent.set(ask.id, ask);
      if (this.#port.send(['primus::request', ask.id, name, data, CREDIT])) continue;
      this.#fail(ask, new PrimusError('ERR_PRIMUS_ENCODE', `The request ${JSON.stringify(name)} could not be sent`, { data }));
    }
    this.#isSending = false;
  }

  /** Ends a request whose answer is not wanted any more. */
  cancel(ask: Ask): void {
    if (ask.isOver) return;
    const { id } = ask;
    this.#end(ask);
    if (id > 0) this.#port.send(['primus::request::cancel', id]);
    this.proceed();
  }

  /** Reads no values for now, or goes on. The peer sends no more than it may. */
  pause(ask: Ask, isPaused: boolean): void {
    ask.isPaused = isPaused;
    this.#grant(ask);
  }

  // Answers of the peer. Those to no request are ignored.

  next(id: unknown, value: unknown): void {
    const ask = this.#sent.get(id as number);
    if (ask === undefined) return;
    if (ask.credit === 0) {
      const { name } = ask.question;
      return this.#giveUp(
        ask,
        new PrimusError('ERR_PRIMUS_HANDLER', `The request ${JSON.stringify(name)} ends: the peer sends more than it may`),
      );
    }
    ask.credit -= 1;
    this.#deliver(ask, value, () => {
      ask.taken += 1;
      this.#grant(ask);
    });
  }

  done(id: unknown, values: readonly unknown[]): void {
    const ask = this.#sent.get(id as number);
    if (ask === undefined) return;
    // The peer knows nothing of it any more, and needs no cancellation: not that of a subscriber either, who unsubscribes when it has the value.
    this.#sent.delete(ask.id);
    ask.id = 0;
    if (values.length > 0) this.#deliver(ask, values[0], () => {}, true);
    ask.order.run(() => this.#complete(ask));
    this.proceed();
  }

  error(id: unknown, failure: readonly unknown[]): void {
    const ask = this.#sent.get(id as number);
    if (ask === undefined) return;
    this.#sent.delete(ask.id);
    ask.id = 0;
    ask.order.run(() => this.#fail(ask, failed(ask.question.name, failure)));
    this.proceed();
  }

  // Ends of the connection.

  /** Fails the requests that were sent: their connection is lost. */
  drop(): void {
    const ids = [...this.#sent.keys()];
    if (ids.length === 0) return;
    let isEncoding = false;
    // One that is still being encoded leaves over the next connection, and its answer is not wanted there.
    this.#port.whenEncoded(() => {
      if (isEncoding) for (const id of ids) this.#port.send(['primus::request::cancel', id]);
    });
    isEncoding = true;
    for (const ask of [...this.#sent.values()]) this.#fail(ask, lost(ask.question.name));
  }

  /** Fails the requests that were sent: the peer does not know what they are. */
  refuse(): void {
    for (const ask of [...this.#sent.values()]) this.#fail(ask, failed(ask.question.name, ['unknown']));
    this.proceed();
  }

  /** Fails all requests. */
  close(error: PrimusError): void {
    this.drop();
    for (const ask of [...this.#waiting, ...this.#checking]) this.#fail(ask, error);
  }

  #tooMany(name: string): PrimusError {
    return new PrimusError(
      'ERR_PRIMUS_BUSY',
      `The request ${JSON.stringify(name)} was not sent: ${this.#limits.queueSize} are waiting (\`queueSize\`)`,
    );
  }

  /** Checks and emits a value, in order. `isLast`: it ends with this one, also for a subscriber who asks whether it is over. */
  #deliver(ask: Ask, value: unknown, then: () => void, isLast = false): void {
    const emit = (checked: unknown) => {
      if (ask.isOver) return;
      // The time-out is that of the first value.
      ask.timer?.unsubscribe();
      if (isLast) this.#end(ask);
      ask.question.next(checked);
      if (isLast) ask.question.complete();
      else if (!ask.isOver) then();
    };
    const fail = (invalid: unknown) => this.#giveUp(ask, invalid);
    ask.order.run(() => {
      if (ask.isOver) return undefined;
      try {
        const checked = this.#checks.output(ask.question.name, value);
        return isPromise(checked) ? checked.then(emit, fail) : emit(checked);
      } catch (invalid) {
        return fail(invalid);
      }
    });
  }

  /** Lets the peer send more values, if enough were taken. */
  #grant(ask: Ask): void {
    if (ask.isOver || ask.isPaused || ask.id === 0 || ask.taken < CREDIT / 2) return;
    const { taken } = ask;
    ask.taken = 0;
    ask.credit += taken;
    this.#port.send(['primus::request::more', ask.id, taken]);
  }

  /** Ends a request with an error, and cancels it. */
  #giveUp(ask: Ask, error: unknown): void {
    if (ask.isOver) return;
    this.cancel(ask);
    ask.question.error(error);
  }

  #complete(ask: Ask): void {
    if (ask.isOver) return;
    this.#end(ask);
    ask.question.complete();
  }

  #fail(ask: Ask, error: PrimusError): void {
    if (ask.isOver) return;
    this.#end(ask);
    ask.question.error(error);
  }

  /** Forgets a request. */
  #end(ask: Ask): void {
    ask.isOver = true;
    this.#sent.delete(ask.id);
    this.#waiting.delete(ask);
    this.#checking.delete(ask);
    ask.timer?.unsubscribe();
    if (ask.abort) ask.question.signal?.removeEventListener('abort', ask.abort);
  }
}
