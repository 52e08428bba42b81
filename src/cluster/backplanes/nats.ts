import { describe, PrimusError } from '../../core/errors.js';
import { check, type Kind, withDefaults } from '../../core/options.js';
import type { Backplane } from '../bus.js';
import { NatsBus } from './nats/bus.js';
import { isConnection, type NatsConnect, type NatsConnection } from './nats/connection.js';
import type { NatsStreamOptions } from './nats/streams.js';

export type { NatsConnect, NatsConnection, NatsMessage, NatsSettings, NatsSubscription } from './nats/connection.js';
export type { NatsStreamOptions } from './nats/streams.js';

/** The options of `nats`. */
export interface NatsOptions {
  /** The first part of all subjects, and of the names of the streams. Clusters with other prefixes do not hear each other. @defaultValue `'primus'` */
  readonly prefix?: string;
  /** How histories are stored by JetStream. */
  readonly stream?: NatsStreamOptions;
}

const OPTIONS: { readonly [option: string]: Kind } = {
  prefix: ["letters, digits, '_' and '-', at most 64", (value) => typeof value === 'string' && /^[\w-]{1,64}$/.test(value)],
  stream: ['an object', (value) => typeof value === 'object' && !Array.isArray(value)],
};

const STREAM_OPTIONS: { readonly [option: string]: Kind } = {
  storage: ["'file' or 'memory'", (value) => value === 'file' || value === 'memory'],
  replicas: ['1, 3 or 5', (value) => value === 1 || value === 3 || value === 5],
  maxSize: ['an integer from 1 to 1,000,000', (value) => isInteger(value) && value <= 1_000_000],
  maxAge: ['a time in ms, from 100 on', (value) => isInteger(value) && value >= 100],
  maxBytes: ['a positive integer', isInteger],
};

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

const STREAM_DEFAULTS: Required<NatsStreamOptions> = {
  storage: 'file',
  replicas: 1,
  maxSize: 10_000,
  maxAge: 7 * 86_400_000,
  maxBytes: Infinity,
};

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
  check(options, OPTIONS);
  const { prefix = 'primus', stream = {} } = options;
  check(stream, STREAM_OPTIONS);
  const settings = withDefaults(STREAM_DEFAULTS, stream);
  return { name: 'nats', open: (context) => new NatsBus({ source: connection, prefix, stream: settings }, context) };
}
