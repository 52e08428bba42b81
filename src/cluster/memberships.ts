import type { LinkGroup } from '../core/transformer.js';
import type { ConnectionRegistry } from '../server/connections.js';
import type { Spark } from '../server/spark.js';

/** The members of one topic. */
interface Topic {
  readonly members: Set<Spark>;
  /** How the framework sends a frame to all of them, if it can. */
  readonly group: LinkGroup | undefined;
}

/** The members of topics, which are rooms or channels, among the sparks of this process. */
export class Memberships {
  readonly #byTopic = new Map<string, Topic>();
  readonly #topics = new Map<Spark, Set<string>>();
  readonly #registry: ConnectionRegistry;

  constructor(registry: ConnectionRegistry) {
    this.#registry = registry;
  }

  /** Adds a spark. Returns whether it is the first one of the topic; `undefined` when it is a member already. */
  add(spark: Spark, topic: string): boolean | undefined {
    const known = this.#byTopic.get(topic);
    const { members, group } = known ?? { members: new Set<Spark>(), group: this.#registry.createGroup() };
    const isFirst = known === undefined;
    if (isFirst) this.#byTopic.set(topic, { members, group });
    if (members.has(spark)) return undefined;
    members.add(spark);
    const topics = this.#topics.get(spark);
    if (topics === undefined) this.#topics.set(spark, new Set([topic]));
    else topics.add(topic);
    return isFirst;
  }

  /** Removes a spark. Returns whether it was the last one of the topic; `undefined` when it was no member. */
  remove(spark: Spark, topic: string): boolean | undefined {
    const { members, group } = this.#byTopic.get(topic) ?? {};
    if (!members?.delete(spark)) return undefined;
    if (spark.connection.link !== undefined) group?.remove(spark.connection.link);
    const topics = this.#topics.get(spark);
    topics?.delete(topic);
    if (topics?.size === 0) this.#topics.delete(spark);
    if (members.size > 0) return false;
    this.#byTopic.delete(topic);
    return true;
  }

  has(spark: Spark, topic: string): boolean {
    return this.#byTopic.get(topic)?.members.has(spark) === true;
  }

  /** The members of a topic. */
  of(topic: string): ReadonlySet<Spark> {
    return this.#byTopic.get(topic)?.members ?? NONE;
  }

  /** How the framework sends a frame to all members of a topic at once, if it can. */
  groupOf(topic: string): LinkGroup | undefined {
    return this.#byTopic.get(topic)?.group;
  }

  /** The topics of a spark. */
  topicsOf(spark: Spark): readonly string[] {
    return [...(this.#topics.get(spark) ?? [])];
  }
}

const NONE: ReadonlySet<Spark> = new Set();
