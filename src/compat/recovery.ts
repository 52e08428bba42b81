import { reconnectPolicy } from '../../client/options.js';
import type { Primus } from '../../client/primus.js';
import type { ReconnectAttempt } from '../../client/state.js';

/** The reconnection of a client, as Primus 8 exposes it. */
export class Recovery {
  private readonly client: Primus;

  constructor(client: Primus) {
    this.client = client;
    // `max`, `min`, `retries`, `factor` and `reconnect timeout`, for those who show them.
    Object.assign(this, reconnectPolicy(client.options.reconnect, Math.random).settings);
  }

  /** The present attempt, or the next one while the client waits for it; `null` when there is none. */
  get attempt(): ReconnectAttempt | null {
    const { state } = this.client;
    return state.name === 'waiting' || state.name === 'connecting' ? state.attempt : null;
  }

  reconnecting(): boolean {
    return this.attempt !== null;
  }

  /** Reconnects: at once while the client waits for the next attempt, over a new link while it is connected. */
  reconnect(): this {
    const { client } = this;
    if (client.state.name === 'open') client.connection.link?.destroy();
    else if (client.state.name !== 'connecting') client.open();
    return this;
  }

  /** Stops reconnecting. */
  reset(): this {
    if (this.reconnecting()) this.client.end();
    return this;
  }
}
