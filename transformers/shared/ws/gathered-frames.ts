import type { Duplex } from 'node:stream';
import { type Flushable, flushAtEndOfTick } from '../server/flush.js';
import { freeOwn } from '../server/free.js';
import { joinShort, writeTogether } from './parts.js';

type Sent = (error?: Error | null) => void;

/** The writer of frames of ws, with its internals. */
export interface FrameSender {
  /** The bytes of messages that are being compressed, or wait for it. */
  readonly _bufferedBytes: number;
  readonly _socket: Duplex;
  sendFrame(parts: readonly (Buffer | string)[], sent?: Sent): void;
  /** The frames of this tick, if they are gathered. */
  gathered?: GatheredFrames | undefined;
}

/** So many bytes are written before the end of the tick: a server that sends more than it has time for does not come to that. */
export const MAX_GATHERED = 262_144;

/** A part of so many bytes is written as it is, rather than copied. */
const LONG = 4_096;

/** The frames of one tick, which leave in one write. ws would write each by itself, in two parts. */
export class GatheredFrames implements Flushable {
  length = 0;
  private readonly sender: FrameSender;
  private parts: Buffer[] = [];
  private sent: Sent[] = [];

  constructor(sender: FrameSender) {
    this.sender = sender;
    flushAtEndOfTick(this);
  }

  add(parts: readonly (Buffer | string)[], sent: Sent | undefined): void {
    for (const part of parts) {
      const bytes = typeof part === 'string' ? Buffer.from(part) : part;
      this.length += bytes.length;
      this.parts.push(bytes);
    }
    if (sent !== undefined) this.sent.push(sent);
    if (this.length > MAX_GATHERED) this.flush();
  }

  flush(): void {
    const { parts, sender, sent } = this;
    if (parts.length === 0) return;
    sender.gathered = undefined;
    this.parts = [];
    this.sent = [];
    const { _socket: socket } = sender;
    const settle = (error?: Error | null) => {
      for (const settled of sent) settled(error);
      if (!error) parts.forEach(freeOwn);
    };
    if (!socket.writable) return settle(new Error('The socket was closed before the end of the tick'));
    writeTogether(socket, joinShort(parts, long, concat), settle);
  }
}

/** Has the frames of one tick written in one write. The sender of each is called back when it was written, as before. */
export function gatherFrames(sender: FrameSender): void {
  sender.sendFrame = gatherFrame;
}

function gatherFrame(this: FrameSender, parts: readonly (Buffer | string)[], sent?: Sent): void {
  this.gathered ??= new GatheredFrames(this);
  this.gathered.add(parts, sent);
}

function long(part: Buffer): Buffer | undefined {
  return part.length < LONG ? undefined : part;
}

function concat(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts);
}
