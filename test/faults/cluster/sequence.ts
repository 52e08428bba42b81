/** The channels with a history, the rooms, and the channel with presence. */
export const HISTORIES = ['history/1', 'history/2'];
export const ROOMS = ['room 1', 'room 2'];
export const PRESENCE = 'present';

/** A message of the traffic. */
export interface Numbered {
  /** The process that has published it. */
  run: string;
  topic: string;
  /** The number of the message among those of this process and topic, from 1 on. */
  n: number;
}

/** Messages of one publisher and topic that are missing. */
export interface Hole {
  run: string;
  topic: string;
  /** The numbers of the last message before, and of the first one after it. */
  after: number;
  before: number;
}

/** How many numbers of a publisher are remembered, to tell a doubled message from one out of order. */
const REMEMBERED = 5_000;

/** The messages that one receiver has got, in their order. */
export class Sequence {
  doubled = 0;
  reordered = 0;
  received = 0;
  readonly #last = new Map<string, number>();
  readonly #numbers = new Map<string, Set<number>>();

  /** Expects the messages of a publisher from the first one on. */
  expect(run: string, topic: string): void {
    this.#last.set(`${run} ${topic}`, 0);
  }

  /** Takes a message. Returns the hole before it, if there is one. */
  take({ run, topic, n }: Numbered): Hole | undefined {
    const key = `${run} ${topic}`;
    const last = this.#last.get(key);
    const numbers = this.#numbers.get(key) ?? new Set<number>();
    this.#numbers.set(key, numbers);
    if (numbers.has(n)) this.doubled++;
    else if (last !== undefined && n < last) this.reordered++;
    else this.#last.set(key, n);
    if (!numbers.has(n)) this.received++;
    numbers.add(n);
    const [oldest] = numbers;
    if (numbers.size > REMEMBERED && oldest !== undefined) numbers.delete(oldest);
    return last !== undefined && n > last + 1 ? { run, topic, after: last, before: n } : undefined;
  }

  /** The number of the last message of a publisher. */
  last(run: string, topic: string): number | undefined {
    return this.#last.get(`${run} ${topic}`);
  }
}
