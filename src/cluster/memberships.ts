import type { LinkGroup } from '../core/transformer.js';
import type { ConnectionRegistry } from '../server/connections.js';
import type { Spark } from '../server/spark.js';
import { TopicBuffer } from './handover/topic-buffer.js';

/** The members of one topic. */
interface Topic {
  readonly members: Set<Spark>;
  /** How the framework sends a frame to all of them, if it can. */
  readonly group: LinkGroup | undefined;
  /** Those that keep its messages for sparks that move to another node, or come from one. */
  buffers?: Set<TopicBuffer> | undefined;
}

/** The members of topics, which are rooms or channels, among the sparks of this process. */
export class Memberships {
  readonly #byTopic = new Map<string, Topic>();
  readonly #topics = new Map<Spark | TopicBuffer, Set<string>>();
  readonly #registry: ConnectionRegistry;

  constructor(registry: ConnectionRegistry) {
    this.#registry = registry;
  }

  /** Adds a spark, or a buffer. Returns whether it is the first one of the topic; `undefined` when it is in it already. */
  add(member: Spark | TopicBuffer, topic: string): boolean | undefined {
    const known = this.#byTopic.get(topic);
    const entry: Topic = known ?? { members: new Set<Spark>(), group: this.#registry.createGroup() };
    const isFirst = known === undefined;
    if (isFirst) this.#byTopic.set(topic, entry);
    if (member instanceof TopicBuffer) entry.buffers ??= new Set();
    const set = setOf(entry, member);
    if (set?.has(member)) return undefined;
    set?.add(member);
    const topics = this.#topics.get(member);
    if (topics === undefined) this.#topics.set(member, new Set([topic]));
    else topics.add(topic);
    return isFirst;
  }

  /** Removes a spark, or a buffer. Returns whether it was the last one of the topic; `undefined` when it was not in it. */
  remove(member: Spark | TopicBuffer, topic: string): boolean | undefined {
    const entry = this.#byTopic.get(topic);
    if (entry === undefined || !setOf(entry, member)?.delete(member)) return undefined;
    if (!(member instanceof TopicBuffer) && member.connection.link !== undefined) entry.group?.remove(member.connection.link);
    const topics = this.#topics.get(member);
    topics?.delete(topic);
    if (topics?.size === 0) this.#topics.delete(member);
    if (entry.members.size > 0 || (entry.buffers?.size ?? 0) > 0) return false;
    this.#byTopic.delete(topic);
    return true;
  }

  /** Puts a buffer in the place of a spark, or a spark in that of a buffer, in all topics. */
  replace(member: Spark | TopicBuffer, by: Spark | TopicBuffer): void {
    for (const topic of this.topicsOf(member)) {
      this.add(by, topic);
      this.remove(member, topic);
    }
  }

  has(spark: Spark, topic: string): boolean {
    return this.#byTopic.get(topic)?.members.has(spark) === true;
  }

  /** The members of a topic. */
  of(topic: string): ReadonlySet<Spark> {
    return this.#byTopic.get(topic)?.members ?? NONE;
  }

  /** Those that keep the messages of a topic. */
  buffersOf(topic: string): Iterable<TopicBuffer> {
    return this.#byTopic.get(topic)?.buffers ?? [];
  }

  /** How the framework sends a frame to all members of a topic at once, if it can. */
  groupOf(topic: string): LinkGroup | undefined {
    return this.#byTopic.get(topic)?.group;
  }

  /** The topics of a spark, or a buffer. */
  topicsOf(member: Spark | TopicBuffer): readonly string[] {
    return [...(this.#topics.get(member) ?? [])];
  }
}

const NONE: ReadonlySet<Spark> = new Set();

function setOf({ members, buffers }: Topic, member: Spark | TopicBuffer): Set<Spark | TopicBuffer> | undefined {
  return (member instanceof TopicBuffer ? buffers : members) as Set<Spark | TopicBuffer> | undefined;
}
