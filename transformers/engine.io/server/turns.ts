import type { ServerResponse } from 'node:http';
import { watchEnd } from '../../shared/server/watch-end.js';

/** The polls of a session, or its requests with data: one at a time, because the engine ends a session with two. */
export class Turns {
  /** The request whose answer has not left yet. */
  current: ServerResponse | undefined;
  #next: (() => void) | undefined;

  /**
   * Hands a request to the engine with `begin`: at once, or when the answer to the one before it has left. Returns `false` when that one has
   * no answer yet. A request that the engine rejects takes no turn. `aborted` is called when the answer cannot leave any more.
   */
  take(response: ServerResponse, begin: () => void, aborted: () => void): boolean {
    const { current } = this;
    if (current === undefined) {
      this.#begin(response, begin, aborted);
      return true;
    }
    if (!current.writableEnded || this.#next !== undefined) return false;
    const next = () => this.#begin(response, begin, aborted);
    this.#next = next;
    // One whose client has left takes no turn.
    response.once('close', () => {
      if (this.#next === next) this.#next = undefined;
    });
    return true;
  }

  #begin(response: ServerResponse, begin: () => void, aborted: () => void): void {
    begin();
    if (response.writableEnded && response.statusCode !== 200) return;
    this.current = response;
    const hasLeft = watchEnd(response);
    response.once('close', () => {
      this.current = undefined;
      if (!hasLeft()) aborted();
      const next = this.#next;
      this.#next = undefined;
      next?.();
    });
  }
}
