import { isChannelWord, isName } from '../src/core/channel-words.js';
import { PrimusError } from '../src/core/errors.js';
import { createFeature } from '../src/core/feature.js';
import { OPEN } from '../src/core/ready-state.js';
import type { ChannelOptions, ClientChannel } from './channel.js';
import { type ChannelConnection, createMembership, type Membership } from './membership.js';
import type { Primus } from './primus.js';

/** The channels of a client. */
export interface Channels {
  /**
   * Returns the channel of a name: for the same name the same one, with the options of the first call.
   *
   * @throws ERR_PRIMUS_CHANNEL when the name is no string, empty, or longer than 512 bytes
   * @throws ERR_PRIMUS_OPTION when an option is invalid
   * @example
   * ```ts
   * import { channels } from 'primus-rx/channels';
   * import { Primus } from 'primus-rx/client';
   *
   * const primus = new Primus('https://example.com');
   * const scores = channels(primus).channel<number>('scores', { since: 'head', presence: true });
   * ```
   */
  channel<T = unknown>(name: string, options?: ChannelOptions): ClientChannel<T>;
}

const created = new WeakMap<Primus, Channels>();

/**
 * Returns the channels of a client: for the same client the same object. `check` checks the options of a channel: what is served to pages has no
 * such checks.
 */
export function channels(client: Primus, check?: (options: ChannelOptions) => void): Channels {
  const known = created.get(client) ?? create(client, check);
  created.set(client, known);
  return known;
}

/** Creates the channels of a client, and connects them to the server. */
function create(client: Primus, check?: (options: ChannelOptions) => void): Channels {
  const { connection } = client;
  const { events, channel: path } = connection;
  const memberships = new Map<string, Membership>();
  /** The link over which requests are sent. */
  let link = client.readyState === OPEN ? connection.link : null;
  /** Whether the next connection goes on with the session of the one before. */
  let isResumed = false;

  /** The server has another spark for the client. */
  const forget = () => {
    feature.forget();
    for (const membership of memberships.values()) membership.forget();
  };

  /** The server has no channels. */
  const refuse = () =>
    events.add(() => {
      for (const membership of memberships.values()) membership.refuse('the server has no channels');
    });

  const feature = createFeature(client, refuse);

  const requests: ChannelConnection = {
    isOpen: () => link === connection.link,
    request(word) {
      if (feature.isThere === false) return refuse();
      // Not through the outbox: a request is for this connection only.
      path.write(word);
      feature.ask();
    },
  };

  client.transformers.incoming.unshift(({ data }) => {
    if (!isChannelWord(data)) return true;
    feature.isThere = true;
    // Nothing is emitted behind `end`.
    events.add(() => client.state.name === 'closed' || memberships.get(data[1] as string)?.receive(data));
    return false;
  });
  client.resume$.subscribe(({ type }) => {
    isResumed = type === 'resumed';
    if (!isResumed) forget();
  });
  client.open$.subscribe(() => {
    // These channels were created in a listener for this connection, or the connection is lost again.
    if (!connection.link || connection.link === link) return;
    link = connection.link;
    if (isResumed) feature.askAgain();
    else forget();
    for (const membership of memberships.values()) membership.synchronize(true);
  });

  return {
    channel<T>(name: string, options: ChannelOptions = {}): ClientChannel<T> {
      if (!isName(name)) {
        const given = typeof name === 'string' ? JSON.stringify((name as string).slice(0, 60)) : typeof name;
        throw new PrimusError('ERR_PRIMUS_CHANNEL', `The name of a channel must be a string of 1 to 512 bytes, got ${given}`);
      }
      check?.(options);
      const membership = memberships.get(name) ?? createMembership(client, requests, name, options);
      memberships.set(name, membership);
      return membership.channel as ClientChannel<T>;
    },
  };
}
