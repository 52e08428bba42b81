import type { Frame } from '../../../src/core/link.js';
import { joinShort } from '../../shared/ws/parts.js';

// Frames of RFC 6455, section 5.2, as a server sends them: final, unmasked.
//
//   1 byte: FIN and opcode      1 byte: length, or 126, or 127      2 or 8 bytes: the length, if it did not fit

/** A frame of so many bytes is not copied for each link of a broadcast. */
const LONG = 4_096;

/** Node.js writes a string of so many bytes without a buffer for them. */
export const MAX_STRING = 16_384;

/** A frame in the bytes of the wire, printed once for all links of a broadcast. */
export class Framed {
  readonly frame: Frame;
  private printed: Buffer | undefined;
  /** The compressed bytes of the message, and the frame of those. */
  private compressed: { readonly deflated: Buffer; readonly framed: Framed } | undefined;

  constructor(frame: Frame, printed?: Buffer) {
    this.frame = frame;
    this.printed = printed;
  }

  get bytes(): Buffer {
    if (this.printed === undefined) {
      const length = lengthOf(this.frame);
      this.printed = Buffer.allocUnsafeSlow(sizeFor(length));
      print(this.frame, length, this.printed, 0);
    }
    return this.printed;
  }

  /** The bytes of the message. */
  get payload(): Buffer {
    const { bytes } = this;
    return bytes.subarray(bytes.length - lengthOf(this.frame));
  }

  /** Returns the frame of the compressed message. */
  compress(deflated: Buffer): Framed {
    if (this.compressed?.deflated !== deflated) this.compressed = { deflated, framed: compressed(this.frame, deflated) };
    return this.compressed.framed;
  }
}

/** Frames a compressed message: RFC 7692, section 6. */
export function compressed(frame: Frame, deflated: Buffer): Framed {
  const bytes = printBytes(deflated);
  bytes[0] = typeof frame === 'string' ? 0xc1 : 0xc2;
  return new Framed(frame, bytes);
}

/** Frames the answer to a ping, which repeats its data. */
export function pong(data: Buffer): Framed {
  const bytes = printBytes(data);
  bytes[0] = 0x8a;
  return new Framed(data, bytes);
}

/**
 * Prints frames of ASCII side by side into a string of Latin-1, whose characters are the bytes of the wire. Returns `undefined` when there are
 * others, or they are long: those are printed into buffers.
 */
export function printString(first: Frame | Framed, rest: readonly (Frame | Framed)[] = []): string | undefined {
  let text = frameString(first);
  for (let index = 0; index < rest.length && text !== undefined; index++) {
    const next = frameString(rest[index] as Frame | Framed);
    text = next === undefined || text.length + next.length > MAX_STRING ? undefined : text + next;
  }
  return text;
}

function frameString(frame: Frame | Framed): string | undefined {
  if (typeof frame !== 'string') return undefined;
  const { length } = frame;
  if (length < 126) return isAscii(frame) ? String.fromCharCode(0x81, length) + frame : undefined;
  if (length > MAX_STRING - 4 || !isAscii(frame)) return undefined;
  return String.fromCharCode(0x81, 126, length >> 8, length & 0xff) + frame;
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

function printBytes(data: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(sizeFor(data.length));
  print(data, data.length, bytes, 0);
  return bytes;
}

/** Prints frames: the long ones that other links have as well as they are, the others side by side. */
export function printAll(frames: readonly (Frame | Framed)[]): Buffer[] {
  return joinShort(frames, long, printSome);
}

function long(frame: Frame | Framed): Buffer | undefined {
  return frame instanceof Framed && frame.bytes.length >= LONG ? frame.bytes : undefined;
}

/** Prints frames side by side into one buffer. */
function printSome(frames: readonly (Frame | Framed)[]): Buffer {
  let size = 0;
  // To count the bytes of a string takes as long as to print it.
  const lengths: number[] = [];
  for (const frame of frames) {
    const length = frame instanceof Framed ? frame.bytes.length : lengthOf(frame);
    lengths.push(length);
    size += frame instanceof Framed ? length : sizeFor(length);
  }
  const bytes = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const [index, length] of lengths.entries()) offset = print(frames[index] as Frame | Framed, length, bytes, offset);
  return bytes;
}

function lengthOf(frame: Frame): number {
  return typeof frame === 'string' ? Buffer.byteLength(frame) : frame.byteLength;
}

/** Returns the length of a frame whose message has so many bytes. */
function sizeFor(length: number): number {
  return length + (length < 126 ? 2 : length < 65_536 ? 4 : 10);
}

/** Prints one frame at `offset`, and returns where it ends. Its message, or the printed frame, has `length` bytes. */
function print(frame: Frame | Framed, length: number, into: Buffer, offset: number): number {
  if (frame instanceof Framed) {
    into.set(frame.bytes, offset);
    return offset + length;
  }
  into[offset] = typeof frame === 'string' ? 0x81 : 0x82;
  let at: number;
  if (length < 126) {
    into[offset + 1] = length;
    at = offset + 2;
  } else if (length < 65_536) {
    into[offset + 1] = 126;
    at = into.writeUInt16BE(length, offset + 2);
  } else {
    into[offset + 1] = 127;
    into.writeUInt32BE(Math.floor(length / 2 ** 32), offset + 2);
    at = into.writeUInt32BE(length >>> 0, offset + 6);
  }
  if (typeof frame !== 'string') into.set(frame, at);
  else if (length === frame.length) into.write(frame, at, 'latin1');
  else into.write(frame, at);
  return at + length;
}
