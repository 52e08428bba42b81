import { setImmediate } from 'node:timers';

/** The longest time of one turn of the event loop, in ms: other connections wait no longer. */
const SLICE = 20;

/** The number of messages after which the clock is read. */
const STRIDE = 64;

interface Batch {
  readonly messages: Iterator<unknown>;
  readonly done: (error?: unknown) => void;
}

/** The link that batches are delivered to. */
interface Receiver {
  readonly isPaused: boolean;
  readonly isOver: boolean;
  deliver(message: unknown): void;
}

/** Delivers long lists of messages in order: a slice of time per turn of the event loop, and nothing while the link is paused. */
export class Batches {
  readonly #receiver: Receiver;
  readonly #queue: Batch[] = [];
  #isRunning = false;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  /** Whether a list is not delivered yet. */
  get busy(): boolean {
    return this.#queue.length > 0;
  }

  /** Delivers a list behind those before it; calls `done` after its last message, with the error that parsing it threw. */
  add(messages: Iterable<unknown>, done: (error?: unknown) => void): void {
    this.#queue.push({ messages: messages[Symbol.iterator](), done });
    this.run();
  }

  /** Goes on, unless the link is paused. */
  run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const end = performance.now() + SLICE;
    let later = false;
    for (let count = 1; !later && this.busy && (this.#receiver.isOver || !this.#receiver.isPaused); count++) {
      this.#step(this.#queue[0] as Batch);
      later = count % STRIDE === 0 && performance.now() > end;
    }
    if (!later) this.#isRunning = false;
    else
      setImmediate(() => {
        this.#isRunning = false;
        this.run();
      });
  }

  #step(batch: Batch): void {
    let step: IteratorResult<unknown> | undefined;
    let error: unknown;
    try {
      if (!this.#receiver.isOver) step = batch.messages.next();
    } catch (thrown) {
      error = thrown;
    }
    if (step !== undefined && !step.done) {
      this.#receiver.deliver(step.value);
      return;
    }
    this.#queue.shift();
    batch.done(error);
  }
}
