import type { Writable } from 'node:stream';
import * as ws from 'ws';

/** The parser of frames of ws, with its internals: nothing public knows of a message that is not complete. */
export interface FrameReceiver extends Writable {
  /** The fragments of the present message, without the empty ones; their total length, with all of the present frame. */
  readonly _fragments: Buffer[];
  readonly _totalPayloadLength: number;
  /** The bytes of the present frame that are not parsed yet. */
  _buffers: Buffer[];
  _maxFragments: number;
  readonly _maxPayload: number;
  _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void;
}

/** A message may have this many fragments whatever is in them; beyond that they must average `MIN_AVERAGE` bytes. */
export const MAX_FRAGMENTS = 4_096;
const MIN_AVERAGE = 16;

/** The number of small parts that are joined to one: each is a view of the segment that it came in, and keeps that in memory. */
const SMALL_PARTS = 1_024;

const { Receiver } = ws as unknown as { Receiver: new () => FrameReceiver };

/** A receiver for which the fragments of a message, and the segments of a frame, cost little more memory than their bytes. */
class ThriftyReceiver extends Receiver {
  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const earned = (this._totalPayloadLength + chunk.length) / MIN_AVERAGE;
    this._maxFragments = earned > MAX_FRAGMENTS ? Math.floor(earned) : MAX_FRAGMENTS;
    super._write(chunk, encoding, done);
    if (this._buffers.length > SMALL_PARTS) this._buffers = [Buffer.concat(this._buffers)];
    if (this._fragments.length > SMALL_PARTS) joinEnd(this._fragments);
  }
}

/** Joins the small fragments at the end. What was joined before is not small. */
function joinEnd(fragments: Buffer[]): void {
  let start = fragments.length;
  while (start > 0 && (fragments[start - 1] as Buffer).length < SMALL_PARTS) start -= 1;
  if (fragments.length - start >= SMALL_PARTS) fragments.push(Buffer.concat(fragments.splice(start)));
}

/** Lets the number of fragments grow with the length of their message, in a receiver that ws has just created with `MAX_FRAGMENTS`. */
export function limitFragments(receiver: FrameReceiver): void {
  if (receiver._maxFragments === MAX_FRAGMENTS) Object.setPrototypeOf(receiver, ThriftyReceiver.prototype);
}
