import { boolean, callable, check, type Duration, invalid, milliseconds, object } from '../core/options.js';
import type { Spark } from '../server/spark.js';

/** An action of a client on a channel. */
export type ChannelAction = 'subscribe' | 'publish';

/** The settings of the channels whose name matches. */
export interface ChannelOptions {
  /** The names of the channels. The first settings that match a name apply. */
  name: RegExp;
  /**
   * Keeps the last messages, so that a client that was away gets what it has missed, and one that comes late what was published before it.
   * `size`: how many messages; `ttl`: for how long. A node keeps `size` messages of each channel that one of its clients subscribes to in memory.
   *
   * @defaultValue none: messages are delivered at most once
   */
  history?: { size: number; ttl: Duration } | false;
  /**
   * Returns whether a client may subscribe to a channel, or publish to it. It may also be a promise: further messages of the client wait for it,
   * up to 30 s. What it throws, and no answer, refuses the client, and is reported to the log of the server.
   *
   * @defaultValue every client may do both
   */
  // biome-ignore lint/suspicious/noExplicitAny: sparks of any type.
  allow?: (spark: Spark<any, any>, channel: string, action: ChannelAction) => boolean | Promise<boolean>;
  /**
   * Whether clients, and `cluster.presence(channel)`, know who is subscribed. A function returns what they know of a spark: a value that JSON can
   * carry.
   *
   * @defaultValue `false`
   */
  // biome-ignore lint/suspicious/noExplicitAny: sparks of any type.
  presence?: boolean | ((spark: Spark<any, any>, channel: string) => unknown);
}

/** The settings with defaults; times are in ms. */
export interface ChannelRule {
  readonly name: RegExp;
  readonly history: { readonly size: number; readonly ttl: number } | undefined;
  readonly allow: NonNullable<ChannelOptions['allow']>;
  readonly presence: ((spark: Spark, channel: string) => unknown) | undefined;
}

function keepOf({ size, ttl }: { readonly size: unknown; readonly ttl: unknown }): NonNullable<ChannelRule['history']> {
  if (!Number.isSafeInteger(size) || (size as number) < 1) throw invalid('history.size', 'a positive integer', size);
  const time = milliseconds(ttl, 'history.ttl');
  if (time < 1 || !Number.isSafeInteger(Math.ceil(time))) throw invalid('history.ttl', 'at least 1 ms, and finite', ttl);
  return { size: size as number, ttl: time };
}

/**
 * Checks the settings of channels and adds the defaults.
 *
 * @throws ERR_PRIMUS_OPTION when a setting is invalid
 */
export function ruleOf(options: unknown): ChannelRule {
  if (!object[1](options) || options === null) throw invalid('options', object[0], options);
  const { name, history, allow, presence, ...unknown } = options as Partial<ChannelOptions>;
  // Without `allow` all clients may publish: a misspelled one must not pass.
  for (const option of Object.keys(unknown)) throw invalid('options', 'an object with name, history, allow or presence', option);
  if (!(name instanceof RegExp)) throw invalid('name', 'a regular expression', name);
  // One that remembers where it stopped would match every other time.
  if (name.global || name.sticky) throw invalid('name', 'a regular expression without the flags g and y', `${name}`);
  check({ allow }, { allow: callable });
  if (presence != null && !boolean[1](presence) && !callable[1](presence)) throw invalid('presence', 'true, false or a function', presence);
  return {
    name,
    history: history ? keepOf(history) : undefined,
    allow: allow ?? (() => true),
    presence: typeof presence === 'function' ? presence : presence ? () => null : undefined,
  };
}
