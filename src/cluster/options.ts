import { nanoid } from 'nanoid';
import { type Duration, invalid, milliseconds, size, string } from '../core/options.js';

/** The options of a cluster. */
export interface ClusterOptions {
  /**
   * The name of this node, which no other node may have: 1 to 40 letters, digits, `_` and `-`.
   *
   * @defaultValue a random one
   */
  node?: string;
  /**
   * The time without a beat after which a node counts as dead, in ms: 500 ms to 24 days. It beats five times in it.
   *
   * @defaultValue `5_000`
   */
  lease?: Duration;
  /**
   * The bytes that may wait for an engine that does not answer. What is more is lost, and counted by `lost$`.
   *
   * @defaultValue `8_388_608`
   */
  outbox?: number;
  /**
   * The number of channels that one client may subscribe to.
   *
   * @defaultValue `1_000`
   */
  maxChannels?: number;
}

const NAME = /^[\w-]{1,40}$/;

const SHORTEST_LEASE = 500;
/** 24 days, in ms: what a timer takes. */
const LONGEST_LEASE = 2_073_600_000;

/**
 * Checks the options of a cluster and adds the defaults. The lease is in ms.
 *
 * @throws ERR_PRIMUS_OPTION when an option is invalid
 */
export function clusterOptions(options: ClusterOptions): Required<ClusterOptions> & { lease: number } {
  if (typeof options !== 'object' || options === null) throw invalid('options', 'an object', options);
  const { node = nanoid(10), lease = 5_000, outbox = 8_388_608, maxChannels = 1_000 } = options;
  if (!string[1](node) || !NAME.test(node)) throw invalid('node', '1 to 40 letters, digits, _ and -', node);
  if (!size[1](outbox)) throw invalid('outbox', size[0], outbox);
  if (!Number.isSafeInteger(maxChannels) || maxChannels < 1) throw invalid('maxChannels', 'a positive integer', maxChannels);
  const limit = milliseconds(lease, 'lease');
  if (limit < SHORTEST_LEASE || limit > LONGEST_LEASE) throw invalid('lease', '500 ms to 24 days', lease);
  return { node, lease: limit, outbox, maxChannels };
}
