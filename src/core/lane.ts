import { isPromise } from './eventual.js';

/** How many steps may be waiting or under way without pressure. */
const HIGH = 16;

/** One step of a message. It reports its own errors: it neither throws nor rejects. A promise is an answer that comes late. */
export type Step = () => unknown;

/**
 * Runs the steps of messages in order: each step begins when the one before it has answered.
 * However many are waiting, those that answer at once run in a loop.
 */
export class Lane {
  readonly #waiting: Step[] = [];
  readonly #pressure: ((high: boolean) => void) | undefined;
  #running = false;
  #closed = false;
  #pressed = false;

  /** @param pressure called with `true` when more than 16 steps are waiting or under way, with `false` when none is any more */
  constructor(pressure?: (high: boolean) => void) {
    this.#pressure = pressure;
  }

  add(step: Step): void {
    if (this.#closed) return;
    this.#waiting.push(step);
    if (this.#waiting.length > HIGH - 1) this.#press(true);
    if (!this.#running) this.#run();
  }

  /** Takes no more steps. Those that are waiting still run. */
  close(): void {
    this.#closed = true;
  }

  #run(): void {
    this.#running = true;
    for (let step = this.#waiting.shift(); step !== undefined; step = this.#waiting.shift()) {
      const late = step();
      if (isPromise(late)) {
        late.then(() => this.#run());
        return;
      }
    }
    this.#running = false;
    this.#press(false);
  }

  #press(high: boolean): void {
    if (high === this.#pressed) return;
    this.#pressed = high;
    this.#pressure?.(high);
  }
}
