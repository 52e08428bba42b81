import type { Spark } from '../server/spark.js';

/** Which sparks of this process are members of which topics: those of rooms and of channels. */
export class Memberships {
  readonly #members = new Map<string, Set<Spark>>();
  readonly #topics = new Map<Spark, Set<string>>();

  /** Adds a spark. Returns whether it is the first one of the topic; `undefined` when it is a member already. */
  add(spark: Spark, topic: string): boolean | undefined {
    let members = this.#members.get(topic);
    const isFirst = members === undefined;
    if (members === undefined) {
      members = new Set();
      this.#members.set(topic, members);
    }
    if (members.has(spark)) return undefined;
    members.add(spark);
    const topics = this.#topics.get(spark);
    if (topics === undefined) this.#topics.set(spark, new Set([topic]));
    else topics.add(topic);
    return isFirst;
  }

  /** Removes a spark. Returns whether it was the last one of the topic; `undefined` when it was no member. */
  remove(spark: Spark, topic: string): boolean | undefined {
    const members = this.#members.get(topic);
    if (!members?.delete(spark)) return undefined;
    const topics = this.#topics.get(spark);
    topics?.delete(topic);
    if (topics?.size === 0) this.#topics.delete(spark);
    if (members.size > 0) return false;
    this.#members.delete(topic);
    return true;
  }

  has(spark: Spark, topic: string): boolean {
    return this.#members.get(topic)?.has(spark) === true;
  }

  /** The members of a topic. */
  of(topic: string): ReadonlySet<Spark> {
    return this.#members.get(topic) ?? NONE;
  }

  /** The topics of a spark. */
  topicsOf(spark: Spark): readonly string[] {
    return [...(this.#topics.get(spark) ?? [])];
  }
}

const NONE: ReadonlySet<Spark> = new Set();
