import type { Observer, Subscribable, Unsubscribable } from 'rxjs';

/** One encoded message, as links carry it. */
export type Frame = string | Uint8Array;

/** The observer of a link. */
export interface LinkObserver extends Observer<Frame> {
  /** Takes the number of bytes that have arrived of a message that is not complete, where it is large; 0 when it is complete. */
  incomplete?(bytes: number): void;
}

/**
 * One live raw connection; both ends look the same.
 *
 * Its one observer gets `next` per frame, in order; `complete` on a clean close; `error(LinkError)`, with code and reason,
 * when the connection drops. A link buffers nothing: it must be subscribed to in the turn it is handed out, or be paused.
 */
export interface Link extends Subscribable<Frame> {
  /** Begins to read. There is one observer: a later one takes the place of the one before. */
  subscribe(observer: Partial<LinkObserver>): Unsubscribable;
  /** Sends one frame. A frame sent after the end of the connection is dropped; the end itself was emitted. */
  send(frame: Frame): void;
  /** Bytes accepted and not yet handed to the system. */
  readonly bufferedAmount: number;
  /** Stops reading, where the framework can. A few frames that were already read may still follow. */
  pause?(): void;
  /** Whether the framework reads on while it is paused: what arrives waits in memory then. */
  readonly readsOn?: boolean;
  /** Goes on reading. */
  resume?(): void;
  /** Closes with a handshake, after everything sent so far. Terminates the connection when the peer does not answer in time. */
  close(code?: number, reason?: string): void;
  /** Terminates the connection at once. */
  destroy(): void;
  /** The bytes that the framework may keep for the connection until it is closed: the largest buffers that it has needed. */
  readonly retained?: number;
  /** Whether the transformer did not create it, and cannot broadcast to it. */
  readonly excludeFromBroadcast?: boolean;
  /** The framework's own socket: what `spark.socket` and `primus.socket` expose. */
  readonly socket: unknown;
}

/** The observer of a link that has none: its end is not an error. */
export const NO_OBSERVER: Partial<LinkObserver> = {};
