import { after, Channel, type ChannelHandler, type Stack } from './channel.js';
import type { Lane } from './lane.js';
import type { Frame } from './link.js';

/** The connection of a channel that counts the messages which wait for asynchronous steps. */
export interface RelayHandler extends ChannelHandler {
  /** Counts a written message that waits. Returns the function to call when its turn comes. */
  queued(data: unknown): () => void;
  /** Counts a received message that waits. Returns the function to call when it has been delivered. */
  queuedFrame(frame: Frame): () => void;
}

/** A channel with what the server needs besides: broadcasts, and an end that is final. */
export class RelayChannel extends Channel {
  readonly #handler: RelayHandler;

  constructor(stack: Stack, handler: RelayHandler) {
    super(stack, handler);
    this.#handler = handler;
  }

  /** Whether a message would be encoded and transmitted as it is, at once. */
  get isDirect(): boolean {
    return this.lanes?.outbound === undefined && this.lanes?.encoding === undefined && this.stack.transformers.outgoing.length === 0;
  }

  override receive(frame: Frame): void {
    super.receive(frame);
    // Behind the message itself: it waits until it has been delivered.
    const lane = this.lanes?.inbound;
    if (lane !== undefined) lane.add(this.#handler.queuedFrame(frame));
  }

  override send(data: unknown): boolean {
    this.count(this.lanes?.outbound, data);
    return super.send(data);
  }

  /** Transmits, behind what was written before it, a message that is being encoded for this connection among others. */
  relay(data: unknown, frame: Promise<Frame>): void {
    after(this.lanes?.outbound, () => this.post(data, frame));
  }

  protected override post(data: unknown, coming?: Promise<Frame>): boolean {
    this.count(this.lanes?.encoding, data);
    return super.post(data, coming);
  }

  private count(lane: Lane | undefined, data: unknown): void {
    if (lane !== undefined) lane.add(this.#handler.queued(data));
  }

  /** Takes no more messages; those that are being processed may finish. */
  close(): void {
    for (const lane of Object.values(this.lanes ?? {})) lane.close();
  }
}
