import { reconnectPolicy } from '../../client/options.js';
import type { Primus } from '../../client/primus.js';
import type { ReconnectAttempt } from '../../client/state.js';
import type { Policy } from '../../operators/policy.js';
import { schedulerOf } from '../core/ends.js';

/** The reconnection of a client, as Primus 8 exposes it. */
export class Recovery {
  private readonly client: Primus;
  /** The delay before a closed client connects. */
  #delay: { unsubscribe(): void } | undefined;
  #isStopped = false;
  readonly #policy: Policy;

  constructor(client: Primus) {
    this.client = client;
    const { policy, settings } = reconnectPolicy(client.options.reconnect, Math.random);
    this.#policy = policy;
    // `max`, `min`, `retries`, `factor` and `reconnect timeout`, for those who show them.
    Object.assign(this, settings);
  }

  /** The present attempt, or the next one while the client waits for it; `null` when there is none. */
  get attempt(): ReconnectAttempt | null {
    const { state } = this.client;
    return state.name === 'waiting' || state.name === 'connecting' ? state.attempt : null;
  }

  reconnecting(): boolean {
    return this.attempt !== null || this.#delay !== undefined;
  }

  /**
   * Reconnects: over a new link while the client is connected, after the first delay while it is closed. It has no effect while the client
   * reconnects: programs that call it in each `close` or `end` listener must not evade the back-off.
   */
  reconnect(): this {
    const { client } = this;
    const { state } = client;
    if (this.#isStopped) return this;
    if (state.name === 'open') client.connection.link?.destroy();
    else if ((state.name === 'idle' || state.name === 'closed') && !this.reconnecting()) {
      const delay = this.#policy(1, undefined);
      const scheduler = schedulerOf(client);
      const open = () => {
        this.#delay = undefined;
        if (client.state === state) client.open();
      };
      if (delay !== false) this.#delay = scheduler.schedule(open, delay);
    }
    return this;
  }

  /** Stops reconnecting. */
  reset(): this {
    this.cancel();
    if (this.reconnecting()) this.client.end();
    return this;
  }

  /** Keeps a closed client closed. */
  cancel(): void {
    this.#delay?.unsubscribe();
    this.#delay = undefined;
  }

  /** Ends with the client, which cannot be opened any more. */
  stop(): void {
    this.cancel();
    this.#isStopped = true;
  }
}
