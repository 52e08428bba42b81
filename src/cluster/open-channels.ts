import type { ChannelMessage } from '../core/channel-words.js';
import { type Eventual, isPromise } from '../core/eventual.js';
import type { Frame } from '../core/link.js';
import { decoded, encoded } from '../core/parser.js';
import type { Server } from '../server/primus.js';
import type { Spark } from '../server/spark.js';
import type { Delivery, Position } from './bus.js';
import type { ChannelRule } from './channel-options.js';
import { type ChannelSender, wireOf } from './channel-sender.js';
import type { ClusterBus } from './cluster-bus.js';
import { TopicBuffer } from './handover/topic-buffer.js';
import { History } from './history.js';
import type { Memberships } from './memberships.js';
import { channelOf, topicOfChannel } from './names.js';
import { parsePacket } from './packets.js';

/** A channel that this node listens to. */
export interface OpenChannel {
  readonly rule: ChannelRule;
  readonly history: History | undefined;
  /** Resolves when the engine has confirmed that this node listens. */
  readonly listening: Promise<unknown>;
}

/** The parts of a node that its open channels use. */
export interface OpenChannelsParts {
  readonly primus: Server;
  readonly bus: ClusterBus;
  readonly members: Memberships;
  readonly sender: ChannelSender;
}

/** How long a subscription waits for an engine that does not answer, in ms. */
const ENGINE_TIMEOUT = 5_000;

/** How long the subscriptions behind it wait: further messages of the client wait for all of them. */
const LATE_TIMEOUT = 100;

/** The channels that this node listens to: each is open as long as it has members, which are sparks, or buffers. */
export class OpenChannels {
  readonly #parts: OpenChannelsParts;
  readonly #open = new Map<string, OpenChannel>();
  /** Each ends the waiting for one answer. */
  readonly #waiting = new Set<() => void>();
  /** Whether the engine did not answer the last subscription in time. */
  #isLate = false;
  #isClosed = false;

  constructor(parts: OpenChannelsParts) {
    this.#parts = parts;
  }

  /** Whether the node leaves the cluster. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  get(channel: string): OpenChannel | undefined {
    return this.#open.get(channel);
  }

  /** Opens a channel, unless it is open. The caller adds a member at once. */
  open(channel: string, rule: ChannelRule): OpenChannel {
    const known = this.#open.get(channel);
    if (known !== undefined) return known;
    const { bus, primus, sender } = this.#parts;
    const topic = topicOfChannel(channel);
    const history =
      rule.history &&
      new History({
        topic,
        keep: rule.history,
        scheduler: primus.host.scheduler,
        log: () => bus.log,
        frameOf: (delivery) => this.#frameOf(channel, delivery),
        deliver: ({ frame }) => sender.share(channel, frame),
        gap: (reason, position) => sender.sayTo(channel, ['primus::gap', channel, reason, wireOf(position)]),
        report: (error) => primus.host.warn(error),
      });
    const listening = bus.listen(topic).then(() => history?.refresh());
    const open = { rule, history, listening };
    this.#open.set(channel, open);
    return open;
  }

  /** Keeps a channel open until this buffer is released. */
  reserve(channel: string): TopicBuffer {
    const buffer = new TopicBuffer(0);
    this.#parts.members.add(buffer, topicOfChannel(channel));
    return buffer;
  }

  /** Removes a buffer from its channels. */
  release(buffer: TopicBuffer): void {
    for (const topic of this.#parts.members.topicsOf(buffer)) this.leave(buffer, channelOf(topic));
  }

  /** Removes a member from a channel, which closes behind the last one. Returns whether it was one. */
  leave(member: Spark | TopicBuffer, channel: string): boolean {
    const topic = topicOfChannel(channel);
    const isLast = this.#parts.members.remove(member, topic);
    if (isLast) {
      this.#open.get(channel)?.history?.close();
      this.#open.delete(channel);
      this.#parts.bus.unlisten(topic);
    }
    return isLast !== undefined;
  }

  /** Resolves to whether the engine has confirmed that this node listens to a channel that is open. */
  whenListening(channel: string): Promise<boolean> {
    return this.#parts.bus.whenListening(topicOfChannel(channel));
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

  /** Resolves when this node listens and has read the history; or when the engine does not answer. */
  async ready({ history, listening }: OpenChannel, since: Position | 'head' | null): Promise<void> {
    const isRead = listening.then(() => history && new Promise<void>((resolve) => history.whenReadBehind(since, resolve)));
    const isInTime = await this.within(
      this.#isLate ? LATE_TIMEOUT : ENGINE_TIMEOUT,
      isRead.then(() => true),
    );
    this.#isLate = isInTime === undefined;
    // The next one waits for it again.
    if (this.#isLate) void isRead.then(() => (this.#isLate = false));
  }

  /** Resolves to what a promise does, or to `undefined` after a time, and when the cluster is closed. */
  within<T>(ms: number, answer: Promise<T>): Promise<T | undefined> {
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
  async drained(spark: Spark): Promise<void> {
    let stop = (): void => {};
    await new Promise<void>((resolve) => {
      stop = resolve;
      this.#waiting.add(stop);
      spark.connection.whenDrained(stop);
    });
    this.#waiting.delete(stop);
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
}
