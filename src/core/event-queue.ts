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

  /** Emits now, or behind the event that is being emitted. `emit` must not throw. */
  add(emit: () => void): void {
    if (!this.begin()) {
      this.#waiting ??= [];
      this.#waiting.push(emit);
      return;
    }
    emit();
    this.end();
  }

  /** For an event that is emitted by a plain call, such as a message: false when it has to wait, and be handed to `add`. */
  begin(): boolean {
    if (this.#emitting) return false;
    this.#emitting = true;
    return true;
  }

  /** The event that began has reached every listener: what it caused follows. */
  end(): void {
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      // Grows while it is read.
      for (const emit of waiting) emit();
      this.#waiting = undefined;
    }
    this.#emitting = false;
  }
}
