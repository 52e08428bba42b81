import type { ServerResponse } from 'node:http';

/** Delays the reading of requests while a link is paused: a request that is not read yet is back-pressure on its client. */
export class RequestGate {
  /** Whether requests wait. */
  shut = false;
  readonly #waiting = new Set<() => void>();

  /** Calls `read` now or, while the gate is shut, once it opens, unless the client gives its request up before that. */
  pass(response: ServerResponse, read: () => void): void {
    if (!this.shut) {
      read();
      return;
    }
    this.#waiting.add(read);
    response.once('close', () => this.#waiting.delete(read));
  }

  open(): void {
    this.shut = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const read of waiting) read();
  }
}
