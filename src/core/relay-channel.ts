import { after, Channel } from './channel.js';
import type { Frame } from './link.js';

/** A channel with what the server needs besides: broadcasts, and an end that is final. */
export class RelayChannel extends Channel {
  /** Whether a message would be encoded and transmitted as it is, at once. */
  get isDirect(): boolean {
    return this.lanes?.outbound === undefined && this.lanes?.encoding === undefined && this.stack.transformers.outgoing.length === 0;
  }

  /** Transmits, behind what was written before it, a message that is being encoded for this connection among others. */
  relay(data: unknown, frame: Promise<Frame>): void {
    after(this.lanes?.outbound, () => this.post(data, frame));
  }

  /** Takes no more messages; those that are being processed may finish. */
  close(): void {
    for (const lane of Object.values(this.lanes ?? {})) lane.close();
  }
}
