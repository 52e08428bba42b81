import type { Observer, Unsubscribable } from 'rxjs';
import { dropped } from '../core/errors.js';
import { type Frame, type Link, NO_OBSERVER } from '../core/link.js';

/**
 * A line that is made of events: whoever made the connection by hand listens for `outgoing::data` and `outgoing::end`, and
 * injects `incoming::data` and `incoming::end`.
 */
export class EventLink implements Link {
  readonly bufferedAmount = 0;
  readonly excludeFromBroadcast = true;
  readonly socket: unknown = undefined;
  private observer: Partial<Observer<Frame>> = NO_OBSERVER;
  private readonly closed: () => void;
  private over = false;

  /** @param closed told when our side closes */
  constructor(closed: () => void) {
    this.closed = closed;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.observer = observer;
    return { unsubscribe: () => this.subscribe(NO_OBSERVER) };
  }

  /** The `outgoing::data` that goes with every frame is what sends it. */
  send(): void {}

  close(): void {
    if (this.over) return;
    this.over = true;
    this.closed();
    this.observer.complete?.();
  }

  destroy(): void {
    this.close();
  }

  /** The other side has sent something. */
  received(frame: Frame): void {
    if (!this.over) this.observer.next?.(frame);
  }

  /** The line is down, by an error or just so. False when it was already. */
  ended(error?: unknown): boolean {
    if (this.over) return false;
    this.over = true;
    if (error === undefined) this.observer.complete?.();
    else this.observer.error?.(dropped(undefined, undefined, error));
    return true;
  }
}

/** Whether an event is named `incoming::…` or `outgoing::…`; asked of every event there is. */
export function isPrivate(event: unknown): boolean {
  return typeof event === 'string' && event.charCodeAt(8) === 58 && event.charCodeAt(9) === 58;
}
