import { check, type Duration, invalid, type Kind, milliseconds, withDefaults } from '../../../core/options.js';

/** How the histories are stored. They are in one stream. */
export interface NatsStreamOptions {
  /**
   * Where entries are stored. In files they survive the end of the server, and a crash of its machine but for the last `sync_interval` of NATS; in memory
   * they do not. Appending takes as long. @defaultValue `'file'`
   */
  readonly storage?: 'file' | 'memory';
  /** How many servers of a NATS cluster store each entry: 1, 3 or 5. With 1, the histories are gone with their server. @defaultValue `1` */
  readonly replicas?: number;
  /** The limit of entries per topic: no history may be larger. @defaultValue `10_000` */
  readonly maxSize?: number;
  /**
   * The limit of the age of entries: no history may be kept longer. A subscriber whose last entry is older gets a gap, though it may have missed
   * nothing. @defaultValue `'7 days'`
   */
  readonly maxAge?: Duration;
  /** The limit of all bytes; beyond it the oldest entries are dropped. @defaultValue no limit */
  readonly maxBytes?: number;
}

/** The options of `nats`. */
export interface NatsOptions {
  /** The first part of all subjects, and of the names of the streams. Clusters with other prefixes do not hear each other. @defaultValue `'primus'` */
  readonly prefix?: string;
  /** How histories are stored by JetStream. @defaultValue `{}` */
  readonly stream?: NatsStreamOptions;
}

/** The options of `nats` with their defaults. Times are in ms. */
export interface NatsConfiguration {
  readonly prefix: string;
  readonly stream: Required<NatsStreamOptions> & { readonly maxAge: number };
}

const OPTIONS: { readonly [option: string]: Kind } = {
  prefix: ["letters, digits, '_' and '-', at most 64", (value) => typeof value === 'string' && /^[\w-]{1,64}$/.test(value)],
  stream: ['an object', (value) => typeof value === 'object' && !Array.isArray(value)],
};

const STREAM_OPTIONS: { readonly [option: string]: Kind } = {
  storage: ["'file' or 'memory'", (value) => value === 'file' || value === 'memory'],
  replicas: ['1, 3 or 5', (value) => value === 1 || value === 3 || value === 5],
  maxSize: ['an integer from 1 to 1,000,000', (value) => isCount(value) && value <= 1_000_000],
  maxBytes: ['a positive integer', (value) => isCount(value) || value === Infinity],
};

const STREAM_DEFAULTS = { storage: 'file', replicas: 1, maxSize: 10_000, maxAge: '7 days', maxBytes: Infinity } as const;

/** The shortest age that JetStream takes, in ms. */
const SHORTEST_AGE = 100;

/**
 * Checks the options of `nats`, and adds the defaults.
 *
 * @throws ERR_PRIMUS_OPTION when an option has the wrong type or value
 */
export function configurationOf(options: NatsOptions): NatsConfiguration {
  if (typeof options !== 'object' || options === null) throw invalid('options', 'an object', options);
  check(options, OPTIONS);
  const { prefix } = withDefaults({ prefix: 'primus' }, options);
  const stream: Required<NatsStreamOptions> = withDefaults(STREAM_DEFAULTS, options.stream ?? {});
  check(stream, STREAM_OPTIONS);
  const maxAge = Math.max(milliseconds(stream.maxAge, 'stream.maxAge'), SHORTEST_AGE);
  return { prefix, stream: { ...stream, maxAge } };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
