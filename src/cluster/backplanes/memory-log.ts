import { interval, type SchedulerLike, type Subscription } from 'rxjs';
import type { Delivery, Keep, LogRead, Position } from '../bus.js';

/** How often expired entries are dropped, in ms. Reading and appending drop those of their topic at once. */
const SWEEP = 30_000;

/** How long the position of a topic is kept after its last entry has expired, in ms. */
const REMEMBER = 3_600_000;

/** The history of one topic. Its offsets have no holes. */
interface History {
  readonly epoch: string;
  /** The offset of the last entry. */
  offset: number;
  /** The offset of the oldest entry that is kept; one more than `offset` when there is none. */
  first: number;
  readonly entries: Map<number, { readonly delivery: Delivery; readonly time: number }>;
  /** The time to live that the last entry came with. */
  ttl: number;
  /** When it was last read or appended to. */
  used: number;
}

/** The histories of all topics of a process. */
export class MemoryLog {
  readonly #histories = new Map<string, History>();
  /** Epochs of two backplanes differ. */
  readonly #name = Math.random().toString(36).slice(2);
  /** Whether a topic has listeners, which could not distinguish a new epoch from a loss. */
  readonly #isInUse: (topic: string) => boolean;
  /** The number in the epoch of a topic that has no history yet. It grows with each one that is forgotten: none gets the same epoch again. */
  #forgotten = 0;

  constructor(isInUse: (topic: string) => boolean) {
    this.#isInUse = isInUse;
  }

  /** Appends an entry, and returns it as a delivery. */
  append(topic: string, data: Uint8Array, { size, ttl }: Keep, now: number): Delivery & { readonly at: Position } {
    const history = this.#history(topic, now, true);
    history.offset += 1;
    history.ttl = ttl;
    const delivery = { topic, data, at: { epoch: history.epoch, offset: history.offset } };
    history.entries.set(history.offset, { delivery, time: now });
    while (history.first <= history.offset - size) history.entries.delete(history.first++);
    expire(history, now);
    return delivery;
  }

  read(topic: string, since: Position | 'head', limit: number, now: number): LogRead {
    // Else those who read topics without entries would fill the memory.
    const history = this.#history(topic, now, this.#isInUse(topic));
    expire(history, now);
    const head = { epoch: history.epoch, offset: history.offset };
    if (since === 'head') return { entries: [], head, whole: true };
    const whole = since.epoch === head.epoch && since.offset >= history.first - 1 && since.offset <= head.offset;
    const start = whole ? since.offset + 1 : history.first;
    const entries: Delivery[] = [];
    for (let offset = start; offset <= head.offset && entries.length < limit; offset += 1) {
      entries.push((history.entries.get(offset) as { delivery: Delivery }).delivery);
    }
    return { entries, head, whole };
  }

  /** Forgets a topic without listeners, if nothing was appended to it. */
  leave(topic: string): void {
    if (this.#histories.get(topic)?.offset === 0) this.#histories.delete(topic);
  }

  /** Drops what has expired twice a minute, until it is unsubscribed. */
  sweep(scheduler: SchedulerLike): Subscription {
    return interval(SWEEP, scheduler).subscribe(() => {
      const now = scheduler.now();
      for (const [topic, history] of this.#histories) {
        expire(history, now);
        const isOld = history.first > history.offset && history.used + history.ttl + REMEMBER <= now;
        if (!isOld || this.#isInUse(topic)) continue;
        this.#histories.delete(topic);
        this.#forgotten += 1;
      }
    });
  }

  #history(topic: string, now: number, isKept: boolean): History {
    let history = this.#histories.get(topic);
    if (history === undefined) {
      history = { epoch: `${this.#name}-${this.#forgotten}`, offset: 0, first: 1, entries: new Map(), ttl: 0, used: now };
      if (isKept) this.#histories.set(topic, history);
    }
    history.used = now;
    return history;
  }

  /** The number of topics that are remembered. */
  get size(): number {
    return this.#histories.size;
  }
}

function expire(history: History, now: number): void {
  const { entries } = history;
  for (let oldest = entries.get(history.first); oldest && oldest.time + history.ttl <= now; oldest = entries.get(history.first)) {
    entries.delete(history.first++);
  }
}
