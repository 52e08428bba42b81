import type { ChannelMessage, WirePosition } from '../core/channel-words.js';
import { isPromise } from '../core/eventual.js';
import type { Frame } from '../core/link.js';
import { encoded } from '../core/parser.js';
import type { Server } from '../server/primus.js';
import type { Spark } from '../server/spark.js';
import type { Position } from './bus.js';
import type { Catchup, Entry } from './history.js';
import type { Memberships } from './memberships.js';
import { topicOfChannel } from './names.js';

/** Sends clients the words and messages of channels, past the message transformers. */
export class ChannelSender {
  readonly #primus: Server;
  readonly #members: Memberships;

  constructor(primus: Server, members: Memberships) {
    this.#primus = primus;
    this.#members = members;
  }

  /** Sends a word to one client. */
  say(spark: Spark, word: ChannelMessage): void {
    spark.connection.write(word);
  }

  /** Sends a word to some clients. It is encoded once. */
  sayAll(sparks: Iterable<Spark>, word: ChannelMessage): void {
    const frame = encoded(this.#primus.parser, this.#primus, word);
    const { registry } = this.#primus.host;
    if (isPromise(frame)) registry.relay(word, frame, sparks, (spark) => spark.connection.writable && this.say(spark, word));
    else registry.share(frame, sparks, (spark) => this.post(spark, frame));
  }

  /** Sends a word to all subscribers of a channel. */
  sayTo(channel: string, word: ChannelMessage): void {
    this.sayAll(this.#members.of(topicOfChannel(channel)), word);
  }

  /** Sends a message to all subscribers of a channel. */
  share(channel: string, frame: Frame): void {
    const topic = topicOfChannel(channel);
    const { registry } = this.#primus.host;
    registry.share(frame, this.#members.of(topic), (spark) => this.post(spark, frame), this.#members.groupOf(topic));
  }

  /** Sends a frame behind what is still being encoded for this client. */
  post(spark: Spark, frame: Frame): void {
    spark.connection.post(frame);
  }

  /** Answers a subscription, with the id that the client has given it, if any. */
  answer(spark: Spark, channel: string, options: unknown, outcome: string, position?: WirePosition | null, rest?: unknown): void {
    const { id } = Object(options) as { id?: unknown };
    const word: unknown[] = ['primus::subscribed', channel, outcome];
    if (Number.isSafeInteger(id)) word.push(position ?? null, rest ?? null, id);
    else if (rest !== undefined) word.push(position, rest);
    else if (position !== undefined) word.push(position);
    this.say(spark, word as unknown as ChannelMessage);
  }

  /** Answers a subscription, and sends what was missed. Returns the position of the last entry that was sent, if there are more. */
  catchUp(spark: Spark, channel: string, missed: Catchup, options: unknown): Position | undefined {
    const { entries, outcome } = missed;
    const rest = outcome === 'gap' ? missed.reason : outcome === 'recovered' ? entries.length : undefined;
    this.answer(spark, channel, options, outcome, wireOf(missed.from), rest);
    return this.#replay(spark, entries);
  }

  /** Sends what follows, to a client that is subscribed already. */
  goOn(spark: Spark, channel: string, missed: Catchup): Position | undefined {
    if (missed.outcome === 'gap') this.say(spark, ['primus::gap', channel, missed.reason, wireOf(missed.from)]);
    return this.#replay(spark, missed.entries);
  }

  /** Sends entries until the client is behind. */
  #replay(spark: Spark, entries: readonly Entry[]): Position | undefined {
    for (const { frame, at } of entries) {
      this.post(spark, frame);
      if (spark.connection.crowded && at !== entries[entries.length - 1]?.at) return at;
    }
    return undefined;
  }
}

/** Returns a position as it travels. */
export function wireOf(position: Position): WirePosition;
export function wireOf(position: Position | undefined): WirePosition | null;
export function wireOf(position: Position | undefined): WirePosition | null {
  return position === undefined ? null : [position.epoch, position.offset];
}

/** Returns the position that a client has named; `null` when it is none. */
export function sinceOf(value: unknown): Position | 'head' | null {
  if (value === 'head') return value;
  if (!Array.isArray(value)) return null;
  const [epoch, offset] = value as unknown[];
  return typeof epoch === 'string' && Number.isSafeInteger(offset) ? { epoch, offset: offset as number } : null;
}
