import { type Subscription, VirtualAction, VirtualTimeScheduler } from 'rxjs';

// Kept before any test replaces it by a fake one.
const { setImmediate } = globalThis;

/**
 * Virtual time, which passes on demand. Microtasks stay real: code that waits for the end of a turn needs `settle()`, and
 * `pass()` gives it that between any two moments at which something is due, as real time would.
 */
export class VirtualTime extends VirtualTimeScheduler {
  constructor() {
    super(RepeatableAction);
  }

  /** The number of running timers. */
  get pending(): number {
    return this.actions.length;
  }

  /** When the next timer is due; Infinity when there is none. */
  get next(): number {
    return nextOf(this);
  }

  /** Runs what is due within `ms`, in order, what is scheduled meanwhile included. It throws what an action throws. */
  advance(ms = 0): void {
    runUntil(this, this.frame + ms);
  }

  /** The same, with an end of turn after every moment at which something was due. */
  pass(ms = 0): Promise<void> {
    return passOn(this, ms);
  }
}

/** An action that is scheduled again as it is. That of RxJS adds another one to itself: a heartbeat of some weeks overflows the stack at its end. */
class RepeatableAction<T> extends VirtualAction<T> {
  override schedule(state?: T, delay = 0): Subscription {
    if (!this.closed && !this.pending) {
      this.id = undefined;
      this.scheduler.index += 1;
      this.index = this.scheduler.index;
    }
    return super.schedule(state, delay);
  }
}

/** Lets so many ms pass on a virtual scheduler, with an end of turn after every moment at which something was due. */
export async function passOn(scheduler: VirtualTimeScheduler, ms: number): Promise<void> {
  const target = scheduler.frame + ms;
  await settle();
  for (let next = nextOf(scheduler); next <= target; next = nextOf(scheduler)) {
    runUntil(scheduler, Math.max(next, scheduler.frame));
    await settle();
  }
  runUntil(scheduler, target);
}

/** Lets the turn end: afterwards every microtask and every `process.nextTick` has run, those they queued included. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function nextOf({ actions }: VirtualTimeScheduler): number {
  return actions[0]?.delay ?? Number.POSITIVE_INFINITY;
}

function runUntil(scheduler: VirtualTimeScheduler, target: number): void {
  const { actions } = scheduler;
  while (nextOf(scheduler) <= target) {
    // Read before running: an action that has run forgets its state.
    const action = actions.shift() as (typeof actions)[number];
    scheduler.frame = Math.max(scheduler.frame, action.delay);
    const error: unknown = action.execute(action.state, action.delay);
    if (error) throw error;
  }
  // Two callers may let time pass at once.
  scheduler.frame = Math.max(scheduler.frame, target);
}
