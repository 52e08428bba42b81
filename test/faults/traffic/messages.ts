import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '../fuzz/random.js';

/** A message with its number, from 1, and data whose length depends on the seed and the number. */
export type Message = [number: number, data: string];

export function messageOf(seed: number, number: number): Message {
  const random = new Random(seed, number);
  return [number, 'x'.repeat(random.chance(0.02) ? random.int(1_000, 8_000) : random.int(0, 60))];
}

/** A client, or a spark. */
interface Writer {
  write(message: Message): boolean;
}

/** The time between two turns of a sender, in ms. */
const TURN = 5;

/** Writes messages in the order of their numbers. A number whose message was rejected is used again. */
export class Sender {
  readonly #seed: number;
  readonly #writer: () => Writer | undefined;
  /** The number of the last message that was accepted. */
  written = 0;
  rejected = 0;

  constructor(seed: number, writer: () => Writer | undefined) {
    this.#seed = seed;
    this.#writer = writer;
  }

  /** Writes so many messages, evenly over a time in ms, as far as there is a connection. */
  async send(count: number, ms = 0): Promise<void> {
    const begin = performance.now();
    for (let sent = 0; sent < count; ) {
      const elapsed = performance.now() - begin;
      const due = elapsed >= ms ? count : Math.ceil((count * elapsed) / ms);
      while (sent < due && this.#write()) sent++;
      // Those that found no connection are not made up for at the end.
      if (elapsed >= ms) return;
      await pause(TURN);
    }
  }

  #write(): boolean {
    const writer = this.#writer();
    if (writer === undefined) return false;
    const accepted = writer.write(messageOf(this.#seed, this.written + 1));
    if (accepted) this.written++;
    else this.rejected++;
    return accepted;
  }
}
