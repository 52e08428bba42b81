import { randomBytes } from 'node:crypto';
import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import { asError } from '../../../core/errors.js';
import type { NatsConfiguration } from './options.js';
import { noAnswer } from './outgoing.js';
import type { Subjects } from './subjects.js';

/** The longest time that the server takes, in ms: 292 years. */
const FOREVER = 2 ** 63 / 1e6;

/** The largest window in which JetStream looks for duplicates, in ms. Entries have no ids, so there are none to find. */
const DUPLICATES = 1000;

/** The stream with all histories of a cluster. */
export class HistoryStream {
  readonly #manager: () => Promise<JetStreamManager>;
  readonly #subjects: Subjects;
  readonly #options: NatsConfiguration['stream'];
  #name: Promise<string> | undefined;

  constructor(manager: () => Promise<JetStreamManager>, subjects: Subjects, options: NatsConfiguration['stream']) {
    this.#manager = manager;
    this.#subjects = subjects;
    this.#options = options;
  }

  /** Returns the name of the stream. Finds or creates it on the first call. */
  name(): Promise<string> {
    if (this.#name !== undefined) return this.#name;
    const name = this.#open();
    this.#name = name;
    name.catch(() => this.forget(name));
    return name;
  }

  /** Forgets the stream, which may not exist any more; one that was found since is kept. */
  forget(name = this.#name): void {
    if (this.#name === name) this.#name = undefined;
  }

  async #open(): Promise<string> {
    const { streams } = await this.#manager();
    const found = await this.#find(streams);
    if (found === undefined) return this.#create(streams);
    const { config } = await streams.info(found);
    const limits = this.#limits();
    // Never smaller: a node with other options may have created it.
    const max_msgs_per_subject = Math.max(config.max_msgs_per_subject, limits.max_msgs_per_subject);
    const max_age = [config.max_age, limits.max_age].includes(0) ? 0 : Math.max(config.max_age, limits.max_age);
    const isLarge = config.max_msgs_per_subject === max_msgs_per_subject && config.max_age === max_age;
    if (!isLarge) await streams.update(found, { ...config, max_msgs_per_subject, max_age });
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
      max_age: nanoseconds(maxAge),
      duplicate_window: nanoseconds(Math.min(maxAge, DUPLICATES)),
    };
  }
}

/** Returns a time in the unit of JetStream. 0 is no limit. */
function nanoseconds(ms: number): number {
  return ms < FOREVER ? Math.round(ms * 1e6) : 0;
}
