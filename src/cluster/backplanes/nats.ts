import { describe, PrimusError } from '../../core/errors.js';
import type { Backplane } from '../bus.js';
import { NatsBus } from './nats/bus.js';
import { isConnection, type NatsConnect, type NatsConnection } from './nats/connection.js';
import { configurationOf, type NatsOptions } from './nats/options.js';

export type { NatsConnect, NatsConnection, NatsMessage, NatsSettings, NatsSubscription } from './nats/connection.js';
export type { NatsOptions, NatsStreamOptions } from './nats/options.js';

/**
 * Connects the nodes of a cluster by NATS, version 2.9 or newer. Pass a function that connects: it gets the settings that a node needs, and is called
 * again when the connection was closed for good. A connection of your own works too, and stays open when the cluster is closed; connect with
 * `maxReconnectAttempts: -1`, or it gives up after 10 attempts, and with a `pingInterval` of some seconds, or it takes minutes to miss a server.
 *
 * A history needs JetStream, and the package `@nats-io/jetstream`. All histories are in one stream. A topic has at most about twice as many entries
 * there as its history is long; those that are older than its time to live are not read, and are dropped after `stream.maxAge`.
 *
 * Only the nodes should be allowed to publish to the subjects `primus.>`: put them into an account of their own, or set permissions.
 *
 * @throws ERR_PRIMUS_BACKPLANE when `connection` is neither a connection nor a function
 * @throws ERR_PRIMUS_OPTION when an option has the wrong type or value
 *
 * @example
 * import { connect } from '@nats-io/transport-node';
 * import { clustered, nats } from 'primus-rx/cluster';
 *
 * const cluster = clustered(primus, nats((settings) => connect({ ...settings, servers: 'nats://127.0.0.1:4222' })));
 */
export function nats(connection: NatsConnect | NatsConnection, options: NatsOptions = {}): Backplane {
  if (typeof connection !== 'function' && !isConnection(connection)) {
    const expected = 'a connection of @nats-io/transport-node, or a function that connects';
    throw new PrimusError('ERR_PRIMUS_BACKPLANE', `nats() takes ${expected}, got ${describe(connection)}`);
  }
  const configuration = configurationOf(options);
  return { name: 'nats', open: (context) => new NatsBus(connection, configuration, context) };
}
