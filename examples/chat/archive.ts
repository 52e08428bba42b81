import type { Said } from './messages.js';

/** How many messages are kept, to recognize a repeated one; how many of them a page gets when it connects. */
const KEPT = 1000;
const SHOWN = 50;

/** The latest messages. */
export class Archive {
  private readonly messages = new Map<string, Said>();
  private last = 0;

  /** Adds a message and returns it with its position. `fresh` is false for one that had arrived before. */
  add({ who, name, id, text }: Omit<Said, 'at'>): { said: Said; fresh: boolean } {
    const key = `${who} ${id}`;
    const before = this.messages.get(key);
    if (before !== undefined) return { said: before, fresh: false };
    const said = { who, name, id, text, at: this.now() };
    this.messages.set(key, said);
    const [oldest] = this.messages.keys();
    if (this.messages.size > KEPT && oldest !== undefined) this.messages.delete(oldest);
    return { said, fresh: true };
  }

  recent(): Said[] {
    return [...this.messages.values()].slice(-SHOWN);
  }

  /** The time, but always later than before: no two messages have the same position. */
  private now(): number {
    this.last = Math.max(Date.now(), this.last + 1);
    return this.last;
  }
}
