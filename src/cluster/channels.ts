import { type ChannelMessage, isChannelWord, type WirePosition } from '../core/channel-words.js';
import { asError, PrimusError } from '../core/errors.js';
import { type Eventual, isPromise } from '../core/eventual.js';
import { Lane } from '../core/lane.js';
import type { Frame } from '../core/link.js';
import type { MessageTransformer } from '../core/message-transformers.js';
import { decoded, encoded } from '../core/parser.js';
import { isReservedWord } from '../core/request-words.js';
import { serveChannels } from '../server/library.js';
import type { Server } from '../server/primus.js';
import type { Spark } from '../server/spark.js';
import type { Delivery, Position } from './bus.js';
import { type ChannelAction, type ChannelRule, ruleOf } from './channel-options.js';
import { type ClusterBus, senderOf } from './cluster-bus.js';
import { TopicBuffer } from './handover/topic-buffer.js';
import { type Catchup, type Entry, History } from './history.js';
import type { Memberships } from './memberships.js';
import { channelOf, isTopicName, topicOfChannel } from './names.js';
import { type Header, integerOf, parsePacket, printPacket } from './packets.js';
import type { Presence } from './presence.js';
import { PresenceFeed } from './presence-feed.js';

/** The part of a cluster that its channels use. */
export interface ChannelParts {
  readonly primus: Server;
  readonly bus: ClusterBus;
  readonly members: Memberships;
  readonly presence: Presence;
  /** How many channels one client may subscribe to. */
  readonly maxChannels: number;
}

/** A channel that clients of this node subscribe to. */
interface Open {
  readonly rule: ChannelRule;
  readonly history: History | undefined;
  /** Resolves when the engine has confirmed that this node listens. */
  readonly listening: Promise<unknown>;
}

/** The subscription of a spark that moves to another node. */
export interface ChannelState {
  readonly name: string;
  /** The position of the last message that it was sent, `null` when that is not known; missing for a channel without a history. */
  readonly since?: WirePosition | null;
  /** Whether it is sent who is present. */
  readonly presence: boolean;
}

/** How long a subscription waits for an engine that does not answer, in ms. */
const ENGINE_TIMEOUT = 5_000;

/** How long the subscriptions behind it wait: further messages of the client wait for all of them. */
const LATE_TIMEOUT = 100;

/** How long it waits for the application to answer, in ms: a connection that has ended does as well. */
const ALLOW = 30_000;

/** The reason to refuse a client once the cluster is closed. */
const CLOSED = 'The server leaves the cluster';

/**
 * The channels of a node: what their clients ask for, and what is published.
 *
 * ```
 * client ─ subscribe ─> allow? ─> listen, read the history ─> subscribed, what was missed, then what is published
 * client ─ publish ───> allow? ─┬─ without a history: to the subscribers here, and to the other nodes
 *                               └─ with one: append; all nodes, this one too, deliver in the order of the history
 * ```
 */
export class Channels {
  readonly #parts: ChannelParts;
  readonly #rules: ChannelRule[] = [];
  readonly #open = new Map<string, Open>();
  /** Each ends the waiting for one answer. */
  readonly #waiting = new Set<() => void>();
  #isClosed = false;
  /** Whether the engine did not answer the last subscription in time. */
  #isLate = false;
  /** Takes the messages in order that a parser encodes later. Most parsers encode at once. */
  #encoding: Lane | undefined;
  /** The sparks that know that there are channels. */
  readonly #greeted = new WeakSet<Spark>();
  readonly #feed: PresenceFeed;
  /** Ends the waiting of sparks that have come from another node, and that this one is behind with, by spark and channel. */
  readonly #coming = new Map<Spark, Map<string, () => void>>();
  /** The subscriptions of sparks that have come from another node, before they are announced. */
  readonly #unannounced = new Map<Spark, ChannelState[]>();

  constructor(parts: ChannelParts) {
    this.#parts = parts;
    this.#feed = new PresenceFeed(parts.presence, {
      say: (spark, word) => this.#say(spark, word),
      share: (sparks, word) => this.#shareWord(sparks, word),
    });
  }

  /**
   * Adds the settings of channels.
   *
   * @throws ERR_PRIMUS_OPTION when a setting is invalid
   */
  add(options: unknown): void {
    if (this.#rules.length === 0) this.#install();
    this.#rules.push(ruleOf(options));
  }

  /** Publishes a message of the application. Rejects when a history does not take it. */
  async publish(channel: string, data: unknown): Promise<Position | undefined> {
    const rule = this.#ruleFor(channel);
    if (rule === undefined)
      throw new PrimusError(
        'ERR_PRIMUS_CHANNEL',
        `There are no channels of this name: call cluster.channels({ name: … }) first, got '${channel}'`,
      );
    return this.#publish(channel, rule, data);
  }

  /** Handles what was published by other nodes, or appended to a history by any. */
  deliver(channel: string, frame: Frame | undefined, delivery: Delivery, { from, instance, n }: Header): void {
    const open = this.#open.get(channel);
    if (!delivery.topic.startsWith('channel:')) return;
    if (open?.history !== undefined && delivery.at !== undefined) open.history.announce(delivery);
    else if (open !== undefined && frame !== undefined && delivery.at === undefined) {
      this.#share(channel, frame);
      this.#keep(channel, senderOf(from, instance), integerOf(n), frame);
    }
  }

  /** Looks again what was published, when the engine was away. */
  refresh(): void {
    for (const { history } of this.#open.values()) history?.refresh();
  }

  /** Trusts no history before it was looked at again: the engine is away. */
  suspect(): void {
    for (const { history } of this.#open.values()) history?.suspect();
  }

  /** Ends what is under way. */
  close(): void {
    this.#isClosed = true;
    for (const { history } of this.#open.values()) history?.close();
    for (const done of [...this.#waiting]) done();
  }

  /** Removes a spark that has left from its channels. */
  forget(spark: Spark): void {
    for (const topic of this.#parts.members.topicsOf(spark)) this.#leave(spark, channelOf(topic));
    for (const done of [...(this.#coming.get(spark)?.values() ?? [])]) done();
    this.#unannounced.delete(spark);
  }

  /** Closes a channel without subscribers here. */
  #release(channel: string): void {
    this.#open.get(channel)?.history?.close();
    this.#open.delete(channel);
    this.#parts.bus.unlisten(topicOfChannel(channel));
  }

  #ruleFor(channel: string): ChannelRule | undefined {
    return this.#rules.find(({ name }) => name.test(channel));
  }

  /** Takes the words about channels before any message transformer sees them, and keeps the application from sending such words. */
  #install(): void {
    const { primus } = this.#parts;
    const channels = this;
    const take: MessageTransformer = function (this: Spark, packet) {
      if (!isChannelWord(packet.data)) return true;
      const handled = channels.#handle(this, packet.data);
      return isPromise(handled) ? handled.then(() => false) : false;
    };
    primus.transformers.incoming.unshift(take);
    primus.host.registry.owns = isReservedWord;
    serveChannels(primus);
  }

  /** Handles what a client asks for. Its further messages wait for the answer. */
  #handle(spark: Spark, [type, channel, argument, options]: readonly unknown[]): Eventual<unknown> {
    if (!this.#greeted.has(spark)) {
      this.#greeted.add(spark);
      this.#say(spark, ['primus::channels']);
    }
    if (!isTopicName(channel)) return undefined;
    switch (type) {
      case 'primus::subscribe':
        return this.#asked(spark, channel, 'subscribe', (rule) => this.#subscribe(spark, channel, rule, sinceOf(argument), options));
      case 'primus::publish':
        return this.#asked(spark, channel, 'publish', (rule) => this.#publish(channel, rule, argument));
      case 'primus::unsubscribe':
        this.#leave(spark, channel);
    }
    return undefined;
  }

  /** Asks whether a client may do something, and does it, or refuses. */
  async #asked(spark: Spark, channel: string, action: ChannelAction, run: (rule: ChannelRule) => Eventual<unknown>): Promise<void> {
    const rule = this.#ruleFor(channel);
    const refuse = (reason: string) => this.#say(spark, ['primus::refused', channel, action, reason]);
    if (rule === undefined) return refuse('There is no such channel');
    if (this.#isClosed) return refuse(CLOSED);
    let isAllowed: unknown;
    try {
      const answer = rule.allow(spark, channel, action);
      isAllowed = isPromise(answer) ? await this.#within(ALLOW, answer) : answer;
      if (isAllowed === undefined) this.#parts.primus.host.log('warning', `\`allow\` has not answered whether a client may ${action}`);
    } catch (error) {
      this.#parts.primus.host.warn(error);
    }
    // Only `true` accepts the client.
    if (isAllowed !== true) return refuse('Not allowed');
    // The application may have closed it there.
    if (this.#isClosed) return refuse(CLOSED);
    try {
      await run(rule);
    } catch (error) {
      this.#parts.primus.host.log('error', asError(error));
      refuse('The message could not be published');
    }
  }

  // Sparks that move.

  /** The names of the channels that a spark is subscribed to. */
  namesOf(spark: Spark): readonly string[] {
    return this.#parts.members.topicsOf(spark).map(channelOf);
  }

  /** The subscriptions of a spark. */
  statesOf(spark: Spark): readonly ChannelState[] {
    return this.namesOf(spark).map((name) => {
      const history = this.#open.get(name)?.history;
      const presence = this.#feed.has(name, spark);
      return { name, presence, ...(history && { since: wireOf(history.position) }) };
    });
  }

  /** Sends a spark nothing more; a buffer keeps the messages without a history. */
  pause(spark: Spark, buffer: TopicBuffer): void {
    this.#parts.members.replace(spark, buffer);
  }

  /** Goes on with a spark that was paused. `missed`: the subscriptions with a history whose messages it has missed. */
  proceed(spark: Spark, buffer: TopicBuffer, missed: readonly ChannelState[]): void {
    this.#parts.members.replace(buffer, spark);
    for (const { name, since } of missed) {
      const history = this.#open.get(name)?.history;
      if (history !== undefined && since !== undefined) this.#sendMissed(spark, name, history, since);
    }
  }

  /** Prepares for a spark that may come: a buffer keeps the messages of a channel. Resolves to whether this node listens to it. */
  async prepare(buffer: TopicBuffer, channel: string): Promise<boolean> {
    const rule = this.#ruleFor(channel);
    if (rule === undefined || this.#isClosed) return true;
    const open = this.#openChannel(channel, rule);
    this.#parts.members.add(buffer, topicOfChannel(channel));
    await this.#ready(open, 'head');
    return this.#parts.bus.whenListening(topicOfChannel(channel));
  }

  /** Ends what `prepare` began. */
  release(buffer: TopicBuffer): void {
    const { members } = this.#parts;
    for (const topic of members.topicsOf(buffer)) if (members.remove(buffer, topic)) this.#release(channelOf(topic));
  }

  /** Subscribes a spark that was subscribed on another node. What that has allowed is not asked again. */
  adopt(spark: Spark, state: ChannelState): void {
    const { members } = this.#parts;
    const { name, since } = state;
    const rule = this.#ruleFor(name);
    this.#greeted.add(spark);
    if (rule === undefined) return this.#say(spark, ['primus::refused', name, 'subscribe', 'There is no such channel']);
    const open = this.#openChannel(name, rule);
    const { history } = open;
    this.#unannounced.set(spark, [...(this.#unannounced.get(spark) ?? []), state]);
    if (history === undefined) {
      members.add(spark, topicOfChannel(name));
      // The other node has another rule.
      if (since !== undefined) this.#say(spark, ['primus::gap', name, 'no history', null]);
      return;
    }
    const placeholder = this.#hold(name);
    const coming = this.#coming.get(spark) ?? new Map<string, () => void>();
    const leave = () => {
      coming.delete(name);
      if (coming.size === 0) this.#coming.delete(spark);
      this.release(placeholder);
    };
    this.#coming.set(spark, coming.set(name, leave));
    const proceed = () => {
      if (coming.get(name) !== leave) return;
      members.add(spark, topicOfChannel(name));
      leave();
      this.#sendMissed(spark, name, history, since ?? null);
      if (spark.connection.isAnnounced) this.announced(spark);
    };
    // Another node may have received more than this one.
    if (history.knows(sinceOf(since))) proceed();
    else void this.#ready(open, sinceOf(since)).then(proceed);
  }

  /** Adds the presence of a spark that has come from another node: now the application knows it. */
  announced(spark: Spark): void {
    const { members, presence } = this.#parts;
    const states = this.#unannounced.get(spark);
    if (states === undefined) return;
    this.#unannounced.delete(spark);
    for (const state of states) {
      const { name } = state;
      const rule = this.#ruleFor(name);
      if (this.#coming.get(spark)?.has(name)) this.#unannounced.set(spark, [...(this.#unannounced.get(spark) ?? []), state]);
      else if (rule?.presence !== undefined && members.has(spark, topicOfChannel(name))) {
        presence.add(name, spark.id, this.#infoOf(rule, spark, name));
        if (state.presence) this.#feed.add(name, spark);
      }
    }
  }

  /** Keeps a channel open until this is released. */
  #hold(channel: string): TopicBuffer {
    const placeholder = new TopicBuffer(0);
    this.#parts.members.add(placeholder, topicOfChannel(channel));
    return placeholder;
  }

  /** Sends a subscriber what it has missed, as if it had been sent at once. */
  #sendMissed(spark: Spark, channel: string, history: History, since: WirePosition | null): void {
    const missed = history.catchUp(sinceOf(since) ?? 'head');
    if (since === null) this.#say(spark, ['primus::gap', channel, 'engine', wireOf(missed.from)]);
    else if (missed.outcome === 'gap') this.#say(spark, ['primus::gap', channel, missed.reason, wireOf(missed.from)]);
    for (const { frame } of missed.entries) this.#post(spark, frame);
  }

  #keep(channel: string, sender: string, n: number, frame: Frame): void {
    const topic = topicOfChannel(channel);
    for (const buffer of this.#parts.members.buffersOf(topic)) buffer.keep({ topic, sender, n, frame, isWord: true, except: [] });
  }

  // Subscribing.

  async #subscribe(spark: Spark, channel: string, rule: ChannelRule, since: Position | 'head' | null, options: unknown): Promise<void> {
    const { members, maxChannels } = this.#parts;
    const topic = topicOfChannel(channel);
    if (!isOpen(spark)) return;
    if (!members.has(spark, topic) && members.topicsOf(spark).length >= maxChannels) {
      this.#say(spark, ['primus::refused', channel, 'subscribe', `A client may subscribe to ${maxChannels} channels`]);
      return;
    }
    const open = this.#openChannel(channel, rule);
    const placeholder = this.#hold(channel);
    try {
      await this.#join(spark, channel, open, since, options);
    } finally {
      this.release(placeholder);
    }
  }

  /** Sends a spark what it has missed of a channel that is held open, and subscribes it. */
  async #join(spark: Spark, channel: string, open: Open, since: Position | 'head' | null, options: unknown): Promise<void> {
    const { members } = this.#parts;
    const { rule, history } = open;
    const topic = topicOfChannel(channel);
    await this.#ready(open, since);
    // What the application does there may end the spark.
    const info = rule.presence === undefined ? undefined : this.#infoOf(rule, spark, channel);
    let rest = history && isOpen(spark) ? this.#catchUp(spark, channel, history.catchUp(since)) : undefined;
    // A history may be longer than what may be written at once: what is published meanwhile is read from it, too.
    while (history !== undefined && rest !== undefined && isOpen(spark) && !this.#isClosed) {
      this.#leave(spark, channel);
      await this.#drained(spark);
      await this.#ready(open, rest);
      if (isOpen(spark)) rest = this.#goOn(spark, channel, history.catchUp(rest));
    }
    if (!isOpen(spark)) return;
    const isNew = members.add(spark, topic) !== undefined;
    if (history === undefined) this.#say(spark, ['primus::subscribed', channel, 'live']);
    // What it was sent may have been too much for it.
    if (rule.presence === undefined || !members.has(spark, topic)) return;
    if (isNew) this.#parts.presence.add(channel, spark.id, info);
    if (Object(options).presence === true) this.#feed.add(channel, spark);
  }

  #openChannel(channel: string, rule: ChannelRule): Open {
    const known = this.#open.get(channel);
    if (known !== undefined) return known;
    const { bus, primus, members } = this.#parts;
    const topic = topicOfChannel(channel);
    const history =
      rule.history &&
      new History({
        topic,
        keep: rule.history,
        scheduler: primus.host.scheduler,
        log: () => bus.log,
        frameOf: (delivery) => this.#frameOf(channel, delivery),
        deliver: ({ frame }) => this.#share(channel, frame),
        gap: (reason, position) => this.#shareWord(members.of(topic), ['primus::gap', channel, reason, wireOf(position)]),
        report: (error) => primus.host.warn(error),
      });
    const listening = bus.listen(topic).then(() => history?.refresh());
    const open = { rule, history, listening };
    this.#open.set(channel, open);
    return open;
  }

  /** Resolves when this node listens and has read the history; or when the engine does not answer. */
  async #ready({ history, listening }: Open, since: Position | 'head' | null): Promise<void> {
    const isRead = listening.then(() => history && new Promise<void>((resolve) => history.whenReadBehind(since, resolve)));
    const isInTime = await this.#within(
      this.#isLate ? LATE_TIMEOUT : ENGINE_TIMEOUT,
      isRead.then(() => true),
    );
    this.#isLate = isInTime === undefined;
    // The next one waits for it again.
    if (this.#isLate) void isRead.then(() => (this.#isLate = false));
  }

  /** Resolves to what a promise does, or to `undefined` after a time, and when the cluster is closed. */
  #within<T>(ms: number, answer: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.#waiting.delete(stop);
        timer.unsubscribe();
        resolve(undefined);
      };
      const timer = this.#parts.primus.host.scheduler.schedule(stop, ms);
      this.#waiting.add(stop);
      // A thenable of the application may have no more than `then`.
      void Promise.resolve(answer).then(resolve, reject).finally(stop);
    });
  }

  /** Resolves when a client is not behind any more, or has left; and when the cluster is closed. */
  async #drained(spark: Spark): Promise<void> {
    let stop = (): void => {};
    await new Promise<void>((resolve) => {
      stop = resolve;
      this.#waiting.add(stop);
      spark.connection.whenDrained(stop);
    });
    this.#waiting.delete(stop);
  }

  /** Answers a subscription, and sends what was missed. Returns the position of the last entry that was sent, if there are more. */
  #catchUp(spark: Spark, channel: string, missed: Catchup): Position | undefined {
    const { entries } = missed;
    if (missed.outcome === 'gap') this.#say(spark, ['primus::subscribed', channel, missed.outcome, wireOf(missed.from), missed.reason]);
    else if (missed.outcome === 'live') this.#say(spark, ['primus::subscribed', channel, missed.outcome, wireOf(missed.from)]);
    else this.#say(spark, ['primus::subscribed', channel, missed.outcome, wireOf(missed.from), entries.length]);
    return this.#replay(spark, entries);
  }

  /** Sends what follows, to a client that is subscribed already. */
  #goOn(spark: Spark, channel: string, missed: Catchup): Position | undefined {
    if (missed.outcome === 'gap') this.#say(spark, ['primus::gap', channel, missed.reason, wireOf(missed.from)]);
    return this.#replay(spark, missed.entries);
  }

  /** Sends entries until the client is behind. */
  #replay(spark: Spark, entries: readonly Entry[]): Position | undefined {
    for (const { frame, at } of entries) {
      this.#post(spark, frame);
      if (spark.connection.crowded && at !== entries[entries.length - 1]?.at) return at;
    }
    return undefined;
  }

  #leave(spark: Spark, channel: string): void {
    this.#coming.get(spark)?.get(channel)?.();
    const isLast = this.#parts.members.remove(spark, topicOfChannel(channel));
    if (isLast === undefined) return;
    this.#feed.remove(channel, spark);
    if (this.#open.get(channel)?.rule.presence !== undefined) this.#parts.presence.remove(channel, spark.id);
    if (isLast) this.#release(channel);
  }

  // Presence.

  #infoOf(rule: ChannelRule, spark: Spark, channel: string): unknown {
    try {
      // What JSON cannot carry fails here, and not when it is published.
      return JSON.parse(JSON.stringify(rule.presence?.(spark, channel) ?? null));
    } catch (error) {
      this.#parts.primus.host.warn(error);
      return null;
    }
  }

  // Publishing.

  async #publish(channel: string, rule: ChannelRule, data: unknown): Promise<Position | undefined> {
    const { primus, bus } = this.#parts;
    const topic = topicOfChannel(channel);
    if (rule.history === undefined) {
      const made = encoded(primus.parser, primus, ['primus::message', channel, data] satisfies ChannelMessage);
      const frame = isPromise(made) ? await this.#inOrder(made) : made;
      this.#share(channel, frame);
      bus.publish(topic, 'message', {}, frame);
      this.#keep(channel, bus.sender, bus.written(topic), frame);
      return undefined;
    }
    const made = encoded(primus.parser, primus, data);
    const frame = isPromise(made) ? await this.#inOrder(made) : made;
    const { log } = bus;
    if (log === undefined) throw new PrimusError('ERR_PRIMUS_BACKPLANE', 'The engine does not answer, or keeps no history');
    return log.append(topic, printPacket({ header: { kind: 'entry', from: bus.node, instance: bus.instance }, frame }), rule.history);
  }

  /** Returns a frame when those before it have been encoded as well. */
  #inOrder(frame: Promise<Frame>): Promise<Frame> {
    // It may fail before its turn.
    frame.catch(() => {});
    this.#encoding ??= new Lane();
    const lane = this.#encoding;
    return new Promise((resolve, reject) => lane.add(() => frame.then(resolve, reject)));
  }

  /** Turns an entry of a history into what clients get. */
  #frameOf(channel: string, { data, at }: Delivery): Eventual<Frame | undefined> {
    const { primus } = this.#parts;
    const frame = parsePacket(data)?.frame;
    if (frame === undefined || at === undefined) return undefined;
    const wrap = (value: unknown) =>
      encoded(primus.parser, primus, ['primus::message', channel, value, at.offset] satisfies ChannelMessage);
    const report = (error: unknown): undefined => void primus.host.warn(error);
    try {
      const value = decoded(primus.parser, primus, frame);
      return isPromise(value) ? value.then(wrap).catch(report) : wrap(value);
    } catch (error) {
      return report(error);
    }
  }

  // Sending.

  #share(channel: string, frame: Frame): void {
    const { members, primus } = this.#parts;
    const topic = topicOfChannel(channel);
    primus.host.registry.share(frame, members.of(topic), (spark) => this.#post(spark, frame), members.groupOf(topic));
  }

  /** Sends a word to some sparks, past the message transformers. It is encoded once. */
  #shareWord(sparks: Iterable<Spark>, word: ChannelMessage): void {
    const { primus } = this.#parts;
    const frame = encoded(primus.parser, primus, word);
    const { registry } = primus.host;
    if (isPromise(frame)) registry.relay(word, frame, sparks, (spark) => isOpen(spark) && this.#say(spark, word));
    else registry.share(frame, sparks, (spark) => this.#post(spark, frame));
  }

  /** Sends a word past the message transformers. */
  #say(spark: Spark, word: ChannelMessage): void {
    spark.connection.write(word);
  }

  /** Sends a frame behind what is still being encoded for this spark. */
  #post(spark: Spark, frame: Frame): void {
    spark.connection.post(frame);
  }
}

/** Whether a value of a packet is a list of subscriptions. */
export function isListOfChannels(value: unknown): value is readonly ChannelState[] {
  return Array.isArray(value) && value.every((channel) => isTopicName((Object(channel) as Partial<ChannelState>).name));
}

function sinceOf(value: unknown): Position | 'head' | null {
  if (value === 'head') return value;
  if (!Array.isArray(value)) return null;
  const [epoch, offset] = value as unknown[];
  return typeof epoch === 'string' && Number.isSafeInteger(offset) ? { epoch, offset: offset as number } : null;
}

function wireOf(position: Position): WirePosition;
function wireOf(position: Position | undefined): WirePosition | null;
function wireOf(position: Position | undefined): WirePosition | null {
  return position === undefined ? null : [position.epoch, position.offset];
}

function isOpen(spark: Spark): boolean {
  return spark.connection.writable;
}
