/**
 * The messages about client channels. Each is an array that the parser encodes as it encodes any message; message transformers do not see it. A
 * server sends them to clients that have sent one before.
 *
 * ```
 * ['primus::subscribe', channel, since, options]           client -> server   since: null for all that is kept, 'head' for none, or a position
 * ['primus::unsubscribe', channel]                         client -> server
 * ['primus::publish', channel, data]                       client -> server
 * ['primus::channels']                                     server -> client   the server has channels: sent at once when the first message about
 *                                                                             channels arrives from a spark, as the answer may take its time
 * ['primus::subscribed', channel, outcome, position, rest] server -> client   outcome: 'live', 'recovered' or 'gap'; rest: how many messages follow
 *                                                                             that were missed, or the reason of the gap
 * ['primus::message', channel, data, offset]               server -> client   offset: only with a history
 * ['primus::gap', channel, reason, position]               server -> client   messages of a history were lost on the way to this server
 * ['primus::presence', channel, joined, left, isWhole]     server -> client   joined: [id, info][]; left: id[]; isWhole: these are all
 * ['primus::refused', channel, action, reason]             server -> client   action: 'subscribe' or 'publish'
 * ```
 *
 * A position is `[epoch, offset]`: see `Position` of the cluster. That of `subscribed` and `gap` is the one before the messages that follow: should
 * the connection be lost before they arrive, the client asks for them again. A client may subscribe to a channel that it is subscribed to, when it
 * has left and joined while its session was away: the new subscription replaces the old one, and is answered as any other.
 *
 * A client that subscribes while an earlier subscription of this connection is not answered yet gives an `id` among its options: the answer ends
 * with it, as its sixth element, so that the client knows the two answers apart.
 */
export type WirePosition = readonly [epoch: string, offset: number];

/** The options of a subscription to a channel. */
export interface SubscribeOptions {
  /** Whether it wants to know who else is subscribed. */
  readonly presence?: boolean;
  /** A number that the answer ends with. */
  readonly id?: number;
}

/** A message of a client about a channel. */
export type ChannelRequest =
  | readonly ['primus::subscribe', channel: string, since: WirePosition | 'head' | null, options?: SubscribeOptions]
  | readonly ['primus::unsubscribe', channel: string]
  | readonly ['primus::publish', channel: string, data: unknown];

/** A message of a server about a channel. */
export type ChannelMessage =
  | readonly ['primus::channels']
  | readonly ['primus::subscribed', channel: string, outcome: 'live', position?: WirePosition | null, rest?: null, id?: number]
  | readonly ['primus::subscribed', channel: string, outcome: 'recovered', position: WirePosition, count: number, id?: number]
  | readonly ['primus::subscribed', channel: string, outcome: 'gap', position: WirePosition | null, reason: ChannelGap, id?: number]
  | readonly ['primus::message', channel: string, data: unknown, offset?: number]
  | readonly ['primus::gap', channel: string, reason: ChannelGap, position: WirePosition | null]
  | readonly [
      'primus::presence',
      channel: string,
      joined: readonly (readonly [id: string, info: unknown])[],
      left: readonly string[],
      isWhole: boolean,
    ]
  | readonly ['primus::refused', channel: string, action: 'subscribe' | 'publish', reason: string];

/** The reason for which messages of a channel may be missing. */
export type ChannelGap =
  /** The history is another one: the engine was restarted, or has lost it. */
  | 'epoch'
  /** The history does not reach back to the last message that was received. */
  | 'trimmed'
  /** The channel has no history: what was published while the client was away is not known. */
  | 'no history'
  /** The engine did not answer: what was published meanwhile is not known. */
  | 'engine'
  /** The server does not have the channel, or the client may not subscribe to it. */
  | 'refused';

/** Whether a message is about a channel: all that are reserved are, but those about requests. A page with channels has no more of these. */
export function isChannelWord(data: unknown): data is readonly [string, ...unknown[]] {
  return Array.isArray(data) && typeof data[0] === 'string' && /^primus::(?!request)/.test(data[0]);
}

/** The longest name of a room or channel, in bytes of UTF-8. */
export const NAME_LIMIT = 512;

/** Whether a value may be the name of a room or channel. */
export function isName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && name.length <= NAME_LIMIT && lengthInBytes(name) <= NAME_LIMIT;
}

/** Returns the length of a string in UTF-8. */
function lengthInBytes(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}
