import { isPromise } from './eventual.js';

/** How many steps may be waiting or under way without pressure. */
const HIGH = 16;

/**
 * One step of a message. It reports its own errors: it neither throws nor rejects. A promise is an answer that comes late; if that is a function,
 * it is the step that follows.
 */
export type Step = () => unknown;

/**
 * Runs the steps of messages in order: each step begins when the one before it has answered.
 * However many are waiting, those that answer at once run in a loop.
 */
export class Lane {
  /** The steps that run next, the first one last: taking one off the front of a long array copies the rest of it. */
  #next: Step[] = [];
  #waiting: Step[] = [];
  readonly #pressure: ((high: boolean) => void) | undefined;
  #running = false;
  #closed = false;
  #pressed = false;

  /** @param pressure called with `true` when more than 16 steps are waiting or running, with `false` when none is any more */
  constructor(pressure?: (high: boolean) => void) {
    this.#pressure = pressure;
  }

  /** Runs a step behind those that were added before it. */
  add(step: Step): void {
    if (this.#closed) return;
    this.#waiting.push(step);
    if (this.#next.length + this.#waiting.length >= HIGH) this.#press(true);
    if (!this.#running) this.#run();
  }

  /** Takes no more steps. Those that are waiting still run. */
  close(): void {
    this.#closed = true;
  }

  /** Drops all steps, and what follows the one that is under way. Nothing may be added any more. */
  stop(): void {
    this.#next = [];
    this.#waiting = [];
    this.#running = false;
    this.#press(false);
  }

  #run(): void {
    this.#running = true;
    for (let step = this.#take(); step !== undefined; step = this.#take()) {
      const late = step();
      if (isPromise(late)) {
        late.then((next) => {
          if (!this.#running) return;
          if (typeof next === 'function') this.#next.push(next as Step);
          this.#run();
        });
        return;
      }
    }
    this.#running = false;
    this.#press(false);
  }

  #take(): Step | undefined {
    if (this.#next.length === 0) {
      this.#next = this.#waiting.reverse();
      this.#waiting = [];
    }
    return this.#next.pop();
  }

  #press(high: boolean): void {
    if (high === this.#pressed) return;
    this.#pressed = high;
    this.#pressure?.(high);
  }
}
