import type { IncomingMessage } from 'node:http';
import { Observable, type SchedulerLike, type Subscriber, Subscription, type SubscriptionLike } from 'rxjs';
import { LONGEST_WAIT } from '../../../operators/duration.js';
import type { Stack } from '../../core/channel.js';
import { isPromise } from '../../core/eventual.js';
import { type Frame, type LinkObserver, NO_OBSERVER } from '../../core/link.js';
import { decoded, encoded } from '../../core/parser.js';
import { isControl } from '../../core/protocol.js';
import { type GapReason, parseClientWord, WHICH_SESSION } from '../../core/session-words.js';
import type { Arrival } from '../../core/transformer.js';
import type { Found } from './elsewhere.js';
import type { Claim, Handover, Offer } from './offer.js';
import type { Claimant, Session } from './session.js';

/** The number of frames in which a client has to name its session: one, behind a question that servers without sessions answer. */
const FRAMES = 3;

/** An arrival that begins a connection. `gap`: the session that it wanted to resume cannot be. `handover`: it was on another server. */
export interface SessionArrival extends Arrival<IncomingMessage> {
  readonly gap?: GapReason;
  readonly handover?: Handover;
}

/** The sessions of a server, as far as an attempt to resume one uses them. */
export interface ResumptionHost {
  readonly scheduler: SchedulerLike;
  readonly stack: Stack;
  /** The time in which a client has to name its session, in ms. */
  readonly limit: number;
  /** Returns the session that a request claims, or the reason why it cannot resume it: at once, or when another server has answered. */
  find(claim: Claim, request: IncomingMessage): Session | GapReason | Observable<Found>;
  /** Creates a token that cannot be guessed. */
  createToken(): string;
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
 *                                          ├─> another server hands it over ────> resumed, a new connection
 *                                          └─> gap
 * ```
 */
class Resumption implements Claimant, LinkObserver, SubscriptionLike {
  closed = false;
  readonly #sessions: ResumptionHost;
  readonly #arrival: SessionArrival;
  readonly #subscriber: Subscriber<SessionArrival>;
  #frames = 0;
  /** Whether the client has named its session. */
  #isNamed = false;
  #session: Session | undefined;
  /** The question to other servers. */
  #asking = Subscription.EMPTY;

  constructor(sessions: ResumptionHost, arrival: SessionArrival, subscriber: Subscriber<SessionArrival>) {
    this.#sessions = sessions;
    this.#arrival = arrival;
    this.#subscriber = subscriber;
    const { limit } = sessions;
    sessions.claim(arrival.request);
    if (limit <= LONGEST_WAIT) subscriber.add(sessions.scheduler.schedule(() => this.#isNamed || this.unsubscribe(), limit));
    arrival.link.subscribe(this);
    this.#say(WHICH_SESSION);
  }

  // Reports of the link.

  next(frame: Frame): void {
    const place = ++this.#frames;
    if (this.#isNamed || place > FRAMES) return this.unsubscribe();
    const { stack } = this.#sessions;
    try {
      const data = decoded(stack.parser, stack, frame);
      if (!isPromise(data)) this.#heard(data, place);
      else data.then((late) => this.#heard(late, place)).catch(() => this.unsubscribe());
    } catch {
      this.unsubscribe();
    }
  }

  incomplete(bytes: number): void {
    // Only long messages are reported. The name of a session is short, and nothing else counts these bytes.
    if (bytes > 0) this.unsubscribe();
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

  /** `place`: that of its frame, among those of the link. */
  #heard(data: unknown, place: number): void {
    if (this.closed) return;
    const word = isControl(data) ? parseClientWord(data) : undefined;
    // What has come behind that, while it was decoded, would be lost.
    const isHasty = word?.type === 'resume' && place < this.#frames;
    if (isHasty || !isControl(data)) this.unsubscribe();
    else if (word?.type === 'resume' && !this.#isNamed) this.#find(word);
  }

  #find(claim: Claim): void {
    this.#isNamed = true;
    const found = this.#sessions.find(claim, this.#arrival.request);
    if (!(found instanceof Observable)) return this.#proceed(found, claim);
    let isFound = false;
    this.#asking = found.subscribe({
      next: (answer) => {
        isFound = true;
        this.#proceed(answer, claim);
      },
      complete: () => isFound || this.unsubscribe(),
    });
  }

  #proceed(found: Found, claim: Claim): void {
    if (typeof found === 'string') this.#begin(found);
    else if ('taken' in found) this.#adopt(found, claim);
    else this.#claim(found, claim);
  }

  /** Begins a new connection, which goes on with the session of another server. */
  #adopt(offer: Offer, claim: Claim): void {
    const { received } = offer.state;
    const next = this.#sessions.createToken();
    const answer = `primus::server::resumed::${received}.${next}.${(claim.sent ?? received) - received}`;
    this.#say(answer, () => this.#pass({ handover: { offer, claim, next } }));
  }

  #claim(found: Session, counts: Claim): void {
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
    if (!this.closed) this.#pass({ gap });
  }

  /** Passes the link on. */
  #pass(session: Pick<SessionArrival, 'gap' | 'handover'>): void {
    const subscriber = this.#subscriber;
    this.closed = true;
    subscriber.next({ ...this.#arrival, ...session });
    this.#sessions.free(this.#arrival.request);
    this.#asking.unsubscribe();
    subscriber.complete();
  }

  #finish(): void {
    this.closed = true;
    this.#session?.abandon(this);
    this.#asking.unsubscribe();
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
