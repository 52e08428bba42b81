import { Buffer } from 'node:buffer';
import type { Frame } from '../core/link.js';

/**
 * A message between nodes: a header, and the frame of a message to connections if there is one.
 *
 * ```
 * | 1 | length of header, 4 bytes | header, JSON | 0 no frame, 1 string, 2 bytes | frame |
 * ```
 */
export interface Packet {
  readonly header: Header;
  readonly frame?: Frame | undefined;
}

/** The header of a packet. Which other fields there are depends on `kind`: the module that handles a kind checks its fields. */
export interface Header {
  /** The type of the packet. */
  readonly kind: string;
  /** The name of the node that sent it. */
  readonly from: string;
  /** The id of its process: several may have had this name. */
  readonly instance: string;
  readonly [field: string]: unknown;
}

const VERSION = 1;
/** The bytes before the header. */
const START = 5;

/**
 * Prints a packet.
 *
 * @throws TypeError when the header has a value that JSON cannot carry
 */
export function printPacket({ header, frame }: Packet): Uint8Array {
  const text = Buffer.from(JSON.stringify(header));
  const body = typeof frame === 'string' ? Buffer.from(frame) : (frame ?? new Uint8Array(0));
  const end = START + text.length;
  const bytes = Buffer.allocUnsafe(end + 1 + body.length);
  bytes[0] = VERSION;
  bytes.writeUInt32BE(text.length, 1);
  bytes.set(text, START);
  bytes[end] = frame === undefined ? 0 : typeof frame === 'string' ? 1 : 2;
  bytes.set(body, end + 1);
  return bytes;
}

/** Parses a packet. Returns `undefined` for anything else: others may publish on the same engine. */
export function parsePacket(data: Uint8Array): Packet | undefined {
  if (data.length <= START || data[0] !== VERSION) return undefined;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const end = START + bytes.readUInt32BE(1);
  const type = bytes[end];
  if (type === undefined || type > 2) return undefined;
  const header = parseHeader(bytes.toString('utf8', START, end));
  if (header === undefined) return undefined;
  if (type === 0) return { header };
  return { header, frame: type === 1 ? bytes.toString('utf8', end + 1) : bytes.subarray(end + 1) };
}

function parseHeader(text: string): Header | undefined {
  try {
    const header: unknown = JSON.parse(text);
    const { kind, from, instance } = Object(header) as Partial<Header>;
    return typeof kind === 'string' && typeof from === 'string' && typeof instance === 'string' ? (header as Header) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns a value of a header that should be a whole number; `NaN` for any other value. */
export function integerOf(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : Number.NaN;
}

/** Whether a value of a header is a list of strings. */
export function isListOfStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
