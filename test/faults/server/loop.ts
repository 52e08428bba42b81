import { waitForProcessor } from '../processor.js';

/** How often the event loop is looked at, in ms. */
const PERIOD = 10;

/** Measures how long the event loop was busy in one piece, in ms, without the time in which other programs had the processor. */
export class LoopMonitor {
  readonly #waited = waitForProcessor();
  #worst = 0;
  #last = performance.now();
  #lastWaited = this.#waited();

  constructor() {
    setInterval(() => this.#look(), PERIOD);
  }

  /** The longest stall since the last call. */
  take(): number {
    this.#look();
    const worst = this.#worst;
    this.#worst = 0;
    return worst;
  }

  #look(): void {
    const now = performance.now();
    const waited = this.#waited();
    this.#worst = Math.max(this.#worst, now - this.#last - PERIOD - (waited - this.#lastWaited));
    this.#last = now;
    this.#lastWaited = waited;
  }
}
