import type { Unsubscribable } from 'rxjs';
import { dropped } from '../core/errors.js';
import { type Frame, type Link, type LinkObserver, NO_OBSERVER } from '../core/link.js';

/**
 * A link that consists of events. The code that created the connection listens for `outgoing::data` and `outgoing::end`, and injects
 * `incoming::data` and `incoming::end`.
 */
export class EventLink implements Link {
  readonly bufferedAmount = 0;
  readonly excludeFromBroadcast = true;
  readonly socket: unknown = undefined;
  private observer: Partial<LinkObserver> = NO_OBSERVER;
  private readonly closed: () => void;
  private over = false;

  /** @param closed called when our side closes */
  constructor(closed: () => void) {
    this.closed = closed;
  }

  subscribe(observer: Partial<LinkObserver>): Unsubscribable {
    this.observer = observer;
    return { unsubscribe: () => this.subscribe(NO_OBSERVER) };
  }

  /** Does nothing: the event `outgoing::data`, which is emitted for every frame, sends it. */
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

  /** Receives a frame of the peer. */
  received(frame: Frame): void {
    if (!this.over) this.observer.next?.(frame);
  }

  /** Ends the link, cleanly or with an error. Returns false when it has ended already. */
  ended(error?: unknown): boolean {
    if (this.over) return false;
    this.over = true;
    if (error === undefined) this.observer.complete?.();
    else this.observer.error?.(dropped(undefined, undefined, error));
    return true;
  }
}

/** Whether an event is named `incoming::…` or `outgoing::…`. Called for every event, so it compares two characters only. */
export function isPrivate(event: unknown): boolean {
  return typeof event === 'string' && event.charCodeAt(8) === 58 && event.charCodeAt(9) === 58;
}
