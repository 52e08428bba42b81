import type { SchedulerLike } from 'rxjs';
import { LinkError } from '../core/errors.js';
import type { Frame, LinkObserver } from '../core/link.js';

/** The connection whose rate is limited. */
export interface RateLimited extends LinkObserver {
  readonly subject: { readonly id: string };
  incomplete(bytes: number): void;
  /** Ends the connection: with a closing handshake when there is a close code. */
  terminate(error: LinkError, closeCode?: number): void;
}

/**
 * Limits the rate at which a connection receives messages, control messages included, with a token bucket. The bucket holds the messages
 * of one second. When it is empty, a warning is logged; after the messages of another second without a pause, the connection is closed
 * with 1008.
 */
export class RateLimit implements LinkObserver {
  readonly #connection: RateLimited;
  readonly #rate: number;
  readonly #scheduler: SchedulerLike;
  readonly #warn: (message: string) => void;
  #tokens: number;
  #filledAt: number;
  #warned = false;

  /** @param rate messages a second, `maxMessageRate` */
  constructor(connection: RateLimited, rate: number, scheduler: SchedulerLike, warn: (message: string) => void) {
    this.#connection = connection;
    this.#rate = rate;
    this.#scheduler = scheduler;
    this.#warn = warn;
    this.#tokens = rate;
    this.#filledAt = scheduler.now();
  }

  next(frame: Frame): void {
    const now = this.#scheduler.now();
    const tokens = this.#tokens + (Math.max(0, now - this.#filledAt) / 1_000) * this.#rate;
    this.#filledAt = now;
    this.#tokens = Math.min(tokens, this.#rate) - 1;
    if (this.#tokens >= this.#rate / 2) this.#warned = false;
    if (this.#tokens < -this.#rate) this.#exceeded();
    else {
      if (this.#tokens < 0) this.#warnOnce();
      this.#connection.next(frame);
    }
  }

  error(error: unknown): void {
    this.#connection.error(error);
  }

  complete(): void {
    this.#connection.complete();
  }

  incomplete(bytes: number): void {
    this.#connection.incomplete(bytes);
  }

  #warnOnce(): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#warn(`${this.#connection.subject.id} sends more than ${this.#rate} messages a second (\`maxMessageRate\`)`);
  }

  #exceeded(): void {
    const reason = 'Too many messages';
    const message = `${reason}: more than ${this.#rate} a second (\`maxMessageRate\`)`;
    this.#connection.terminate(new LinkError('ERR_PRIMUS_RATE', message, { closeCode: 1008, reason }), 1008);
  }
}
