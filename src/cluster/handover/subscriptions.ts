import type { WirePosition } from '../../core/channel-words.js';
import type { Frame } from '../../core/link.js';
import type { Spark } from '../../server/spark.js';
import type { ChannelRule } from '../channel-options.js';
import { type ChannelSender, sinceOf, wireOf } from '../channel-sender.js';
import type { History } from '../history.js';
import type { Memberships } from '../memberships.js';
import { channelOf, isTopicName, topicOfChannel } from '../names.js';
import type { OpenChannels } from '../open-channels.js';
import type { TopicBuffer } from './topic-buffer.js';

/** The subscription of a spark that moves to another node. */
export interface ChannelState {
  readonly name: string;
  /** The position of the last message that it was sent, `null` when that is not known; missing for a channel without a history. */
  readonly since?: WirePosition | null;
  /** Whether it is sent who is present. */
  readonly presence: boolean;
}

/** The channels of a node, as far as subscriptions that move use them. */
export interface SubscriptionsParts {
  readonly members: Memberships;
  readonly open: OpenChannels;
  readonly sender: ChannelSender;
  ruleFor(channel: string): ChannelRule | undefined;
  /** Lets a client know that there are channels. Its former node has said so. */
  greeted(spark: Spark): void;
  /** Whether a client is sent who is present. */
  watches(channel: string, spark: Spark): boolean;
  /** Adds a client to those who are present. */
  appear(spark: Spark, channel: string, rule: ChannelRule, watches: boolean): void;
}

/** The subscriptions of sparks that move between nodes, and the messages that they must not miss on the way. */
export class Subscriptions {
  readonly #parts: SubscriptionsParts;
  /** Ends the waiting of sparks that have come from another node, and that this one is behind with, by spark and channel. */
  readonly #coming = new Map<Spark, Map<string, () => void>>();
  /** The subscriptions of sparks that have come from another node, before they are announced. */
  readonly #unannounced = new Map<Spark, ChannelState[]>();

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts;
  }

  // On the node that a spark leaves.

  /** The names of the channels that a spark is subscribed to. */
  namesOf(spark: Spark): readonly string[] {
    return this.#parts.members.topicsOf(spark).map(channelOf);
  }

  /** The subscriptions of a spark. */
  statesOf(spark: Spark): readonly ChannelState[] {
    const { open, watches } = this.#parts;
    return this.namesOf(spark).map((name) => {
      const history = open.get(name)?.history;
      return { name, presence: watches(name, spark), ...(history && { since: wireOf(history.position) }) };
    });
  }

  /** Sends a spark nothing more; a buffer keeps the messages without a history. */
  pause(spark: Spark, buffer: TopicBuffer): void {
    this.#parts.members.replace(spark, buffer);
  }

  /** Goes on with a spark that was paused. `missed`: the subscriptions with a history whose messages it has missed. */
  proceed(spark: Spark, buffer: TopicBuffer, missed: readonly ChannelState[]): void {
    const { members, open } = this.#parts;
    members.replace(buffer, spark);
    for (const { name, since } of missed) {
      const history = open.get(name)?.history;
      if (history !== undefined && since !== undefined) this.#sendMissed(spark, name, history, since);
    }
  }

  /** Keeps a message without a history for the sparks that move. */
  keep(channel: string, sender: string, n: number, frame: Frame): void {
    const topic = topicOfChannel(channel);
    for (const buffer of this.#parts.members.buffersOf(topic)) buffer.keep({ topic, sender, n, frame, isWord: true, except: [] });
  }

  // On the node that it comes to.

  /** Prepares for a spark that may come: a buffer keeps the messages of a channel. Resolves to whether this node listens to it. */
  async prepare(buffer: TopicBuffer, channel: string): Promise<boolean> {
    const { members, open, ruleFor } = this.#parts;
    const rule = ruleFor(channel);
    if (rule === undefined || open.isClosed) return true;
    const opened = open.open(channel, rule);
    members.add(buffer, topicOfChannel(channel));
    await open.ready(opened, 'head');
    return open.whenListening(channel);
  }

  /** Ends what `prepare` began. */
  release(buffer: TopicBuffer): void {
    this.#parts.open.release(buffer);
  }

  /** Subscribes a spark that was subscribed on another node. What that has allowed is not asked again. */
  adopt(spark: Spark, state: ChannelState): void {
    const { members, open, sender, greeted, ruleFor } = this.#parts;
    const { name, since } = state;
    const rule = ruleFor(name);
    greeted(spark);
    if (rule === undefined) return sender.say(spark, ['primus::refused', name, 'subscribe', 'There is no such channel']);
    const opened = open.open(name, rule);
    const { history } = opened;
    this.#unannounced.set(spark, [...(this.#unannounced.get(spark) ?? []), state]);
    if (history === undefined) {
      members.add(spark, topicOfChannel(name));
      // The other node has another rule.
      if (since !== undefined) sender.say(spark, ['primus::gap', name, 'no history', null]);
      return;
    }
    const placeholder = open.reserve(name);
    const coming = this.#coming.get(spark) ?? new Map<string, () => void>();
    const leave = () => {
      coming.delete(name);
      if (coming.size === 0) this.#coming.delete(spark);
      open.release(placeholder);
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
    else void open.ready(opened, sinceOf(since)).then(proceed);
  }

  /** Adds the presence of a spark that has come from another node: now the application knows it. */
  announced(spark: Spark): void {
    const states = this.#unannounced.get(spark);
    if (states === undefined) return;
    const { members, ruleFor, appear } = this.#parts;
    const isComing = ({ name }: ChannelState) => this.#coming.get(spark)?.has(name) === true;
    const later = states.filter(isComing);
    if (later.length === 0) this.#unannounced.delete(spark);
    else this.#unannounced.set(spark, later);
    for (const state of states) {
      const { name, presence } = state;
      const rule = ruleFor(name);
      if (!isComing(state) && rule !== undefined && members.has(spark, topicOfChannel(name))) appear(spark, name, rule, presence);
    }
  }

  /** Forgets a spark that leaves a channel, before this node has caught up. */
  leave(spark: Spark, channel: string): void {
    this.#coming.get(spark)?.get(channel)?.();
  }

  /** Forgets a spark that has left. */
  forget(spark: Spark): void {
    for (const done of [...(this.#coming.get(spark)?.values() ?? [])]) done();
    this.#unannounced.delete(spark);
  }

  /** Sends a subscriber what it has missed, as if it had been sent at once. */
  #sendMissed(spark: Spark, channel: string, history: History, since: WirePosition | null): void {
    const { sender } = this.#parts;
    const missed = history.catchUp(sinceOf(since) ?? 'head');
    if (since === null) sender.say(spark, ['primus::gap', channel, 'engine', wireOf(missed.from)]);
    else if (missed.outcome === 'gap') sender.say(spark, ['primus::gap', channel, missed.reason, wireOf(missed.from)]);
    for (const { frame } of missed.entries) sender.post(spark, frame);
  }
}

/** Whether a value of a packet is a list of subscriptions. */
export function isListOfChannels(value: unknown): value is readonly ChannelState[] {
  return Array.isArray(value) && value.every((channel) => isTopicName((Object(channel) as Partial<ChannelState>).name));
}
