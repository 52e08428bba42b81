/** Work that is begun by a limiter. */
export interface LimitedJob {
  /** The length of what it works on, in bytes. */
  readonly size: number;
  /** Begins the work, whose end calls `release`. */
  run(release: () => void): void;
  /** The number of smaller ones that went first. */
  overtaken: number;
}

/** The number of smaller jobs that go before the one that has waited longest. */
const MAX_OVERTAKEN = 8;

/** Runs a limited number of jobs at a time, the smallest first. */
export class Limiter {
  readonly #waiting: LimitedJob[] = [];
  #free: number;

  /** @param free the number of jobs that run at the same time */
  constructor(free: number) {
    this.#free = free;
  }

  add(job: LimitedJob): void {
    if (this.#free === 0) this.#waiting.push(job);
    else {
      this.#free -= 1;
      job.run(this.#release);
    }
  }

  /** Removes a job that waits. Returns whether it did. */
  remove(job: LimitedJob): boolean {
    const at = this.#waiting.indexOf(job);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  readonly #release = (): void => {
    const waiting = this.#waiting;
    const [first] = waiting;
    if (first === undefined) {
      this.#free += 1;
      return;
    }
    let at = 0;
    // The first one waits for a few smaller ones, not for all that come.
    if (first.overtaken < MAX_OVERTAKEN)
      for (const [index, { size }] of waiting.entries()) if (size < (waiting[at] as LimitedJob).size) at = index;
    if (at > 0) first.overtaken += 1;
    (waiting.splice(at, 1)[0] as LimitedJob).run(this.#release);
  };
}
