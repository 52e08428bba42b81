import type { ConsumerInfo, JetStreamClient, JetStreamManager, JsMsg } from '@nats-io/jetstream';
import { asError, PrimusError } from '../../../core/errors.js';
import { loadFramework } from '../../../core/load-framework.js';
import { invalid } from '../../../core/options.js';
import { packageRequire } from '../../../core/package-require.js';
import type { Keep, Log, LogRead, Position } from '../../bus.js';
import type { NatsConnection } from './connection.js';
import { parseEntry, printEntry } from './entry.js';
import type { NatsConfiguration } from './options.js';
import { DEADLINE, noAnswer } from './outgoing.js';
import { checkLength } from './payload.js';
import { HistoryStream } from './stream.js';
import type { Subjects } from './subjects.js';

type JetStream = typeof import('@nats-io/jetstream');

/** The time after which the server forgets a consumer that a node did not delete, in ns. */
const INACTIVE = 30_000_000_000;

/** The part of the bus that the history uses. */
export interface NatsLogHost {
  readonly subjects: Subjects;
  readonly options: NatsConfiguration['stream'];
  /** The connection. Throws while the server does not answer. */
  connection(): NatsConnection;
  /** Rejects when an answer does not come in time, or the connection drops. */
  settle<T>(answer: Promise<T>): Promise<T>;
}

/** The clients of JetStream for one connection. */
interface Clients {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: Promise<JetStreamManager>;
}

/** The messages that the stream has of a topic from an offset on. */
interface Found {
  /** The first of them, as many as were asked for. */
  readonly messages: readonly JsMsg[];
  /** The number of all. */
  readonly count: number;
  /** The time of the server, in ms. */
  readonly now: number;
}

/** The same, and the index of the first one that the history still keeps. */
interface Visible extends Found {
  readonly first: number;
}

/** How much is read. */
interface Range extends Keep {
  readonly limit: number;
}

/**
 * The history of topics on JetStream. The offset of an entry is its number in the stream, which has all topics; so offsets have holes, and grow over
 * all topics.
 */
export class NatsLog implements Log {
  readonly #host: NatsLogHost;
  readonly #stream: HistoryStream;
  #clients: Clients | undefined;
  /** The number of appends so far. */
  #appends = 0;

  constructor(host: NatsLogHost) {
    this.#host = host;
    this.#stream = new HistoryStream(() => this.#jetStream().manager, host.subjects, host.options);
  }

  append(topic: string, data: Uint8Array, keep: Keep): Promise<Position> {
    // Printed now, because the caller may use the array for something else.
    const entry = printEntry(data, keep);
    const number = ++this.#appends;
    return this.#settle(async () => {
      checkLength(entry, this.#host.connection());
      this.#checkKeep(keep);
      const subject = this.#host.subjects.history(topic);
      const { stream, seq } = await this.#withStream(
        () => this.#jetStream().client.publish(subject, entry),
        // Those behind it may be in another stream already, and would come before it.
        () => number === this.#appends,
      );
      if (isTurn(seq, keep.size)) this.#purge(stream, subject, keep.size);
      return this.#position(stream, seq);
    });
  }

  read(topic: string, since: Position | 'head', limit: number): Promise<LogRead> {
    return this.#settle(() => this.#withStream((stream) => this.#read(stream, topic, since, limit)));
  }

  /** Looks for the stream again: the server has been away. */
  reset(): void {
    this.#stream.forget();
  }

  async #read(stream: string, topic: string, since: Position | 'head', limit: number): Promise<LogRead> {
    const { streams } = await this.#jetStream().manager;
    const last = await streams.getMessage(stream, { last_by_subj: this.#host.subjects.history(topic) });
    const head = this.#position(stream, last?.seq ?? 0);
    if (since === 'head' || (since.epoch === head.epoch && since.offset === head.offset)) return { entries: [], head, whole: true };
    const follows = since.epoch === head.epoch && since.offset < head.offset;
    if (last === null) return { entries: [], head, whole: false };
    const from = follows ? since.offset : 0;
    // Another program may have appended the last one.
    const { size, ttl } = parseEntry(last.data)?.keep ?? { size: this.#host.options.maxSize, ttl: this.#host.options.maxAge };
    const found = await this.#visible(stream, topic, from, { limit, size, ttl });
    const { messages, first } = found;
    const before = messages[first - 1]?.seq;
    const isWhole = before === undefined ? await this.#isWhole(stream, from, size, found) : before === from;
    let previous = before ?? (isWhole ? from : 0);
    const entries = messages.slice(first, first + limit).map(({ seq, data }) => {
      const entry = { topic, data: parseEntry(data)?.data ?? data, at: this.#position(stream, seq), previous };
      previous = seq;
      return entry;
    });
    return { entries, head: this.#position(stream, Math.max(head.offset, previous)), whole: follows && isWhole };
  }

  /** Fetches the messages behind an offset, and finds the first of them that the history still keeps. */
  async #visible(stream: string, topic: string, from: number, range: Range): Promise<Visible> {
    const { size, ttl } = range;
    const found = await this.#fetch(stream, topic, from, range);
    const { messages, count, now } = found;
    // The first message may be the entry at the offset itself.
    let first = Math.max(count - size, messages[0]?.seq === from ? 1 : 0);
    while (first < messages.length && (messages[first] as JsMsg).time.getTime() + ttl <= now) first += 1;
    if (first < messages.length || messages.length >= count) return { ...found, first };
    return this.#visible(stream, topic, from, { ...range, limit: count });
  }

  /**
   * Whether no entry was dropped behind an offset that the stream does not have: none by its age, because the stream drops the oldest first, and none by
   * the size of the history, because that would have left more entries than its size.
   */
  async #isWhole(stream: string, from: number, size: number, { messages, count }: Found): Promise<boolean> {
    const sizes = messages.map(({ data }) => parseEntry(data)?.keep.size ?? size);
    if (count > Math.min(size, ...sizes)) return false;
    const { streams } = await this.#jetStream().manager;
    return (await streams.info(stream)).state.first_seq <= from + 1;
  }

  /** Fetches the messages of a topic from an offset on: those that are not kept any more, `limit` others, and the one before them. */
  async #fetch(stream: string, topic: string, from: number, { limit, size }: Range): Promise<Found> {
    const { consumers } = await this.#jetStream().manager;
    const consumer = await consumers.add(stream, {
      filter_subject: this.#host.subjects.history(topic),
      deliver_policy: 'by_start_sequence',
      opt_start_seq: Math.max(from, 1),
      ack_policy: 'none',
      mem_storage: true,
      inactive_threshold: INACTIVE,
    });
    const count = consumer.num_pending;
    const wanted = Math.min(count, Math.max(count - size, 0) + limit + 1);
    const messages = await this.#pull(consumer, wanted).finally(() => {
      // It ends by itself when the server does not hear this.
      consumers.delete(stream, consumer.name).catch(() => {});
    });
    return { messages, count, now: Date.parse(consumer.created as unknown as string) };
  }

  async #pull(info: ConsumerInfo, count: number): Promise<JsMsg[]> {
    const messages: JsMsg[] = [];
    if (count === 0) return messages;
    const consumer = this.#jetStream().client.consumers.getConsumerFromInfo(info);
    for await (const message of await consumer.fetch({ max_messages: count, expires: DEADLINE })) {
      messages.push(message);
      // Some may have been dropped since they were counted.
      if (message.info.pending === 0) break;
    }
    return messages;
  }

  /** Drops the entries that a history does not keep any more. The stream itself has one limit for all topics. */
  #purge(stream: string, subject: string, size: number): void {
    const purged = this.#jetStream().manager.then(({ streams }) => streams.purge(stream, { filter: subject, keep: size + 1 }));
    // Another append tries again.
    purged.catch(() => {});
  }

  #checkKeep({ size, ttl }: Keep): void {
    const { maxSize, maxAge } = this.#host.options;
    if (size > maxSize) throw invalid('size', `at most \`stream.maxSize\` of nats(), ${maxSize}`, size);
    if (ttl > maxAge) throw invalid('ttl', `at most \`stream.maxAge\` of nats(), ${maxAge} ms`, ttl);
  }

  #position(stream: string, offset: number): Position {
    return { epoch: this.#host.subjects.epochOf(stream) ?? stream, offset };
  }

  /** Runs an operation on the stream, and once more, if it may, when the stream does not exist any more: then nothing was done. */
  async #withStream<T>(operation: (stream: string) => Promise<T>, mayRepeat = () => true): Promise<T> {
    const name = this.#stream.name();
    try {
      return await operation(await name);
    } catch (error) {
      if (!/^(?:StreamNotFoundError|JetStreamNotEnabled)$/.test(asError(error).name)) throw error;
      this.#stream.forget(name);
      if (!mayRepeat()) throw error;
      return operation(await this.#stream.name());
    }
  }

  #jetStream(): Clients {
    const connection = this.#host.connection();
    if (this.#clients?.connection === connection) return this.#clients;
    const { jetstream, jetstreamManager } = loadFramework<JetStream>(packageRequire, '@nats-io/jetstream', '^3.0.0');
    // The deadline of the bus comes first; the client's own ends what it keeps.
    const options = { timeout: 2 * DEADLINE, checkAPI: false };
    const native = connection as unknown as Parameters<JetStream['jetstream']>[0];
    this.#clients = { connection, client: jetstream(native, options), manager: jetstreamManager(native, options) };
    return this.#clients;
  }

  async #settle<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await this.#host.settle(operation());
    } catch (thrown) {
      if (thrown instanceof PrimusError) throw thrown;
      const { name, message } = asError(thrown);
      const hint =
        name === 'JetStreamNotEnabled' ? '. A history needs JetStream: start nats-server with -js, or enable it for the account' : '';
      throw noAnswer(`NATS keeps no history: ${message}${hint}`, thrown);
    }
  }
}

/** Whether an append purges its topic: about one of as many as the history has entries, in no order that topics could be out of step with. */
function isTurn(seq: number, size: number): boolean {
  return Math.imul(seq, 0x9e3779b1) >>> 0 < 2 ** 32 / Math.max(size, 64);
}
