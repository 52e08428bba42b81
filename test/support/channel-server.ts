import type { SchedulerLike } from 'rxjs';
import type { ChannelGap, ChannelRequest, SubscribeOptions, WirePosition } from '../../src/core/channel-words.js';
import { isChannelWord } from '../../src/core/channel-words.js';
import type { Primus, Spark } from '../../src/index.js';

export interface ChannelServerOptions {
  /** The number of messages of each channel that are kept. Default: none. */
  history?: number;
  /** How long the engine takes to confirm a subscription, in ms; 0: it confirms in the same turn. */
  delay?: number;
  scheduler?: SchedulerLike;
  /** The reason for which a channel is refused. */
  refuse?: (channel: string) => string | undefined;
}

/** The state of a channel. */
interface Log {
  epoch: string;
  head: number;
  entries: { offset: number; data: unknown }[];
  members: Map<Spark, { presence: boolean }>;
  /** The requests that the engine has not confirmed. */
  pending: Map<Spark, ChannelRequest>;
}

/** Channels as a server has them, for the tests of the client: speaks the words to the sparks of a server, and remembers them. */
export class ChannelServer {
  /** The requests of the clients, in order. */
  readonly requests: ChannelRequest[] = [];
  /** All that was received from clients, in order: requests, and messages of the application. */
  readonly received: unknown[] = [];
  /** The subscriptions that were not unsubscribed before the client subscribed again over the same connection. */
  replaced = 0;
  private readonly options: ChannelServerOptions;
  private readonly logs = new Map<string, Log>();
  private readonly acquainted = new WeakSet<Spark>();
  private lives = 1;

  constructor(options: ChannelServerOptions = {}) {
    this.options = options;
  }

  /** Serves the clients of a server. */
  attach(primus: Primus): this {
    const { received } = this;
    const receive = (spark: Spark, data: unknown) => this.receive(spark, data as never);
    primus.transform('incoming', function (this: Spark, { data }: { data: unknown }) {
      received.push(data);
      if (!isChannelWord(data)) return true;
      receive(this, data);
      return false;
    });
    primus.on('disconnection', (spark) => {
      for (const [channel, log] of this.logs) if (log.members.delete(spark)) this.announce(channel, [], [spark.id]);
    });
    return this;
  }

  /** The ids of the sparks that are subscribed to a channel. */
  membersOf(channel: string): string[] {
    return [...this.logOf(channel).members.keys()].map(({ id }) => id);
  }

  publish(channel: string, data: unknown): void {
    const log = this.logOf(channel);
    const { history = 0 } = this.options;
    log.head += 1;
    log.entries.push({ offset: log.head, data });
    log.entries.splice(0, log.entries.length - history);
    for (const spark of log.members.keys()) {
      spark.write(history > 0 ? ['primus::message', channel, data, log.head] : ['primus::message', channel, data]);
    }
  }

  /** Sends a word to all who are subscribed to a channel. */
  say(channel: string, ...word: readonly unknown[]): void {
    for (const spark of this.logOf(channel).members.keys()) spark.write([word[0], channel, ...word.slice(1)]);
  }

  /** Forgets the history of a channel: another one begins. */
  flush(channel: string): void {
    const log = this.logOf(channel);
    this.lives += 1;
    Object.assign(log, { epoch: `epoch ${this.lives}`, head: 0, entries: [] });
  }

  private receive(spark: Spark, request: ChannelRequest): void {
    const { delay = 0, scheduler, refuse } = this.options;
    this.requests.push(request);
    const [type, channel] = request;
    if (!this.acquainted.has(spark)) spark.write(['primus::channels']);
    this.acquainted.add(spark);
    const log = this.logOf(channel);
    const reason = refuse?.(channel);
    if (reason !== undefined) {
      if (type !== 'primus::unsubscribe') spark.write(['primus::refused', channel, type.slice('primus::'.length), reason]);
    } else if (request[0] === 'primus::publish') this.publish(channel, request[2]);
    else if (type === 'primus::unsubscribe') {
      log.pending.delete(spark);
      if (log.members.delete(spark)) this.announce(channel, [], [spark.id]);
    } else {
      log.pending.set(spark, request);
      const subscribe = () => {
        // The client has left meanwhile, or has subscribed again.
        if (log.pending.get(spark) !== request) return;
        log.pending.delete(spark);
        this.subscribe(spark, channel, request[2] as WirePosition | 'head' | null, request[3]);
      };
      if (delay > 0) scheduler?.schedule(subscribe, delay);
      else subscribe();
    }
  }

  private subscribe(spark: Spark, channel: string, since: WirePosition | 'head' | null, options: SubscribeOptions = {}): void {
    if (spark.readyState !== 3) return;
    const log = this.logOf(channel);
    const { history = 0 } = this.options;
    if (log.members.has(spark)) this.replaced += 1;
    log.members.set(spark, { presence: options.presence === true });
    const head: WirePosition = [log.epoch, log.head];
    const presence = options.presence === true;
    const subscribed = (outcome: string, position?: WirePosition, rest?: unknown) => {
      const answer = ['primus::subscribed', channel, outcome, position ?? null, rest ?? null];
      spark.write(options.id === undefined ? answer : [...answer, options.id]);
    };
    if (history === 0) subscribed('live');
    else if (since === 'head') subscribed('live', head);
    else {
      const [epoch, offset] = since ?? [log.epoch, log.head - log.entries.length];
      const missed = epoch === log.epoch ? log.entries.filter((entry) => entry.offset > offset) : log.entries;
      const isWhole = epoch === log.epoch && offset + missed.length === log.head;
      const reason: ChannelGap = epoch === log.epoch ? 'trimmed' : 'epoch';
      const before: WirePosition = [log.epoch, log.head - missed.length];
      if (isWhole) subscribed('recovered', before, missed.length);
      else subscribed('gap', before, reason);
      for (const entry of missed) spark.write(['primus::message', channel, entry.data, entry.offset]);
    }
    const present = [...log.members.keys()].map(({ id }) => [id, null]);
    if (presence) spark.write(['primus::presence', channel, present, [], true]);
    this.announce(channel, [[spark.id, null]], []);
  }

  private announce(channel: string, joined: unknown[], left: string[]): void {
    for (const [spark, { presence }] of this.logOf(channel).members)
      if (presence && !joined.some((entry) => (entry as unknown[])[0] === spark.id))
        spark.write(['primus::presence', channel, joined, left, false]);
  }

  private logOf(channel: string): Log {
    const log = this.logs.get(channel) ?? { epoch: `epoch ${this.lives}`, head: 0, entries: [], members: new Map(), pending: new Map() };
    this.logs.set(channel, log);
    return log;
  }
}
