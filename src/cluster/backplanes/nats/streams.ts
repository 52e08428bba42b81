import { randomBytes } from 'node:crypto';
import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import { asError } from '../../../core/errors.js';
import { noAnswer } from './outgoing.js';
import type { Subjects } from './subjects.js';

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
   * The limit of the age of entries, in ms: no history may be kept longer. A position whose entry is older leads to a gap, though nothing was
   * missed. @defaultValue 7 days
   */
  readonly maxAge?: number;
  /** The limit of all bytes; beyond it the oldest entries are dropped. @defaultValue no limit */
  readonly maxBytes?: number;
}

const NANOSECONDS = 1_000_000;

/** The largest window in which JetStream looks for duplicates, in ms. Entries have no ids, so there are none to find. */
const DUPLICATES = 1000;

/** The stream with all histories of a cluster. */
export class HistoryStream {
  readonly #manager: () => Promise<JetStreamManager>;
  readonly #subjects: Subjects;
  readonly #options: Required<NatsStreamOptions>;
  #name: Promise<string> | undefined;

  constructor(manager: () => Promise<JetStreamManager>, subjects: Subjects, options: Required<NatsStreamOptions>) {
    this.#manager = manager;
    this.#subjects = subjects;
    this.#options = options;
  }

  /** Returns the name of the stream. Finds or creates it on the first call. */
  name(): Promise<string> {
    this.#name ??= this.#open().catch((error) => {
      this.#name = undefined;
      throw error;
    });
    return this.#name;
  }

  /** Forgets the stream: it does not exist any more. */
  forget(name: Promise<string>): void {
    if (this.#name === name) this.#name = undefined;
  }

  async #open(): Promise<string> {
    const { streams } = await this.#manager();
    const found = await this.#find(streams);
    if (found === undefined) return this.#create(streams);
    const limits = this.#limits();
    const { config } = await streams.info(found);
    const isLarge = config.max_msgs_per_subject >= limits.max_msgs_per_subject && config.max_age >= limits.max_age;
    // Never smaller: a node of another version, with other limits, may have created it.
    if (!isLarge) {
      const max_msgs_per_subject = Math.max(config.max_msgs_per_subject, limits.max_msgs_per_subject);
      await streams.update(found, { ...config, max_msgs_per_subject, max_age: Math.max(config.max_age, limits.max_age) });
    }
    return found;
  }

  async #find(streams: JetStreamManager['streams']): Promise<string | undefined> {
    for await (const name of streams.names(this.#subjects.histories)) if (this.#subjects.epochOf(name)) return name;
    return undefined;
  }

  async #create(streams: JetStreamManager['streams']): Promise<string> {
    const { histories, messages } = this.#subjects;
    const { storage, replicas, maxBytes } = this.#options;
    const name = this.#subjects.stream(randomBytes(6).toString('hex'));
    try {
      await streams.add({
        name,
        subjects: [histories],
        republish: { src: histories, dest: messages },
        storage,
        num_replicas: replicas,
        max_bytes: Number.isFinite(maxBytes) ? maxBytes : -1,
        discard: 'old',
        ...this.#limits(),
      });
      return name;
    } catch (cause) {
      // The server refuses a second stream of the same subjects: another node was first.
      const found = await this.#find(streams);
      if (found !== undefined) return found;
      throw noAnswer(`The stream of the subjects '${histories}' cannot be created: ${asError(cause).message}`, cause);
    }
  }

  #limits(): Pick<StreamConfig, 'max_msgs_per_subject' | 'max_age' | 'duplicate_window'> {
    const { maxSize, maxAge } = this.#options;
    // One entry more than is read: a subscriber that has the one before the oldest misses nothing.
    return {
      max_msgs_per_subject: maxSize + 1,
      max_age: maxAge * NANOSECONDS,
      duplicate_window: Math.min(maxAge, DUPLICATES) * NANOSECONDS,
    };
  }
}
