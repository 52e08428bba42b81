import type { SchedulerLike, Subscription } from 'rxjs';

/** Values that are known for a time: at least `ms`, and at most twice as long. Has a timer only while it is not empty. */
export class Recent<V> {
  readonly #scheduler: SchedulerLike;
  readonly #ms: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();
  #timer: Subscription | undefined;

  constructor(scheduler: SchedulerLike, ms: number) {
    this.#scheduler = scheduler;
    this.#ms = ms;
  }

  get(key: string): V | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: string, value: V): void {
    this.#young.set(key, value);
    this.#timer ??= this.#scheduler.schedule(() => this.#age(), this.#ms);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#young.clear();
    this.#old.clear();
  }

  #age(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#timer = this.#old.size > 0 ? this.#scheduler.schedule(() => this.#age(), this.#ms) : undefined;
  }
}
