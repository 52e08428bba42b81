/**
 * The one queue through which an object emits its events: each reaches every listener before the next one is emitted.
 *
 * A call inside a listener takes effect at once, but its events are emitted behind the present one, so that all listeners
 * and streams receive the same order. While no event is being emitted, an event is emitted before `add` returns.
 *
 * ```
 * listeners of `open`      a: calls end()      b
 * state                    closed
 * received by a and b      open                open     then: close, end
 * ```
 */
export class EventQueue {
  #emitting = false;
  #waiting: (() => void)[] | undefined;

  /** Emits now, or behind the event that is being emitted. What `emit` throws now, `add` throws: a plugin may replace the method that emits. */
  add(emit: () => void): void {
    this.#waiting ??= [];
    this.#waiting.push(emit);
    if (this.begin()) this.end();
  }

  /** For an event that is emitted by a plain call, such as a message: false when it has to wait, and be handed to `add`. */
  begin(): boolean {
    if (this.#emitting) return false;
    this.#emitting = true;
    return true;
  }

  /** The event that began has reached every listener: what it caused follows. */
  end(): void {
    this.#emit(this.#waiting?.values());
  }

  #emit(queue: Iterable<() => void> | undefined): void {
    try {
      // Grows while it is read.
      if (queue) for (const emit of queue) emit();
    } catch (thrown) {
      // The iterator goes on behind the event that threw.
      this.#emit(queue);
      throw thrown;
    }
    this.#waiting = undefined;
    this.#emitting = false;
  }
}
