import type { Primus } from '../../client/primus.js';
import type { ReconnectAttempt } from '../../client/state.js';

/** The old view of how a client comes back. */
export class Recovery {
  private readonly client: Primus;

  constructor(client: Primus) {
    this.client = client;
  }

  /** The attempt that is waited for, or made; null when there is none. */
  get attempt(): ReconnectAttempt | null {
    const { state } = this.client;
    return state.name === 'waiting' || state.name === 'connecting' ? state.attempt : null;
  }

  reconnecting(): boolean {
    return this.attempt !== null;
  }

  /** Comes back: at once when that is waited for, over a new line when there is one. */
  reconnect(): this {
    const { client } = this;
    if (client.state.name === 'open') client.connection.link?.destroy();
    else if (client.state.name !== 'connecting') client.open();
    return this;
  }

  /** Gives the attempts up. */
  reset(): this {
    if (this.reconnecting()) this.client.end();
    return this;
  }
}
