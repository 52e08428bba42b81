import type { IncomingMessage } from 'node:http';
import { Observable, type SchedulerLike, type Subscriber, type SubscriptionLike } from 'rxjs';
import type { Stack } from '../../core/channel.js';
import { isPromise } from '../../core/eventual.js';
import { fromNodeCallback } from '../../core/from-node-callback.js';
import { type Frame, type LinkObserver, NO_OBSERVER } from '../../core/link.js';
import { encoded } from '../../core/parser.js';
import { isControl } from '../../core/protocol.js';
import { type ClientWord, type GapReason, parseClientWord, WHICH_SESSION } from '../../core/session-words.js';
import type { Arrival } from '../../core/transformer.js';
import type { Claimant, Session } from './session.js';

/** The number of frames in which a client has to name its session: one, behind a question that servers without sessions answer. */
const FRAMES = 3;

/** An arrival that begins a connection. `gap`: the session that it wanted to resume cannot be. */
export interface SessionArrival extends Arrival<IncomingMessage> {
  readonly gap?: GapReason;
}

/** The sessions of a server, as far as an attempt to resume one uses them. */
export interface ResumptionHost {
  readonly scheduler: SchedulerLike;
  readonly stack: Stack;
  /** The time in which a client has to name its session, in ms. */
  readonly limit: number;
  /** Returns the session of a token, or the reason why this request cannot resume it. */
  find(token: string, request: IncomingMessage): Session | GapReason;
  /** Returns the token that a client gets for the next time. */
  nextToken(session: Session): string;
  /** Keeps the place of a request in the limits of the server, until it is freed. */
  claim(request: IncomingMessage): void;
  free(request: IncomingMessage): void;
}

/**
 * Resumes the session that a link names, and completes. If it cannot be resumed, emits the arrival with the reason, for a new connection.
 * Unsubscribing terminates the link.
 */
export function resumption(sessions: ResumptionHost, arrival: SessionArrival): Observable<SessionArrival> {
  return new Observable((subscriber) => new Resumption(sessions, arrival, subscriber));
}

/**
 * The attempt of one link to resume a session.
 *
 * ```
 * resume? ─> the client names the session ─┬─> claim it: fence its link, drain ─> resumed, attach
 *                                          └─> gap
 * ```
 */
class Resumption implements Claimant, LinkObserver, SubscriptionLike {
  closed = false;
  readonly #sessions: ResumptionHost;
  readonly #arrival: SessionArrival;
  readonly #subscriber: Subscriber<SessionArrival>;
  #frames = 0;
  #session: Session | undefined;

  constructor(sessions: ResumptionHost, arrival: SessionArrival, subscriber: Subscriber<SessionArrival>) {
    this.#sessions = sessions;
    this.#arrival = arrival;
    this.#subscriber = subscriber;
    const { limit } = sessions;
    sessions.claim(arrival.request);
    if (limit < Infinity) subscriber.add(sessions.scheduler.schedule(() => this.#session ?? this.unsubscribe(), limit));
    arrival.link.subscribe(this);
    this.#say(WHICH_SESSION);
  }

  // Reports of the link.

  next(frame: Frame): void {
    if (this.#session !== undefined || ++this.#frames > FRAMES) return this.unsubscribe();
    const { stack } = this.#sessions;
    const { parser } = stack;
    try {
      const data = parser.decode ? parser.decode(frame) : fromNodeCallback((done) => parser.decoder.call(stack, frame, done));
      if (!isPromise(data)) this.#heard(data);
      else data.then((late) => this.#heard(late)).catch(() => this.unsubscribe());
    } catch {
      this.unsubscribe();
    }
  }

  error(): void {
    this.unsubscribe();
  }

  complete(): void {
    this.unsubscribe();
  }

  // Calls of the session.

  lost(reason: GapReason): void {
    this.#session = undefined;
    // Another link of the client has come: this one is of no use.
    if (reason === 'taken') this.unsubscribe();
    else this.#begin(reason);
  }

  /** Terminates the link, unless it has become that of a connection. */
  unsubscribe(): void {
    if (this.closed) return;
    const { link } = this.#arrival;
    this.#finish();
    link.subscribe(NO_OBSERVER);
    link.destroy();
    this.#sessions.free(this.#arrival.request);
  }

  #heard(data: unknown): void {
    if (this.closed) return;
    const word = isControl(data) ? parseClientWord(data) : undefined;
    if (word?.type === 'resume' && this.#session === undefined) this.#claim(word);
    else if (!isControl(data)) this.unsubscribe();
  }

  #claim(counts: ClientWord & { type: 'resume' }): void {
    const found = this.#sessions.find(counts.token, this.#arrival.request);
    if (typeof found === 'string') return this.#begin(found);
    this.#session = found;
    found.claim(this, () => {
      const obstacle = found.obstacle(counts);
      // Ends the session, and calls `lost`.
      if (obstacle !== undefined) return found.expire(obstacle);
      const { received, sent } = found.ledger;
      const answer = `primus::server::resumed::${received}.${this.#sessions.nextToken(found)}.${sent - counts.received}`;
      this.#say(answer, () => {
        this.#finish();
        found.attach(this.#arrival.link, this.#arrival.request, counts);
      });
    });
  }

  /** Begins a new connection over the link. */
  #begin(gap: GapReason): void {
    if (this.closed) return;
    const subscriber = this.#subscriber;
    this.closed = true;
    subscriber.next({ ...this.#arrival, gap });
    this.#sessions.free(this.#arrival.request);
    subscriber.complete();
  }

  #finish(): void {
    this.closed = true;
    this.#session?.abandon(this);
    this.#subscriber.complete();
  }

  /** Sends a control message, and goes on. An asynchronous encoder may answer after the link was lost, or another one came. */
  #say(text: string, then?: () => void): void {
    const { stack } = this.#sessions;
    const send = (frame: Frame): void => {
      if (this.closed) return;
      this.#arrival.link.send(frame);
      if (!this.closed) then?.();
    };
    try {
      const frame = encoded(stack.parser, stack, text);
      if (isPromise(frame)) frame.then(send).catch(() => this.unsubscribe());
      else send(frame);
    } catch {
      this.unsubscribe();
    }
  }
}
