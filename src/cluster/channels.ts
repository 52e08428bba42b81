import { type ChannelMessage, isChannelWord } from '../core/channel-words.js';
import { asError, PrimusError } from '../core/errors.js';
import { type Eventual, isPromise } from '../core/eventual.js';
import { Lane } from '../core/lane.js';
import type { Frame } from '../core/link.js';
import type { MessageTransformer } from '../core/message-transformers.js';
import { encoded } from '../core/parser.js';
import { isReservedWord } from '../core/request-words.js';
import { serveChannels } from '../server/library.js';
import type { Server } from '../server/primus.js';
import type { Spark } from '../server/spark.js';
import type { Delivery, Position } from './bus.js';
import { type ChannelAction, type ChannelRule, ruleOf } from './channel-options.js';
import { ChannelSender, sinceOf } from './channel-sender.js';
import { type ClusterBus, senderOf } from './cluster-bus.js';
import { Subscriptions } from './handover/subscriptions.js';
import type { Memberships } from './memberships.js';
import { channelOf, isTopicName, topicOfChannel } from './names.js';
import { type OpenChannel, OpenChannels } from './open-channels.js';
import { type Header, integerOf, printPacket } from './packets.js';
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
  /** Those of sparks that move between nodes. */
  readonly subscriptions: Subscriptions;
  readonly #parts: ChannelParts;
  readonly #rules: ChannelRule[] = [];
  readonly #open: OpenChannels;
  readonly #sender: ChannelSender;
  readonly #feed: PresenceFeed;
  /** Takes the messages in order that a parser encodes later. Most parsers encode at once. */
  #encoding: Lane | undefined;
  /** The sparks that know that there are channels. */
  readonly #greeted = new WeakSet<Spark>();

  constructor(parts: ChannelParts) {
    const { primus, bus, members, presence } = parts;
    const sender = new ChannelSender(primus, members);
    this.#parts = parts;
    this.#sender = sender;
    this.#open = new OpenChannels({ primus, bus, members, sender });
    this.#feed = new PresenceFeed(presence, sender);
    this.subscriptions = new Subscriptions({
      members,
      sender,
      open: this.#open,
      ruleFor: (channel) => this.#ruleFor(channel),
      greeted: (spark) => void this.#greeted.add(spark),
      watches: (channel, spark) => this.#feed.has(channel, spark),
      appear: (spark, channel, rule, watches) => {
        if (rule.presence !== undefined) this.#appear(spark, channel, this.#infoOf(rule, spark, channel), watches);
      },
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
      this.#sender.share(channel, frame);
      this.subscriptions.keep(channel, senderOf(from, instance), integerOf(n), frame);
    }
  }

  /** Looks again what was published, when the engine was away. */
  refresh(): void {
    this.#open.refresh();
  }

  /** Trusts no history before it was looked at again: the engine is away. */
  suspect(): void {
    this.#open.suspect();
  }

  /** Ends what is under way. */
  close(): void {
    this.#open.close();
  }

  /** Removes a spark that has left from its channels. */
  forget(spark: Spark): void {
    for (const topic of this.#parts.members.topicsOf(spark)) this.#leave(spark, channelOf(topic));
    this.subscriptions.forget(spark);
  }

  #ruleFor(channel: string): ChannelRule | undefined {
    return this.#rules.find(({ name }) => name.test(channel));
  }

  // Requests of clients.

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
      this.#sender.say(spark, ['primus::channels']);
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
    const { host } = this.#parts.primus;
    const rule = this.#ruleFor(channel);
    const refuse = (reason: string) => this.#sender.say(spark, ['primus::refused', channel, action, reason]);
    if (rule === undefined) return refuse('There is no such channel');
    if (this.#open.isClosed) return refuse(CLOSED);
    let isAllowed: unknown;
    try {
      const answer = rule.allow(spark, channel, action);
      isAllowed = isPromise(answer) ? await this.#open.within(ALLOW, answer) : answer;
      if (isAllowed === undefined) host.log('warning', `\`allow\` has not answered whether a client may ${action}`);
    } catch (error) {
      host.warn(error);
    }
    // Only `true` accepts the client.
    if (isAllowed !== true) return refuse('Not allowed');
    // The application may have closed it there.
    if (this.#open.isClosed) return refuse(CLOSED);
    try {
      await run(rule);
    } catch (error) {
      host.log('error', asError(error));
      refuse('The message could not be published');
    }
  }

  async #subscribe(spark: Spark, channel: string, rule: ChannelRule, since: Position | 'head' | null, options: unknown): Promise<void> {
    const { members, maxChannels } = this.#parts;
    if (!isOpen(spark)) return;
    if (!members.has(spark, topicOfChannel(channel)) && members.topicsOf(spark).length >= maxChannels) {
      this.#sender.say(spark, ['primus::refused', channel, 'subscribe', `A client may subscribe to ${maxChannels} channels`]);
      return;
    }
    const open = this.#open.open(channel, rule);
    const reserved = this.#open.reserve(channel);
    try {
      await this.#join(spark, channel, open, since, options);
    } finally {
      this.#open.release(reserved);
    }
  }

  /** Sends a spark what it has missed of a channel that is kept open, and subscribes it. */
  async #join(spark: Spark, channel: string, open: OpenChannel, since: Position | 'head' | null, options: unknown): Promise<void> {
    const { members } = this.#parts;
    const { rule, history } = open;
    const topic = topicOfChannel(channel);
    await this.#open.ready(open, since);
    // What the application does there may end the spark.
    const info = rule.presence === undefined ? undefined : this.#infoOf(rule, spark, channel);
    let rest = history && isOpen(spark) ? this.#sender.catchUp(spark, channel, history.catchUp(since), options) : undefined;
    // A history may be longer than what may be written at once: what is published meanwhile is read from it, too.
    while (history !== undefined && rest !== undefined && isOpen(spark) && !this.#open.isClosed) {
      this.#leave(spark, channel);
      await this.#open.drained(spark);
      await this.#open.ready(open, rest);
      if (isOpen(spark)) rest = this.#sender.goOn(spark, channel, history.catchUp(rest));
    }
    if (!isOpen(spark)) return;
    const isNew = members.add(spark, topic) !== undefined;
    if (history === undefined) this.#sender.answer(spark, channel, options, 'live');
    // What it was sent may have been too much for it.
    if (rule.presence === undefined || !members.has(spark, topic)) return;
    const watches = Object(options).presence === true;
    if (isNew) this.#appear(spark, channel, info, watches);
    else if (watches) this.#feed.add(channel, spark);
  }

  #leave(spark: Spark, channel: string): void {
    this.subscriptions.leave(spark, channel);
    const rule = this.#open.get(channel)?.rule;
    if (!this.#open.leave(spark, channel)) return;
    this.#feed.remove(channel, spark);
    if (rule?.presence !== undefined) this.#parts.presence.remove(channel, spark.id);
  }

  // Presence.

  #appear(spark: Spark, channel: string, info: unknown, watches: boolean): void {
    this.#parts.presence.add(channel, spark.id, info);
    if (watches) this.#feed.add(channel, spark);
  }

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
      this.#sender.share(channel, frame);
      bus.publish(topic, 'message', {}, frame);
      this.subscriptions.keep(channel, bus.sender, bus.written(topic), frame);
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
}

function isOpen(spark: Spark): boolean {
  return spark.connection.writable;
}
