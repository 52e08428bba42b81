import type { Observer, Subscribable, Unsubscribable } from 'rxjs';

/** What travels over a line: one message, encoded. */
export type Frame = string | Uint8Array;

/**
 * One live raw connection; both ends look the same.
 *
 * Its one observer gets `next` per frame, in order; `complete` on a clean close; `error(LinkError)`, with code and reason,
 * when the line drops. A link buffers nothing: it must be subscribed to in the turn it is handed out, or be paused.
 */
export interface Link extends Subscribable<Frame> {
  /** Begins to read. There is one observer: a later one takes the place of the one before. */
  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable;
  /** Hands one frame to the line. A frame sent after the end of the line is dropped; the end itself was reported. */
  send(frame: Frame): void;
  /** Bytes accepted and not yet handed to the system. */
  readonly bufferedAmount: number;
  /** Stops reading, where the framework can. A few frames that were already read may still follow. */
  pause?(): void;
  /** Goes on reading. */
  resume?(): void;
  /** Closes with a handshake, after everything sent so far; cuts the line when the peer does not answer in time. */
  close(code?: number, reason?: string): void;
  /** Cuts the line at once. */
  destroy(): void;
  /** Not of the transformer's making: has no part in its broadcasts. */
  readonly excludeFromBroadcast?: boolean;
  /** The framework's own socket: what `spark.socket` and `primus.socket` expose. */
  readonly socket: unknown;
}

/** An end of a line that nobody listens to is not an error. */
export const NO_OBSERVER: Partial<Observer<Frame>> = {};
