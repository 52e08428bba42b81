import { Ledger, OVERHEAD } from '../../core/ledger.js';
import type { Frame } from '../../core/link.js';
import { frameSize } from '../size-of.js';

/**
 * The ledger of a server. To measure each string would cost a message more than all else that a session does, and most messages are acknowledged
 * before their sizes matter. So a message counts three bytes for each character, until a limit is reached.
 */
export class ExactLedger extends Ledger {
  /** The number of messages up to the last one that was measured. */
  #measured = 0;

  /** Whether `bytes` is exact, and not the most that the messages may have. */
  get isExact(): boolean {
    return Math.max(this.#measured, this.from) === this.sent;
  }

  /** Measures the messages that are kept. */
  measure(): void {
    for (const frame of this.since(Math.max(this.#measured, this.from)) ?? []) this.bytes += exactCost(frame) - highestCost(frame);
    this.#measured = this.sent;
  }

  override narrow(limit: number): boolean {
    if (limit > 0) this.measure();
    return super.narrow(limit);
  }

  protected override drop(end: number, limit: number): void {
    // Most often all of them: none has to be looked at.
    if (end < this.sent || limit > 0) return super.drop(end, limit);
    this.frames.length = 0;
    this.bytes = 0;
    this.from = end;
  }

  protected override costOf(frame: Frame, count: number): number {
    return count < this.#measured ? exactCost(frame) : highestCost(frame);
  }
}

function highestCost(frame: Frame): number {
  return (typeof frame === 'string' ? 3 * frame.length : frame.length) + OVERHEAD;
}

function exactCost(frame: Frame): number {
  return frameSize(frame) + OVERHEAD;
}
