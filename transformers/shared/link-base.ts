import type { Unsubscribable } from 'rxjs';
import { dropped, type LinkError } from '../../src/core/errors.js';
import { type Frame, type Link, type LinkObserver, NO_OBSERVER } from '../../src/core/link.js';

/** The time in which a peer must answer our close, in ms; then the connection is terminated. */
export const CLOSE_TIMEOUT = 2_000;

/**
 * Base of every link: keeps its one observer and emits the end of the connection to it. A framework's link turns the
 * framework's events into calls of these methods; frames go straight to `observer.next`.
 */
export abstract class LinkBase implements Link {
  abstract readonly socket: unknown;
  abstract readonly bufferedAmount: number;
  protected observer: Partial<LinkObserver> = NO_OBSERVER;

  subscribe(observer: Partial<LinkObserver>): Unsubscribable {
    this.observer = observer;
    return {
      unsubscribe: () => {
        this.observer = NO_OBSERVER;
      },
    };
  }

  abstract send(frame: Frame): void;
  abstract close(code?: number, reason?: string): void;
  abstract destroy(): void;

  /** Emits the end of the connection: a clean one without an error. */
  protected emitEnd(error?: LinkError): void {
    if (error === undefined) this.observer.complete?.();
    else this.observer.error?.(error);
  }
}

/** Returns the error that a WebSocket ended with; `undefined` for a clean end: 1000 is normal, 1005 is a close frame without a code. */
export function endOfWebSocket(code: number | undefined, reason: string, failure?: unknown): LinkError | undefined {
  return !failure && (code === 1000 || code === 1005) ? undefined : dropped(code, reason, failure);
}
