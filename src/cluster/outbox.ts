import type { Packet } from './packets.js';

/** A message that waits for the engine. */
interface Waiting {
  readonly topic: string;
  readonly packet: Packet;
  readonly bytes: number;
}

/** The messages that wait for the engine, in order, within a limit of bytes. */
export class Outbox {
  readonly #limit: number;
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  /** The number of messages by topic. */
  readonly #counts = new Map<string, number>();

  /** @param limit the limit of the bytes, the option `outbox` */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Adds a message. Returns false when it does not fit. */
  add(topic: string, packet: Packet, bytes: number): boolean {
    if (this.#bytes + bytes > this.#limit) return false;
    this.#waiting.push({ topic, packet, bytes });
    this.#bytes += bytes;
    this.#counts.set(topic, this.countOf(topic) + 1);
    return true;
  }

  /** Returns the number of messages of a topic. */
  countOf(topic: string): number {
    return this.#counts.get(topic) ?? 0;
  }

  /** Removes messages, the oldest one first, as long as `take` returns true for them. */
  takeWhile(take: (topic: string, packet: Packet) => boolean): void {
    let taken = 0;
    for (const { topic, packet, bytes } of this.#waiting) {
      if (!take(topic, packet)) break;
      taken += 1;
      this.#bytes -= bytes;
      const left = this.countOf(topic) - 1;
      if (left > 0) this.#counts.set(topic, left);
      else this.#counts.delete(topic);
    }
    this.#waiting.splice(0, taken);
  }

  /** Removes all messages, and returns them. */
  clear(): readonly { readonly topic: string }[] {
    this.#bytes = 0;
    this.#counts.clear();
    return this.#waiting.splice(0);
  }
}
