import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type MonoTypeOperatorFunction, mergeMap, type Observable, of, type SchedulerLike, type Subscription } from 'rxjs';
import type { Stack } from '../../core/channel.js';
import { isPromise } from '../../core/eventual.js';
import { invalid } from '../../core/options.js';
import { type GapReason, SESSION_FIELD } from '../../core/session-words.js';
import type { Places } from '../http/host.js';
import { Budget } from './budget.js';
import type { Elsewhere, Found } from './elsewhere.js';
import type { Claim } from './offer.js';
import type { ParsedResumeOptions } from './options.js';
import { type ResumptionHost, resumption, type SessionArrival } from './resumption.js';
import { Session, type SessionConnection, type SessionHost } from './session.js';

/** How long a message that was received may wait for its acknowledgement, in ms. */
const ACKNOWLEDGE = 1_000;

/** The number of ended sessions, or of their tokens, of which the server knows the reason. */
const ENDED = 4_096;

/** Matches the question for a session, in the query: 0 for a new one, 1 for one that exists. */
const ASKED = new RegExp(`[?&]${SESSION_FIELD}=([01])(?:&|$)`);

/** The parts of a server that its sessions use. */
export interface SessionsParts {
  readonly options: ParsedResumeOptions;
  readonly scheduler: SchedulerLike;
  readonly stack: Stack;
  /** The time in which a client has to name the session that it resumes, in ms. */
  readonly limit: number;
  readonly places: Pick<Places, 'claim' | 'release'>;
  /** Returns the address of the client of a request. */
  addressOf(request: IncomingMessage): object;
  /** Reports an error of the application's own code. */
  warn(error: unknown): void;
}

/**
 * The sessions of a server by their tokens. A link that arrives begins a new one, or resumes one:
 *
 * ```
 * arrival ─┬─ asks for none ─────────────────────────────────────────────────> a new connection
 *          ├─ asks for a new one ────────────────────────────────────────────> a new connection, with a session
 *          └─ resumes: which one? ─┬─ unknown, overtaken, another identity … ─> a new connection, with a session, after a gap
 *                                  └─ fence ─> drain ─> answer ─────────────> the connection of the session
 * ```
 */
export class Sessions implements SessionHost, ResumptionHost {
  readonly scheduler: SchedulerLike;
  readonly stack: Stack;
  readonly limit: number;
  readonly window: number;
  readonly ring: number;
  readonly budget: Budget;
  /** The name of this run of the server, or of all servers that hand sessions over to each other. */
  epoch: string = randomName();
  /** The end of all tokens, which names the server where others may have the session. */
  suffix = '';
  /** The other servers that may have a session; only in a cluster. */
  elsewhere: Elsewhere | undefined;
  readonly #parts: SessionsParts;
  /** Looked up by hash: the time of a comparison would show how much of a guess is right. */
  readonly #byToken = new Map<string, Session>();
  /** The reasons for which sessions ended, by their tokens. */
  readonly #ended = new Map<string, GapReason>();
  /** Those that have received messages which should be acknowledged. One timer serves all. */
  readonly #owing = new Set<Session>();
  #timer: Subscription | undefined;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
    this.scheduler = parts.scheduler;
    this.stack = parts.stack;
    this.limit = parts.limit;
    this.window = parts.options.window;
    this.ring = parts.options.ring;
    this.budget = new Budget(parts.options.budget);
  }

  /** Passes on the arrivals that begin a connection, and attaches the others to the connection of their session. */
  resume(): MonoTypeOperatorFunction<SessionArrival> {
    return mergeMap((arrival) => (askedBy(arrival) === '1' ? resumption(this, arrival) : of(arrival)));
  }

  /** Begins the session of a new connection, if its client has asked for one. */
  begin(connection: SessionConnection, { request, gap, handover }: SessionArrival): void {
    if (askedBy({ request }) === undefined) return;
    const token = handover?.claim.token ?? this.createToken();
    const session = new Session(this, connection, request, token, this.#identityOf(request));
    this.#byToken.set(session.token, session);
    connection.begin(session);
    if (handover !== undefined) {
      session.next = handover.next;
      session.retired = handover.offer.state.retired;
      for (const name of [session.next, session.retired]) if (name !== undefined) this.#byToken.set(name, session);
      session.adopt(handover);
      return;
    }
    const value = `${this.epoch}.${session.token}`;
    connection.control(
      gap === undefined ? { type: 'server::session', value: `1.${value}` } : { type: 'server::gap', value: `${gap}.${value}` },
    );
  }

  /** Returns the session that a request claims, or the reason why it cannot resume it: at once, or when another server has answered. */
  find(claim: Claim, request: IncomingMessage): Session | GapReason | Observable<Found> {
    const { elsewhere } = this;
    const identity = this.#identityOf(request);
    const found = this.lookUp(claim.token, identity);
    const isHere = typeof found === 'string' ? found !== 'expired' : !elsewhere?.isGiven(found);
    if (elsewhere === undefined || isHere) return found;
    return identity === null ? 'identity' : elsewhere.take(claim, identity);
  }

  /** Returns the session of a token on this server, or the reason why this identity cannot resume it. */
  lookUp(token: string, identity: unknown): Session | GapReason {
    const session = this.#byToken.get(token);
    if (session === undefined || !session.connection.writable) return this.#ended.get(token) ?? 'expired';
    if (identity === null || identity !== session.identity) return 'identity';
    if (token === session.retired) return 'taken';
    if (token === session.next) this.prove(session);
    return session;
  }

  /** Returns the token that a client gets for the next time. The present one stays good until the client has proven to have that. */
  nextToken(session: Session): string {
    if (session.next === undefined) {
      session.next = this.createToken();
      this.#byToken.set(session.next, session);
    }
    return session.next;
  }

  /** Creates a token that cannot be guessed. */
  createToken(): string {
    return randomName() + this.suffix;
  }

  /** Notes that a client has the token that it was sent: the one before is retired. */
  prove(session: Session): void {
    const { next, token, retired } = session;
    if (next === undefined) return;
    if (retired !== undefined) this.#byToken.delete(retired);
    session.retired = token;
    session.token = next;
    session.next = undefined;
  }

  claim(request: IncomingMessage): void {
    this.#parts.places.claim(request);
  }

  free(request: IncomingMessage): void {
    this.#parts.places.release(request);
  }

  addressOf(request: IncomingMessage): object {
    return this.#parts.addressOf(request);
  }

  /** Acknowledges soon what a session has received. */
  owe(session: Session): void {
    this.#owing.add(session);
    this.#timer ??= this.scheduler.schedule(() => this.#acknowledge(), ACKNOWLEDGE);
  }

  /** Forgets a session that is over, but for the reason, which its client gets. */
  forget(session: Session, reason: GapReason): void {
    const { token, next, retired } = session;
    for (const name of [token, next, retired]) if (name !== undefined) this.#byToken.delete(name);
    if (reason !== 'expired') for (const name of [token, next]) if (name !== undefined) this.#ended.set(name, reason);
    for (const [name] of this.#ended) {
      if (this.#ended.size <= ENDED) break;
      this.#ended.delete(name);
    }
    this.#owing.delete(session);
    if (this.#owing.size > 0) return;
    this.#timer?.unsubscribe();
    this.#timer = undefined;
  }

  #acknowledge(): void {
    this.#timer = undefined;
    const owing = [...this.#owing];
    this.#owing.clear();
    for (const session of owing) session.acknowledge();
  }

  /** Returns the identity of the user of a request; `null` when the application's function fails, for one that matches none. */
  #identityOf(request: IncomingMessage): string | null | undefined {
    const { identity } = this.#parts.options;
    if (!identity) return undefined;
    try {
      const user: unknown = identity(request);
      // Of a function that is asynchronous by mistake, a rejection would end the process.
      if (isPromise(user)) user.then(undefined, () => {});
      if (Object(user) !== user && user !== null) return user as string | undefined;
      throw invalid('resume.identity', 'a function that returns a string or undefined', user);
    } catch (thrown) {
      this.#parts.warn(thrown);
      return null;
    }
  }
}

function askedBy({ request }: Pick<SessionArrival, 'request'>): string | undefined {
  return ASKED.exec(request.url ?? '')?.[1];
}

/** Creates a name that cannot be guessed: 128 random bits. */
function randomName(): string {
  return randomBytes(16).toString('base64url');
}
