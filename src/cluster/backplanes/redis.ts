import { describe, PrimusError } from '../../core/errors.js';
import { invalid } from '../../core/options.js';
import type { Backplane } from '../bus.js';
import { RedisBus } from './redis/bus.js';
import { asClient, type RedisClient } from './redis/client.js';

export type { RedisClient };

/** The options of `redis`. */
export interface RedisOptions {
  /**
   * The beginning of all channels and keys. Clusters that must not hear each other need different ones. It has no braces.
   *
   * @defaultValue `'primus:'`
   */
  prefix?: string;
}

/**
 * Connects the servers of a cluster by Redis 5 or newer, or by a Redis Cluster 7 or newer: pub/sub with a channel per topic, and histories that one
 * script appends to and publishes. It duplicates the client, which need not be connected, and does not use or close it.
 *
 * @throws ERR_PRIMUS_BACKPLANE when `client` is not a client of the package `redis`
 * @throws ERR_PRIMUS_OPTION when `options` is not an object, or `prefix` not a string without braces
 *
 * @example
 * import { clustered, redis } from 'primus-rx/cluster';
 * import { createClient } from 'redis';
 *
 * const client = createClient({ url: 'redis://localhost:6379' });
 * const cluster = clustered(primus, redis(client));
 */
export function redis(client: RedisClient, options: RedisOptions = {}): Backplane {
  const own = asClient(client);
  if (typeof options !== 'object' || options === null) throw invalid('options', 'an object', options);
  const { prefix = 'primus:' } = options;
  if (typeof prefix !== 'string' || /[{}]/.test(prefix)) {
    throw new PrimusError('ERR_PRIMUS_OPTION', `\`prefix\` must be a string without braces, got ${describe(prefix)}`);
  }
  return { name: 'redis', open: (context) => new RedisBus(own, prefix, context) };
}
