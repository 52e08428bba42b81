import { type Channels, channels as channelsOf } from '../client/channels.js';
import type { Primus } from '../client/primus.js';
import { isClient } from './core/ends.js';
import { describe, PrimusError } from './core/errors.js';
import { boolean, check, invalid, type Kind, object } from './core/options.js';

export type { ChannelOptions, ClientChannel, Recovery } from '../client/channel.js';
export type { Channels } from '../client/channels.js';
export type { ChannelGap } from './core/channel-words.js';

const since: Kind = ["'head'", (value) => value === 'head'];

/**
 * Returns the channels of a client: for the same client the same object. The client, which may be one of `primus-rx/client` or of
 * `primus.Socket`, gets no new members. In a page with a served library call `Primus.channels(primus)`, which is there if the server has channels.
 *
 * The subscriptions are sent when the client emits `open`: behind what earlier listeners of `open` write, to log in for example, and before the
 * messages that were queued. If the server has no channels, `recovery$` emits a gap with the reason `refused`, and the client an `error` with the
 * code `ERR_PRIMUS_CHANNEL`. Such a server, one of Primus 8 included, hands what it was asked to its application, as messages.
 *
 * @throws ERR_PRIMUS_OPTION when it is no client
 * @example
 * ```ts
 * import { channels } from 'primus-rx/channels';
 * import { Primus } from 'primus-rx/client';
 *
 * const primus = new Primus('https://example.com');
 * channels(primus).channel('news').data$.subscribe(console.log);
 * ```
 */
export function channels(client: Primus): Channels {
  if (!isClient(client))
    throw new PrimusError('ERR_PRIMUS_OPTION', `channels: \`client\` must be a client of this package, got ${describe(client)}`);
  return channelsOf(client, (options) => {
    if (!options || !object[1](options)) throw invalid('options', object[0], options);
    check(options, { since, presence: boolean });
  });
}
