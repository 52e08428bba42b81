import { type Eventual, isPromise } from '../core/eventual.js';
import { Lane } from '../core/lane.js';

/** Runs steps in order. Those that answer at once run at once; from the first one on that does not, there is a queue. */
export class InOrder {
  #lane: Lane | undefined;

  /** Runs a step behind those before it. A step neither throws nor rejects. */
  run(step: () => Eventual<unknown>): void {
    if (this.#lane !== undefined) return this.#lane.add(step);
    const late = step();
    if (!isPromise(late)) return;
    this.#lane = new Lane();
    this.#lane.add(() => late);
  }
}
