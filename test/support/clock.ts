import { VirtualTimeScheduler } from 'rxjs';

/**
 * Virtual time, which passes on demand. Microtasks stay real: what waits for the end of a turn needs `settle()`, and
 * `pass()` gives it that between any two moments at which something is due, as real time would.
 */
export class Clock extends VirtualTimeScheduler {
  /** How many timers are running. */
  get pending(): number {
    return this.actions.length;
  }

  /** When the next timer is due; Infinity when there is none. */
  get next(): number {
    return this.actions[0]?.delay ?? Number.POSITIVE_INFINITY;
  }

  /** Runs what is due within `ms`, in order, what is scheduled meanwhile included. What an action throws comes out here. */
  advance(ms = 0): void {
    const target = this.frame + ms;
    while (this.next <= target) {
      // Read before running: an action that is through forgets its state.
      const action = this.actions.shift() as (typeof this.actions)[number];
      this.frame = Math.max(this.frame, action.delay);
      const error: unknown = action.execute(action.state, action.delay);
      if (error) throw error;
    }
    this.frame = target;
  }

  /** The same, with an end of turn after every moment at which something was due. */
  async pass(ms = 0): Promise<void> {
    const target = this.frame + ms;
    await settle();
    while (this.next <= target) {
      this.advance(Math.max(0, this.next - this.frame));
      await settle();
    }
    this.advance(target - this.frame);
  }
}

/** Lets the turn end: afterwards every microtask and every `process.nextTick` has run, those they queued included. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
