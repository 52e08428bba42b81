import type { Subscription } from 'rxjs';
import type { Spark } from '../server/spark.js';
import type { ChannelSender } from './channel-sender.js';
import type { Presence, Present } from './presence.js';

/** The clients of this node that want to know who is present in one channel. */
interface Feed {
  readonly watchers: Set<Spark>;
  /** The subscribers of the channel, as they know them. */
  known: Present;
  subscription?: Subscription;
}

/** Sends clients who is present in a channel, and every change. A change is found and encoded once for all who watch the channel. */
export class PresenceFeed {
  readonly #presence: Presence;
  readonly #sender: ChannelSender;
  readonly #feeds = new Map<string, Feed>();

  constructor(presence: Presence, sender: ChannelSender) {
    this.#presence = presence;
    this.#sender = sender;
  }

  /** Sends a client who is present, and every change until it is removed. */
  add(channel: string, spark: Spark): void {
    const feed = this.#feeds.get(channel) ?? this.#open(channel);
    if (feed.watchers.has(spark)) return;
    // Before it is sent anything, which may end it.
    feed.watchers.add(spark);
    this.#sender.say(spark, ['primus::presence', channel, [...feed.known], [], true]);
  }

  has(channel: string, spark: Spark): boolean {
    return this.#feeds.get(channel)?.watchers.has(spark) === true;
  }

  remove(channel: string, spark: Spark): void {
    const feed = this.#feeds.get(channel);
    if (!feed?.watchers.delete(spark) || feed.watchers.size > 0) return;
    this.#feeds.delete(channel);
    feed.subscription?.unsubscribe();
  }

  #open(channel: string): Feed {
    const feed: Feed = { watchers: new Set(), known: new Map() };
    this.#feeds.set(channel, feed);
    feed.subscription = this.#presence.watch(channel).subscribe((present) => this.#change(channel, feed, present));
    return feed;
  }

  #change(channel: string, feed: Feed, present: Present): void {
    const { known, watchers } = feed;
    feed.known = present;
    if (watchers.size === 0) return;
    const joined = [...present].filter(([id, info]) => !known.has(id) || known.get(id) !== info);
    const left = [...known.keys()].filter((id) => !present.has(id));
    if (joined.length > 0 || left.length > 0) this.#sender.sayAll(watchers, ['primus::presence', channel, joined, left, false]);
  }
}
