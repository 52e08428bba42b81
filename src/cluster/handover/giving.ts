import type { Subscription } from 'rxjs';
import type { Frame } from '../../core/link.js';
import type { GapReason } from '../../core/session-words.js';
import type { Connection } from '../../server/connection.js';
import type { Claim } from '../../server/sessions/offer.js';
import type { Claimant, Session } from '../../server/sessions/session.js';
import type { Spark } from '../../server/spark.js';
import { ALL, topicOfChannel, topicOfNode, topicOfRoom } from '../names.js';
import { DEADLINE, type HandoverParts } from './handover-parts.js';
import { printBody, split } from './parts.js';
import type { ChannelState } from './subscriptions.js';
import { TopicBuffer } from './topic-buffer.js';

/** How long a node that was given a session may take to say that it has it, in ms. It gives up before. */
const ANSWER = 2 * DEADLINE;

/** The state of a session as one node gives it to another, beside its frames. */
export interface Given {
  /** The id of the spark. */
  readonly id: string;
  readonly sent: number;
  readonly received: number;
  readonly confirmed: number;
  readonly away: number;
  readonly retired?: string | undefined;
  readonly rooms: readonly string[];
  readonly channels: readonly ChannelState[];
  /** The number of the last message that the spark was sent, by topic and sender. */
  readonly counts: { readonly [topic: string]: { readonly [sender: string]: number } };
}

/** The process that asks for a session, and the id of its question. */
export interface Asker {
  readonly node: string;
  readonly instance: string;
  readonly id: string;
}

/**
 * The old node's side of a session that moves. Until the new node has said that it has the session, everything can be undone.
 *
 * ```
 * find ─> claim: fence, drain ─> found ─ take ─> buffer, snapshot ─> given ─┬─ took ──────> the spark ends, without a gap
 *            no topics ──────────────────────────────────┘                ├─ cancel ────> it goes on, with what was buffered
 *                                                                         └─ no answer ─> gap: no node knows where the session is
 * ```
 */
export class Giving implements Claimant {
  readonly node: string;
  /** The process of the new node. */
  readonly instance: string;
  readonly session: Session;
  readonly spark: Spark;
  readonly #parts: HandoverParts;
  readonly #id: string;
  readonly #claim: Claim;
  readonly #close: () => void;
  /** The topics that the new node knows of. */
  #named: ReadonlySet<string> | undefined;
  #buffer: TopicBuffer | undefined;
  #channels: readonly ChannelState[] = [];
  /** The number of messages that the new node was given the session with. */
  #sent: number | undefined;
  #isOver = false;
  #isTaken = false;
  /** Sends the last answer again, which may be lost. */
  #repeat: () => void = () => {};
  #timer: Subscription | undefined;

  constructor(parts: HandoverParts, to: Asker, claim: Claim, session: Session, close: () => void) {
    this.#parts = parts;
    this.node = to.node;
    this.instance = to.instance;
    this.#id = to.id;
    this.#claim = claim;
    this.session = session;
    this.spark = (session.connection as Connection).subject as Spark;
    this.#close = close;
  }

  /** Whether the new node may go on with the session. */
  get isGiven(): boolean {
    return this.#buffer !== undefined;
  }

  /** Whether the new node has the session, and is still sent what follows it. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Begins. */
  start(): void {
    this.session.claim(this, () => {
      const obstacle = this.session.obstacle(this.#claim);
      // Ends the session, and calls `lost`.
      if (obstacle !== undefined) this.session.expire(obstacle);
      else if (this.#topics().size > 0) this.#find();
      else this.#give();
    });
  }

  /** Answers again: the request has come again. */
  repeat(): void {
    this.#repeat();
  }

  /** The new node listens to the topics that it knows of. */
  take(): void {
    if (this.#buffer !== undefined) return this.#repeat();
    if (this.#named === undefined) return;
    // The spark may have joined others meanwhile.
    const { size } = this.#named;
    if (new Set([...this.#named, ...this.#topics()]).size > size) this.#find();
    else this.#give();
  }

  /** The new node does not go on with the session. */
  cancel(): void {
    this.#restore(true);
    this.#finish();
    this.session.abandon(this);
  }

  /**
   * A spark of the new node goes on with the session. What was written since the snapshot follows, also what is still being encoded.
   * `followed` is called with the number of those messages, behind the last one.
   */
  took(followed: (count: number) => void): void {
    const topic = topicOfNode(this.node);
    let count = 0;
    const follow = (frame: Frame) => {
      count += 1;
      this.#parts.bus.publish(topic, 'session', { type: 'rest', id: this.#id }, frame);
    };
    if (this.#sent !== undefined) this.session.ledger.since(this.#sent)?.forEach(follow);
    this.#isTaken = true;
    this.#timer?.unsubscribe();
    this.#restore(false);
    this.session.move(follow, () => {
      this.#finish();
      followed(count);
    });
  }

  lost(reason: GapReason): void {
    // One that is given is claimed by no other link before the new node has been asked.
    this.#restore(false);
    this.#answer(reason === 'taken' ? 'lost' : 'gap', { reason });
    this.#finish();
  }

  /** Ends this, as the node leaves the cluster. */
  close(): void {
    this.#restore(true);
    this.#finish();
    this.session.abandon(this);
  }

  #find(): void {
    this.#named = this.#topics();
    const { rooms, channels } = this.#parts;
    const value = { rooms: rooms.topicsOf(this.spark).map(nameOf), channels: channels.namesOf(this.spark) };
    this.#answer('found', {}, printBody(value, []));
  }

  #give(): void {
    const { bus, rooms, channels, sessions, buffers, scheduler } = this.#parts;
    const { spark, session } = this;
    const topics = [...rooms.topicsOf(spark), ALL];
    const buffer = new TopicBuffer(sessions.ring);
    this.#buffer = buffer;
    this.#channels = channels.statesOf(spark);
    const live = this.#channels.filter(({ since }) => since === undefined).map(({ name }) => topicOfChannel(name));
    // From here on nothing that is published reaches the spark.
    const counts = Object.fromEntries([...topics, ...live].map((topic) => [topic, bus.countsOf(topic)]));
    rooms.replace(spark, buffer);
    channels.pause(spark, buffer);
    buffers.add(buffer);
    this.#parts.given.set(spark, buffer);
    const own = bus.sender;
    const encoding = this.#parts.encoding();
    const give = () => {
      if (this.#isOver || this.#buffer !== buffer) return;
      // What this node has written before is published by now.
      const written = Object.fromEntries(topics.map((topic) => [topic, { ...counts[topic], [own]: bus.written(topic) }]));
      const { frames, ...state } = session.snapshot();
      this.#sent = state.sent;
      const value: Given = {
        ...state,
        id: spark.id,
        rooms: rooms.topicsOf(buffer).map(nameOf),
        channels: this.#channels,
        counts: { ...counts, ...(encoding === undefined ? {} : written) },
      };
      this.#timer = scheduler.schedule(() => this.session.expire('epoch'), ANSWER);
      this.#answer('given', {}, printBody(value, frames));
    };
    (session.connection as Connection).whenWritten(() => (encoding === undefined ? give() : void encoding.then(give)));
  }

  /** Lets the topics reach the spark again; with `replays` what was buffered as well. */
  #restore(replays: boolean): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    const { rooms, channels, buffers, given, deliver } = this.#parts;
    this.#buffer = undefined;
    rooms.replace(buffer, this.spark);
    buffers.delete(buffer);
    given.delete(this.spark);
    channels.proceed(this.spark, buffer, replays ? this.#channels : []);
    if (!replays) return;
    if (buffer.isFull) return this.session.expire('overflow');
    for (const message of buffer.messages) if (!message.except.includes(this.spark.id)) deliver(this.spark, message);
  }

  #finish(): void {
    this.#isOver = true;
    this.#timer?.unsubscribe();
    this.#close();
  }

  #topics(): ReadonlySet<string> {
    const { rooms, channels } = this.#parts;
    return new Set([...rooms.topicsOf(this.spark), ...channels.namesOf(this.spark).map(topicOfChannel)]);
  }

  #answer(type: string, fields: object, body?: Uint8Array): void {
    const parts: readonly (Frame | undefined)[] = body === undefined ? [undefined] : split(body);
    const id = this.#id;
    this.#repeat = () => {
      for (const [part, bytes] of parts.entries())
        this.#parts.bus.publish(topicOfNode(this.node), 'session', { ...fields, type, id, part, count: parts.length }, bytes);
    };
    this.#repeat();
  }
}

function nameOf(topic: string): string {
  return topic.slice(topicOfRoom('').length);
}
