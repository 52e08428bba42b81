import { randomFrom } from '../../properties/random.js';

/** The random choices of one case: the same for the same seed and index, whatever other cases do. */
export class Random {
  readonly #next: () => number;

  constructor(seed: number, index: number) {
    this.#next = randomFrom(Math.imul(seed ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b));
  }

  /** A number in [0, 1). */
  real(): number {
    return this.#next();
  }

  /** A whole number from `least` to `most`. */
  int(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#next() * items.length)] as Item;
  }

  list<Item>(least: number, most: number, make: (index: number) => Item): Item[] {
    return Array.from({ length: this.int(least, most) }, (_, index) => make(index));
  }

  bytes(least: number, most: number): Buffer {
    return Buffer.from(this.list(least, most, () => this.int(0, 255)));
  }

  /** Letters and digits. */
  word(length = 8): string {
    return Array.from({ length }, () => this.int(0, 35).toString(36)).join('');
  }
}
