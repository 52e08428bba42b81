import type { Writable } from 'node:stream';
import * as ws from 'ws';
import { exceedsTurn, othersWait, runLater } from '../../../src/server/turn.js';
import { flushAfter } from '../server/flush.js';
import { type ReceivingLink, reportIncomplete } from '../server/incomplete.js';

type Done = (error?: Error | null) => void;

/** The parser of frames of ws, with its internals: nothing public knows of a message that is not complete. */
export interface FrameReceiver extends Writable {
  /** The fragments of the present message, without the empty ones; their total length, with all of the present frame. */
  readonly _fragments: Buffer[];
  readonly _totalPayloadLength: number;
  /** The length of the present message, as far as it is complete and inflated. */
  readonly _messageLength: number;
  /** The bytes of the present frame that are not parsed yet. */
  _buffers: Buffer[];
  _maxFragments: number;
  readonly _maxPayload: number;
  /** The length of `_buffers`. */
  readonly _bufferedBytes: number;
  /** The part that is read next, and the frame that it belongs to. */
  readonly _state: number;
  readonly _opcode: number;
  readonly _payloadLength: number;
  readonly _errored: boolean;
  link?: ReceivingLink;
  createError(type: ErrorConstructor, message: string, isPrefixed: boolean, closeCode: number, code: string): Error;
  _write(chunk: Buffer, encoding: BufferEncoding, done: Done): void;
}

/** A message may have this many fragments whatever is in them; beyond that they must average `MIN_AVERAGE` bytes. */
export const MAX_FRAGMENTS = 4_096;
const MIN_AVERAGE = 16;

/** The states of a receiver: it reads the header of a frame, or has read it. */
const GET_INFO = 0;
const GET_MASK = 3;
const GET_DATA = 4;

const FIRST_CONTROL_FRAME = 8;

/** The length of the header of a frame whose length takes eight bytes; where that takes two, the header is six bytes shorter. */
const LONGEST_HEADER = 14;

/** A segment of so many bytes may have thousands of frames, and is read in parts. */
const LARGE = 8_192;

/** The length of such a part: others wait for the parts of all connections that send so much. */
const PART = 2_048;

/** The number of small parts that are joined to one: each is a view of the segment that it came in, and keeps that in memory. */
const SMALL_PARTS = 1_024;

const { Receiver } = ws as unknown as { Receiver: { prototype: FrameReceiver } };
const { _write: write } = Receiver.prototype;

/**
 * The `_write` of a receiver for which the fragments of a message, and the segments of a frame, cost little more memory than their bytes.
 * It reports how many those are.
 */
function writeThriftily(this: FrameReceiver, chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
  if (chunk.length < LARGE) writePart(this, chunk, done);
  // The system hands out 2 MB of a socket at once, and segments of many sockets in one turn.
  else if (exceedsTurn(0)) runLater(() => writeInTurn(this, chunk, done));
  else writeInTurn(this, chunk, done);
}

/** Writes a segment in parts, each one long frame or several short ones, and the rest in a later turn of the event loop when that takes long. */
function writeInTurn(receiver: FrameReceiver, chunk: Buffer, done: Done): void {
  const length = Math.max(PART, lengthToEnd(receiver, chunk));
  const part = length < chunk.length ? chunk.subarray(0, length) : chunk;
  writePart(receiver, part, (error) => {
    const next = () => (part === chunk ? done() : writeInTurn(receiver, chunk.subarray(length), done));
    if (error != null) done(error);
    else if (exceedsTurn(part.length) || othersWait()) runLater(next);
    else next();
  });
}

/** Returns the number of bytes up to the end of the frame that is being read, or begins here with a long length. Its bytes would be copied if it were split. */
function lengthToEnd({ _state: state, _payloadLength: length, _bufferedBytes: buffered }: FrameReceiver, chunk: Buffer): number {
  if (state === GET_DATA) return length - buffered;
  if (state !== GET_INFO || buffered > 0 || chunk.length < LONGEST_HEADER) return 0;
  const form = (chunk[1] as number) & 0x7f;
  if (form < 126) return 0;
  return LONGEST_HEADER + (form === 126 ? chunk.readUInt16BE(2) - 6 : chunk.readUInt32BE(2) * 2 ** 32 + chunk.readUInt32BE(6));
}

function writePart(receiver: FrameReceiver, part: Buffer, done: Done): void {
  const earned = (receiver._totalPayloadLength + part.length) / MIN_AVERAGE;
  receiver._maxFragments = earned > MAX_FRAGMENTS ? Math.floor(earned) : MAX_FRAGMENTS;
  flushAfter(receiver.link, parse, receiver, part, done);
  if (receiver._buffers.length > SMALL_PARTS) receiver._buffers = [Buffer.concat(receiver._buffers)];
  joinEnd(receiver._fragments);
  reportPresent(receiver);
}

function parse(receiver: FrameReceiver, part: Buffer, done: Done): void {
  write.call(receiver, part, 'binary', done);
}

/** Reports the bytes of the present message: of one that is inflated in a context, those that its fragments are inflated to. */
export function reportPresent(receiver: FrameReceiver): void {
  // After a malformed frame, or one that is too long, nothing more is collected.
  if (receiver.link === undefined || receiver._errored) return;
  const collected = Math.max(receiver._totalPayloadLength - announced(receiver), receiver._messageLength);
  reportIncomplete(receiver.link, receiver._bufferedBytes + collected);
}

/** Returns the length of the frame whose payload is still being read: it is counted from its header on. */
function announced({ _state: state, _opcode: opcode, _payloadLength: length }: FrameReceiver): number {
  return (state === GET_MASK || state === GET_DATA) && opcode < FIRST_CONTROL_FRAME ? length : 0;
}

/** Joins the small fragments at the end, when there are many. What was joined before is not small. */
export function joinEnd(fragments: Buffer[]): void {
  if (fragments.length <= SMALL_PARTS) return;
  let start = fragments.length;
  while (start > 0 && (fragments[start - 1] as Buffer).length < SMALL_PARTS) start -= 1;
  if (fragments.length - start >= SMALL_PARTS) fragments.push(Buffer.concat(fragments.splice(start)));
}

/** Lets the number of fragments grow with the length of their message, in a receiver that ws has just created with `MAX_FRAGMENTS`. */
export function limitFragments(receiver: FrameReceiver): void {
  // Another prototype would cost each connection 900 bytes.
  if (receiver._maxFragments === MAX_FRAGMENTS) receiver._write = writeThriftily;
}
