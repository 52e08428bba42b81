import { interval, type Subscriber, Subscription, take } from 'rxjs';
import type { Frame } from '../../core/link.js';
import type { GapReason } from '../../core/session-words.js';
import type { Found } from '../../server/sessions/elsewhere.js';
import type { Claim, SessionState } from '../../server/sessions/offer.js';
import type { Session } from '../../server/sessions/session.js';
import type { Spark } from '../../server/spark.js';
import { ALL, topicOfChannel, topicOfNode, topicOfRoom } from '../names.js';
import { type Header, isListOfStrings } from '../packets.js';
import type { Given } from './giving.js';
import { DEADLINE, type HandoverParts, isGapReason } from './handover-parts.js';
import { Parts, parseBody } from './parts.js';
import { isListOfChannels } from './subscriptions.js';
import { TopicBuffer } from './topic-buffer.js';

/** The number of the last message, by sender. */
type Counts = Given['counts'][string];

/** How often a request is sent again that is not answered, in ms. */
const RETRY = 500;

/** How often the old node hears that its session goes on here, if it does not answer. */
const TELLINGS = 8;

/** How many nodes may be asked: a session may have moved several times. */
const HOPS = 8;

/** The bytes of what is handed over beside the messages: the names of rooms and channels. */
const BESIDE = 4_194_304;

/**
 * The new node's side of a session that moves.
 *
 * ```
 * find ─┬─ found ─> listen to its rooms and channels ─> take ─┬─ given ─> a spark goes on ─> took
 *       ├─ given ──────────────────────────────────────────────┘
 *       ├─ moved ─> ask that node
 *       └─ gap, or no answer until the deadline ─> gap
 * ```
 */
export class Taking {
  readonly token: string;
  /** The node that is asked. */
  asked: string;
  readonly #parts: HandoverParts;
  readonly #id: string;
  readonly #claim: Claim;
  readonly identity: unknown;
  readonly #subscriber: Subscriber<Found>;
  readonly #close: () => void;
  readonly #subscription = new Subscription();
  readonly #buffer: TopicBuffer;
  readonly #bodies = new Map<unknown, Parts>();
  /** The messages of each topic before those that the buffer keeps. */
  readonly #before = new Map<string, Counts>();
  /** The node that has named the one that is asked: it is asked again if that one does not have the session. */
  #referrer: string | undefined;
  #hops = 0;
  #isAnswered = false;
  /** The spark that goes on with the session, and how many messages have followed it. */
  #spark: Spark | undefined;
  #session: Session | undefined;
  #followed = 0;
  /** The request that is not answered yet. */
  #request = Subscription.EMPTY;

  constructor(parts: HandoverParts, id: string, claim: Claim, identity: unknown, subscriber: Subscriber<Found>, close: () => void) {
    this.#parts = parts;
    this.#id = id;
    this.#claim = claim;
    this.token = claim.token;
    this.identity = identity;
    this.#subscriber = subscriber;
    this.#close = close;
    this.#buffer = new TopicBuffer(parts.sessions.ring);
    this.asked = parts.node;
  }

  /** Whether a spark of this node is about to go on with the session. */
  get isOffered(): boolean {
    return this.#isAnswered;
  }

  /** Begins with the question to a node. `referrer`: the node that has named it. */
  start(node: string, referrer: string | undefined): void {
    const { scheduler, nodes, buffers } = this.#parts;
    buffers.add(this.#buffer);
    this.#subscriber.add(() => this.#leave());
    this.#subscription.add(scheduler.schedule(() => this.#answer('epoch'), DEADLINE));
    this.#referrer = referrer;
    this.#ask(node);
    if (!this.#isAnswered) this.#subscription.add(nodes.names$.subscribe((names) => names.includes(this.asked) || this.#answer('epoch')));
  }

  /** Handles an answer of the node that is asked. */
  receive({ type, part, count, reason, node }: Header, frame: Frame | undefined): void {
    if (this.#spark !== undefined) this.#finish(this.#spark, type, count, frame);
    if (this.#isAnswered) return;
    if (type === 'gap' && isGapReason(reason)) this.#refused(reason);
    else if (type === 'lost') this.#subscriber.complete();
    else if (type === 'moved' && typeof node === 'string') {
      this.#referrer = this.asked;
      this.#ask(node);
    } else if ((type === 'found' || type === 'given') && frame instanceof Uint8Array) this.#collect(type, part, count, frame);
  }

  /** Gives up: another node asks for the session, or this one leaves the cluster. */
  abort(): void {
    if (this.#spark !== undefined) this.#end();
    else this.#subscriber.complete();
  }

  #ask(node: string): void {
    const { node: own, nodes } = this.#parts;
    this.#hops += 1;
    if (node === own) return this.#look();
    if (this.#hops > HOPS || !nodes.has(node)) return this.#answer('epoch');
    this.asked = node;
    const { token, received, from, sent } = this.#claim;
    this.#say('find', { token, received, first: from, sent, identity: this.identity });
  }

  /** Looks for the session on this node: the one that was asked does not have it. */
  #look(): void {
    const { sessions, isGiven } = this.#parts;
    const found = sessions.lookUp(this.token, this.identity);
    this.#answer(typeof found !== 'string' && isGiven(found) ? 'epoch' : found);
  }

  #refused(reason: GapReason): void {
    const referrer = this.#referrer;
    if (reason !== 'expired' || referrer === undefined) return this.#answer(reason);
    this.#referrer = undefined;
    this.#ask(referrer);
  }

  /** Puts the parts of an answer together. */
  #collect(type: 'found' | 'given', part: unknown, count: unknown, bytes: Uint8Array): void {
    const { sessions } = this.#parts;
    const parts = this.#bodies.get(type) ?? new Parts(sessions.ring + BESIDE);
    this.#bodies.set(type, parts);
    const body = parts.add(part, count, bytes);
    if (body === null) return this.#answer('overflow');
    if (body === undefined) return;
    this.#bodies.delete(type);
    const parsed = parseBody(body);
    if (type === 'found') this.#listen(Object(parsed?.value) as Partial<Given>);
    else if (parsed !== undefined && isGiven(parsed.value) && parsed.frames.length <= parsed.value.sent)
      this.#offer(parsed.value, parsed.frames);
  }

  /** Listens to the topics of the spark, before the old node stops sending their messages. */
  #listen({ rooms, channels }: { rooms?: unknown; channels?: unknown }): void {
    if (!isListOfStrings(rooms) || !isListOfStrings(channels)) return;
    const { bus, channels: own, rooms: members } = this.#parts;
    for (const topic of [...rooms.map(topicOfRoom), ...channels.map(topicOfChannel)])
      if (!this.#before.has(topic)) this.#before.set(topic, bus.countsOf(topic));
    const listening = rooms.map((room) => {
      const topic = topicOfRoom(room);
      return members.add(this.#buffer, topic) === true ? bus.listen(topic) : bus.whenListening(topic);
    });
    listening.push(...channels.map((channel) => own.prepare(this.#buffer, channel)));
    void Promise.all(listening).then((confirmed) => {
      if (!this.#isAnswered && !this.#subscriber.closed && !confirmed.includes(false)) this.#say('take', {});
    });
  }

  #offer(given: Given, frames: SessionState['frames']): void {
    const { sent, received, confirmed, away, retired } = given;
    const taken = (spark: unknown) => this.#taken(spark as Spark, given);
    this.#answer({ state: { sent, received, confirmed, frames, away, retired }, taken });
  }

  #answer(found: Found): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#request.unsubscribe();
    this.#subscription.unsubscribe();
    this.#subscriber.next(found);
    // One that is offered stays until a spark goes on with it, or its link is lost.
    if (typeof found === 'string' || !('taken' in found)) this.#subscriber.complete();
  }

  /** A spark goes on with the session. It joins the rooms and channels, and gets what the old node has not sent. */
  #taken(spark: Spark, { id, rooms, channels, counts }: Given): void {
    const { bus, channels: own, deliver, rooms: members } = this.#parts;
    this.#spark = spark;
    this.#session = spark.connection.session;
    if (this.#session !== undefined) this.#parts.coming.add(this.#session);
    for (const room of rooms) {
      const topic = topicOfRoom(room);
      if (members.add(spark, topic) === true) void bus.listen(topic);
    }
    for (const channel of channels) own.adopt(spark, channel);
    this.#release();
    if (this.#buffer.isFull) this.#session?.expire('overflow');
    const topics = new Set([...rooms.map(topicOfRoom), ...channels.map(({ name }) => topicOfChannel(name))]);
    for (const topic of topics) this.#reportMissed(topic, Object(counts[topic]) as Counts);
    for (const message of this.#buffer.messages) {
      const { topic, sender, n, except } = message;
      const isSent = n <= (counts[topic]?.[sender] ?? 0);
      if (!isSent && (topic === ALL || topics.has(topic)) && !except.includes(id)) deliver(spark, message);
    }
    this.#say('took', { spark: spark.id }, TELLINGS);
  }

  /** Handles what follows a session: what was written to the spark of the old node after that gave it. */
  #finish(spark: Spark, type: unknown, count: unknown, frame: Frame | undefined): void {
    if (type === 'rest' && frame !== undefined) {
      this.#followed += 1;
      spark.connection.post(frame);
    } else if (type === 'over') {
      if (count !== this.#followed) this.#expire();
      this.#end();
    }
  }

  /** Ends the session: the old node may have written more to it. */
  #expire(): void {
    this.#session?.expire('epoch');
  }

  /** Reports the messages of a topic that arrived at this node before the buffer, and at the old node after the spark had left. */
  #reportMissed(topic: string, counts: Counts): void {
    const { bus } = this.#parts;
    const first = new Map<string, number>(Object.entries(this.#before.get(topic) ?? {}).map(([sender, n]) => [sender, n + 1]));
    for (const { topic: of, sender, n } of this.#buffer.messages) if (of === topic && !first.has(sender)) first.set(sender, n);
    for (const [sender, n] of first) {
      const count = n - 1 - (counts[sender] ?? n - 1);
      if (Number.isFinite(count) && count > 0) bus.lose(topic, count, 'missed');
    }
    bus.expect(topic, counts);
  }

  /** The link was lost, or there was an answer. */
  #leave(): void {
    this.#subscription.unsubscribe();
    if (this.#spark !== undefined) return;
    this.#request.unsubscribe();
    if (this.asked !== this.#parts.node) this.#send('cancel', {});
    this.#release();
    this.#end();
  }

  #release(): void {
    const { bus, channels, buffers, rooms } = this.#parts;
    buffers.delete(this.#buffer);
    for (const topic of rooms.topicsOf(this.#buffer)) if (rooms.remove(this.#buffer, topic)) bus.unlisten(topic);
    channels.release(this.#buffer);
  }

  #end(): void {
    this.#request.unsubscribe();
    if (this.#session !== undefined) this.#parts.coming.delete(this.#session);
    this.#close();
  }

  /** Sends a request, and again until it is answered: it may be lost. */
  #say(type: string, fields: object, times = Infinity): void {
    this.#request.unsubscribe();
    this.#send(type, fields);
    const unanswered = () => {
      this.#expire();
      this.#end();
    };
    this.#request = interval(RETRY, this.#parts.scheduler)
      .pipe(take(times))
      .subscribe({ next: () => this.#send(type, fields), complete: unanswered });
  }

  #send(type: string, fields: object): void {
    this.#parts.bus.publish(topicOfNode(this.asked), 'session', { ...fields, type, id: this.#id });
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isGiven(value: unknown): value is Given {
  const { id, sent, received, confirmed, away, retired, rooms, channels, counts } = Object(value) as Partial<Given>;
  return (
    typeof id === 'string' &&
    isCount(sent) &&
    isCount(received) &&
    isCount(confirmed) &&
    confirmed <= sent &&
    typeof away === 'number' &&
    (retired === undefined || typeof retired === 'string') &&
    isListOfStrings(rooms) &&
    isListOfChannels(channels) &&
    Object(counts) === counts
  );
}
