import type { NodeClient } from './client.js';

/** After so many checks without an answer a connection is dead. */
export const SILENT_CHECKS = 2;

/** One connection of a session, and whether it answers. */
export class Connection {
  readonly client: NodeClient;
  #awaits = false;
  #silent = 0;

  constructor(client: NodeClient) {
    this.client = client;
  }

  /** Notes that the server has answered. */
  heard = (): void => {
    this.#silent = 0;
  };

  /** Returns whether the server has answered lately, and asks it again. */
  check(): boolean {
    if (this.#awaits) {
      this.#silent += 1;
      return this.#silent < SILENT_CHECKS;
    }
    this.#awaits = true;
    this.#silent = 0;
    this.client.sendCommand(['PING']).then(
      () => {
        this.#awaits = false;
      },
      // The loss of the connection is an event of the client.
      () => {},
    );
    return true;
  }
}
