import { Observable } from 'rxjs';
import type { Frame } from '../../core/link.js';
import type { GapReason } from '../../core/session-words.js';
import type { Elsewhere, Found } from '../../server/sessions/elsewhere.js';
import type { Claim } from '../../server/sessions/offer.js';
import type { Session } from '../../server/sessions/session.js';
import type { Spark } from '../../server/spark.js';
import { topicOfNode, topicOfRoom } from '../names.js';
import type { Header } from '../packets.js';
import { Giving } from './giving.js';
import type { HandoverParts } from './handover-parts.js';
import { Recent } from './recent.js';
import { Taking } from './taking.js';
import type { BufferedMessage, TopicBuffer } from './topic-buffer.js';

/** The lengths of the random part of a token, and of the name of the process behind it. The name of the node is the rest. */
const RANDOM = 22;
const PROCESS = 2;

/** The epoch of all nodes: their sessions move between them. A node that was restarted says so itself. */
const EPOCH = 'cluster';

/** Where a spark has moved to. */
interface Place {
  readonly node: string;
  readonly id: string;
}

/**
 * The sessions that move between nodes. A token names the node of its session, and a node knows for some time where a session has gone. So a
 * client that comes to another node finds its session in a few steps:
 *
 * ```
 * client ── resume ──> new node ── find, take ──> old node: fences the old link, and sends counts, messages, rooms, channels
 *        <─ resumed ─           ── took ────────>           and ends its spark
 * ```
 */
export class Handovers implements Elsewhere {
  /** Those that keep what is sent to all connections. */
  readonly buffers = new Set<TopicBuffer>();
  /** The sparks whose sessions may go on elsewhere. */
  readonly given = new Map<Spark, TopicBuffer>();
  /** The sessions that have come to this node, and that messages may follow. */
  readonly #coming = new Set<Session>();
  readonly #parts: HandoverParts;
  readonly #process: string;
  readonly #givings = new Map<string, Giving>();
  readonly #givingOf = new Map<Session, Giving>();
  readonly #takings = new Map<string, Taking>();
  readonly #takingOf = new Map<string, Taking>();
  readonly #movedSessions: Recent<string>;
  readonly #movedSparks: Recent<Place>;
  /** The number of messages that followed a session, by the question of the other node. */
  readonly #followed: Recent<number>;
  #count = 0;

  constructor(parts: Omit<HandoverParts, 'buffers' | 'given' | 'coming' | 'isGiven'>) {
    const { buffers, given } = this;
    this.#parts = { ...parts, buffers, given, coming: this.#coming, isGiven: (session) => this.isGiven(session) };
    const { sessions, scheduler, bus, node } = parts;
    this.#process = bus.instance.slice(0, PROCESS);
    this.#movedSessions = new Recent(scheduler, sessions.window);
    this.#movedSparks = new Recent(scheduler, sessions.window);
    this.#followed = new Recent(scheduler, sessions.window);
    sessions.elsewhere = this;
    sessions.epoch = EPOCH;
    sessions.suffix = this.#process + node;
  }

  /** Returns where a spark has moved to. */
  placeOf(id: string): Place | undefined {
    return this.#movedSparks.get(id);
  }

  /** Keeps a message to all, or to some rooms, for the sparks that move. */
  keep(rooms: readonly string[], message: BufferedMessage): void {
    if (rooms.length === 0) for (const buffer of this.buffers) buffer.keep(message);
    const buffers = new Set(rooms.flatMap((room) => [...this.#parts.rooms.buffersOf(topicOfRoom(room))]));
    for (const buffer of buffers) buffer.keep(message);
  }

  // Calls of the sessions.

  isGiven(session: Session): boolean {
    return this.#givingOf.get(session)?.isGiven === true;
  }

  take(claim: Claim, identity: unknown): Observable<Found> {
    const { bus, sessions, node } = this.#parts;
    return new Observable((subscriber) => {
      const found = sessions.lookUp(claim.token, identity);
      const giving = typeof found === 'string' ? undefined : this.#givingOf.get(found);
      const place = giving?.node ?? this.#placeOf(claim.token);
      // What JSON changes would be another identity.
      const isPlain = identity === undefined || typeof identity === 'string' || Number.isFinite(identity) || typeof identity === 'boolean';
      const reason = !isPlain ? 'identity' : reasonOf(place);
      if (reason !== undefined) {
        subscriber.next(reason);
        return subscriber.complete();
      }
      // Another link of the same client. One that is about to go on with the session is not overtaken: the client comes again.
      const before = this.#takingBy(claim.token, identity);
      if (before?.isOffered) return subscriber.complete();
      before?.abort();
      const id = `${bus.instance} ${++this.#count}`;
      const taking = new Taking(this.#parts, id, claim, identity, subscriber, () => {
        this.#takings.delete(id);
        if (this.#takingOf.get(claim.token) === taking) this.#takingOf.delete(claim.token);
      });
      this.#takings.set(id, taking);
      // That of another identity is refused, and disturbs no other.
      if (!this.#takingOf.has(claim.token)) this.#takingOf.set(claim.token, taking);
      taking.start(place as string, giving && node);
    });
  }

  // Packets.

  /** Handles a packet about sessions. Returns false for others. */
  receive(header: Header, frame: Frame | undefined): boolean {
    const { kind, type, from, instance, id } = header;
    if (kind !== 'session') return false;
    if (typeof id !== 'string' || from === this.#parts.node) return true;
    const taking = this.#takings.get(id);
    const key = `${from} ${instance} ${id}`;
    const giving = this.#givings.get(key);
    if (taking?.asked === from) taking.receive(header, frame);
    else if (type === 'find') this.#find(header, key);
    else if (type === 'take') giving?.take();
    else if (type === 'cancel') giving?.cancel();
    else if (type === 'took' && typeof header.spark === 'string') this.#took(header.spark, from, id, key);
    return true;
  }

  /** Ends everything that is under way. */
  close(): void {
    const { sessions } = this.#parts;
    for (const taking of [...this.#takings.values()]) taking.abort();
    for (const giving of [...this.#givings.values()]) giving.close();
    this.#movedSessions.clear();
    this.#movedSparks.clear();
    this.#followed.clear();
    sessions.elsewhere = undefined;
  }

  /** Another node looks for a session. */
  #find({ from, instance, id, token, identity, received, first, sent }: Header, key: string): void {
    const repeated = this.#givings.get(key);
    if (repeated !== undefined) return repeated.repeat();
    const claim = claimOf(token, received, first, sent);
    if (claim === undefined || typeof id !== 'string') return;
    const taking = this.#takingBy(claim.token, identity);
    // It is here in a moment, and the other node asks again.
    if (taking?.isOffered) return;
    taking?.abort();
    const found = this.#parts.sessions.lookUp(claim.token, identity);
    if (typeof found === 'string') return this.#refuse(from, id, claim.token, found);
    // It is complete in a moment, and the other node asks again.
    if (this.#coming.has(found)) return;
    const before = this.#givingOf.get(found);
    if (before?.isGiven) {
      // A process that asks does not have it.
      if (before.node === from && before.instance === instance) before.cancel();
      else return this.#answer(from, id, 'moved', { node: before.node });
    }
    const giving = new Giving(this.#parts, { node: from, instance, id }, claim, found, () => {
      this.#givings.delete(key);
      if (this.#givingOf.get(found) === giving) this.#givingOf.delete(found);
    });
    this.#givings.set(key, giving);
    this.#givingOf.set(found, giving);
    giving.start();
  }

  /** A spark of another node goes on with a session. The node is answered when everything has followed. */
  #took(spark: string, from: string, id: string, key: string): void {
    const giving = this.#givings.get(key);
    const over = () => this.#answer(from, id, 'over', { count: this.#followed.get(key) });
    if (giving?.isTaken) return;
    if (!giving?.isGiven) return over();
    const { token, next, retired } = giving.session;
    for (const name of [token, next, retired]) if (name !== undefined) this.#movedSessions.set(name, from);
    this.#movedSparks.set(giving.spark.id, { node: from, id: spark });
    giving.took((count) => {
      this.#followed.set(key, count);
      over();
    });
  }

  /** Returns the attempt of a client to take a session to this node. */
  #takingBy(token: string, identity: unknown): Taking | undefined {
    const taking = this.#takingOf.get(token);
    return taking?.identity === identity ? taking : undefined;
  }

  #refuse(node: string, id: string, token: string, reason: GapReason): void {
    const moved = this.#movedSessions.get(token);
    if (reason === 'expired' && moved !== undefined) return this.#answer(node, id, 'moved', { node: moved });
    const place = this.#placeOf(token);
    this.#answer(node, id, 'gap', { reason: reason === 'expired' ? (reasonOf(place) ?? reason) : reason });
  }

  /** Returns the node that may have the session of a token, or the reason why none has it. */
  #placeOf(token: string): string | { readonly reason: GapReason } {
    const moved = this.#movedSessions.get(token);
    const node = token.slice(RANDOM + PROCESS);
    if (moved !== undefined || (node !== '' && node !== this.#parts.node)) return moved ?? node;
    const isSameProcess = node !== '' && token.slice(RANDOM, RANDOM + PROCESS) === this.#process;
    return { reason: isSameProcess ? 'expired' : 'epoch' };
  }

  #answer(to: string, id: string, type: string, fields: object = {}): void {
    this.#parts.bus.publish(topicOfNode(to), 'session', { ...fields, type, id });
  }
}

function reasonOf(place: string | { readonly reason: GapReason }): GapReason | undefined {
  return typeof place === 'string' ? undefined : place.reason;
}

function claimOf(token: unknown, received: unknown, from: unknown, sent: unknown): Claim | undefined {
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  const isOptional = (value: unknown) => value === undefined || isCount(value);
  if (typeof token !== 'string' || !isCount(received) || !isOptional(from) || !isOptional(sent)) return undefined;
  const claim = { token, received: received as number };
  return sent === undefined ? claim : { ...claim, from: (from ?? 0) as number, sent: sent as number };
}
