import type { Observable } from 'rxjs';
import type { ChannelGap } from '../src/core/channel-words.js';

/** Whether messages of a channel may be missing: see `recovery$`. */
export type Recovery =
  /** Every message is received as it is published. */
  | { readonly type: 'live' }
  /** The next `count` messages were published while there was no connection. `live` follows. */
  | { readonly type: 'recovered'; readonly count: number }
  /** Messages are missing, or may be. Later ones are received, unless the reason is `refused`. */
  | { readonly type: 'gap'; readonly reason: ChannelGap };

/** The options of a channel of a client. */
export interface ChannelOptions {
  /**
   * The messages that a first subscriber gets of a channel with a history: `'head'` for none but new ones.
   *
   * @defaultValue all that the server keeps
   */
  readonly since?: 'head';
  /**
   * Whether to ask the server who else is subscribed.
   *
   * @defaultValue `false`: `presence$` emits nothing
   */
  readonly presence?: boolean;
}

/**
 * A channel of the server, as one client uses it.
 *
 * The client is subscribed to the channel as long as `data$` or `presence$` has a subscriber: the first one subscribes at the server, and the
 * last one unsubscribes. After a lost connection the client subscribes again before it sends what was queued. With a history it gets the
 * messages that it has missed, each once and in order; else `recovery$` emits a gap.
 *
 * ```
 * connection   --open-----------x      open-----------------
 * published    ---------1---2------3--4----------------5----
 * data$        ---------1---2----------------3-4-------5----
 * recovery$    ----L----------------------R------L----------      L: live, R: recovered 2
 * ```
 *
 * Its streams never error, and complete when the client is destroyed. A client with sessions whose connection is resumed is still subscribed:
 * nothing is emitted.
 *
 * @example
 * ```ts
 * import { channels } from 'primus-rx/channels';
 * import { Primus } from 'primus-rx/client';
 *
 * const primus = new Primus('https://example.com');
 * const news = channels(primus).channel<{ title: string }>('news', { presence: true });
 * const subscription = news.data$.subscribe(({ title }) => console.log(news.name, title));
 * news.recovery$.subscribe((recovery) => {
 *   if (recovery.type === 'gap') console.log(`Messages may be missing: ${recovery.reason}`);
 * });
 * news.presence$.subscribe((present) => console.log(`${present.size} are here`));
 * news.publish({ title: 'Hello' });
 * // …
 * subscription.unsubscribe();
 * ```
 *
 * @typeParam T the messages of the channel
 */
export interface ClientChannel<T = unknown> {
  /** The name. */
  readonly name: string;
  /**
   * Emits the messages of the channel, over all reconnections. Hot: those that the server keeps go to the first subscriber, and one that
   * subscribes later gets what is published from then on.
   */
  readonly data$: Observable<T>;
  /**
   * Emits the outcome of each subscription at the server, before the messages that follow it. Replays the latest one. Subscribing to it does
   * not subscribe to the channel.
   */
  readonly recovery$: Observable<Recovery>;
  /**
   * Emits who is subscribed, by the id of the spark, with the information that the server gives: at first, and at every change. Replays the
   * latest map. While there is no connection it stays as it was. Needs the option `presence`.
   */
  readonly presence$: Observable<ReadonlyMap<string, unknown>>;
  /**
   * Publishes a message to all who are subscribed, or queues it until there is a connection. Outgoing message transformers do not see it.
   *
   * @returns `false` when the message was rejected, which an `error` event explains
   */
  publish(data: T): boolean;
}
