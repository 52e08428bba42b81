import type { Frame } from './link.js';

/** The default limit of the bytes that are kept in each direction of a session. */
export const RING = 262_144;

/** The memory of a message beside its bytes. */
export const OVERHEAD = 32;

/** Matches the characters that have one byte in UTF-8. */
const ASCII = /[\0-\x7f]+/g;

/** The number of received messages after which an acknowledgement is due at once. */
const MANY = 64;

/**
 * The account that one end of a session keeps: how many messages it has sent and received, and those that its peer has not acknowledged.
 * Both ends count the same messages, so that no message has a number on the wire. It knows no connection and no time.
 *
 * ```
 *            confirmed   from             sent
 * messages ──────┴─────────┴───────────────┤
 *                          └─ kept frames ─┘   `from` is beyond `confirmed` only when the ring was too small
 * ```
 */
export class Ledger {
  /** The number of messages that were sent. */
  sent = 0;
  /** The number of messages that were received. */
  received = 0;
  /** The number of sent messages that the peer has acknowledged. */
  confirmed = 0;
  /** The number of messages before the first one that is kept. */
  from = 0;
  /** The bytes of the messages that are kept. */
  bytes = 0;
  readonly #limit: number;
  /** The number of received messages that were acknowledged, and the bytes of those received since. */
  #acknowledged = 0;
  #unacknowledged = 0;
  /** The messages that are kept, in order, up to the last one that was sent; behind empty places of some that were dropped. */
  protected readonly frames: Frame[] = [];

  /** @param limit the limit of the bytes that are kept, the option `ring` */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The number of sent messages that may not have arrived. */
  get unconfirmed(): number {
    return this.sent - this.confirmed;
  }

  /** Whether messages were received that are not acknowledged yet. */
  get owes(): boolean {
    return this.received > this.#acknowledged;
  }

  /** Counts and keeps a message that is sent, in memory of its own (see `ownFrame`). Returns false when the oldest ones had to go, as the ring is too small. */
  record(frame: Frame): boolean {
    this.frames.push(frame);
    this.bytes += this.costOf(frame, this.sent++);
    return this.bytes <= this.#limit || this.narrow(this.#limit);
  }

  /** Drops the oldest messages that are kept until they have no more than so many bytes. Returns false when any had to go. */
  narrow(limit: number): boolean {
    const { from } = this;
    this.drop(this.sent, limit);
    return this.from === from;
  }

  /** Notes that the peer has received so many messages. Returns false when it cannot have: the number is none, or beyond what was sent. */
  confirm(received: number): boolean {
    if (!(received >= 0 && received <= this.sent)) return false;
    this.drop(received, 0);
    this.confirmed = Math.max(this.confirmed, received);
    return true;
  }

  /** Returns the messages behind the first `received` ones; `undefined` when they are not kept, or fewer were sent. */
  since(received: number): readonly Frame[] | undefined {
    if (!(received >= this.from && received <= this.sent)) return undefined;
    return this.frames.slice(this.frames.length + received - this.sent);
  }

  /** Counts a message that was received. Returns whether an acknowledgement is due at once. */
  receive(frame: Frame): boolean {
    this.received += 1;
    // Its characters: of a quarter of the ring, three bytes each still leave room for what is under way.
    this.#unacknowledged += frame.length + OVERHEAD;
    return this.received - this.#acknowledged >= MANY || this.#unacknowledged >= this.#limit / 4;
  }

  /** Returns the number of received messages, for an acknowledgement. */
  acknowledge(): number {
    this.#acknowledged = this.received;
    this.#unacknowledged = 0;
    return this.received;
  }

  /** Returns the most bytes that the message behind the first `_count` ones may have, without encoding it: three for each character of a string that is no ASCII. */
  protected costOf(frame: Frame, _count: number): number {
    return frame.length + OVERHEAD + (typeof frame === 'string' ? 2 * frame.replace(ASCII, '').length : 0);
  }

  /** Drops messages that are kept, the oldest ones first: those before the `end`-th, until no more than so many bytes are left. */
  protected drop(end: number, limit: number): void {
    const { frames } = this;
    let at = frames.length + this.from - this.sent;
    while (this.from < end && this.bytes > limit) {
      this.bytes -= this.costOf(frames[at] as Frame, this.from++);
      frames[at++] = '';
    }
    // Seldom, as the others move: for each message it takes no longer than to keep it.
    if (2 * at >= frames.length) frames.splice(0, at);
  }
}

/** Returns a frame that may be kept: the memory of bytes may be the application's, which writes others there, or a part of more. */
export function ownFrame(frame: Frame): Frame {
  return typeof frame === 'string' ? frame : new Uint8Array(frame);
}
