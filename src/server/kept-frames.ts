import type { Frame } from '../core/link.js';

/** The memory of a frame beside its bytes. */
const OVERHEAD = 64;

/** Returns the bytes that a frame takes while it waits. */
export function costOf(frame: Frame): number {
  return frame.length + OVERHEAD;
}

/** Frames that wait, in order. */
export class KeptFrames {
  /** The length of all that wait, in bytes. */
  bytes = 0;
  readonly #frames: Frame[] = [];
  #at = 0;

  /** The first one. */
  get next(): Frame | undefined {
    return this.#frames[this.#at];
  }

  add(frame: Frame): void {
    this.#frames.push(frame);
    this.bytes += frame.length;
  }

  /** Removes the first one, and returns it. */
  take(): Frame | undefined {
    const frame = this.next;
    if (frame === undefined) return undefined;
    this.#frames[this.#at++] = '';
    this.bytes -= frame.length;
    return frame;
  }
}
