import type { SchedulerLike, Unsubscribable } from 'rxjs';
import { tooLong } from '../../src/core/close-reasons.js';
import { dropped, type LinkError } from '../../src/core/errors.js';
import type { Frame } from '../../src/core/link.js';
import { CLOSE_TIMEOUT, LinkBase } from './link-base.js';

/**
 * Base of links whose framework leaves some rules to us: the connection ends once, closes once and within a deadline, and
 * takes no message that is too long.
 *
 * ```
 * open ── close() ── doClose() ──────────> the framework's close event ── closed() ──> complete or error
 *   └──── fail() ──> error ── doFail() ──> the framework's close event ── closed()
 * ```
 */
export abstract class GuardedLink extends LinkBase {
  /** Whether the end was emitted. */
  ended = false;
  /** Whether we have begun to close: frames that arrive after that are dropped. */
  closing = false;
  protected readonly scheduler: SchedulerLike;
  /** The largest message that is accepted, in bytes. */
  protected readonly maxLength: number;
  #deadline: Unsubscribable | undefined;

  constructor(scheduler: SchedulerLike, maxLength: number) {
    super();
    this.scheduler = scheduler;
    this.maxLength = maxLength;
  }

  close(code?: number, reason?: string): void {
    if (this.ended || this.closing) return;
    this.closing = true;
    this.doClose(code, reason);
  }

  /** Ends the connection with an error, because the peer broke a rule. */
  fail(code: number, reason: string, cause = new Error(reason)): void {
    if (this.ended) return;
    this.emitEnd(dropped(code, reason, cause));
    if (this.closing) return;
    this.closing = true;
    this.doFail(code, reason);
  }

  /** Ends the connection, because a message exceeds `maxLength`. */
  failTooLong(): void {
    this.fail(1009, tooLong(this.maxLength));
  }

  /** Begins the framework's own closing handshake. Called once. */
  protected abstract doClose(code?: number, reason?: string): void;

  /** Closes a connection whose end was emitted already. Called at most once. */
  protected doFail(code: number, reason: string): void {
    this.doClose(code, reason);
  }

  /** Runs `terminate` unless the framework reports the close in time. The first call counts. */
  protected setDeadline(terminate: () => void): void {
    this.#deadline ??= this.scheduler.schedule(terminate, CLOSE_TIMEOUT);
  }

  /** Emits a frame that arrived. */
  protected received(frame: Frame, isTooLong: boolean): void {
    if (this.ended || this.closing) return;
    if (isTooLong) this.failTooLong();
    else this.observer.next?.(frame);
  }

  /** The framework has closed the connection, cleanly unless there is an error. */
  protected closed(error?: LinkError): void {
    this.#deadline?.unsubscribe();
    this.emitEnd(error);
  }

  protected override emitEnd(error?: LinkError): void {
    if (this.ended) return;
    this.ended = true;
    super.emitEnd(error);
  }
}
