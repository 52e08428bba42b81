import type { Delivery, Position } from '../../bus.js';

/** How a message that is not in a history begins. */
const PLAIN = Buffer.from('prx0');
/** How the announcement of an entry begins; its position follows, and a newline. */
const ENTRY = Buffer.from('prx1');
/** No position is longer. */
const LONGEST_POSITION = 64;
const NEWLINE = 10;

/** Encodes a message that is not in a history. */
export function encode(data: Uint8Array): Buffer {
  return Buffer.concat([PLAIN, data]);
}

/** Decodes what was published to the channel of a topic; returns undefined for what no backplane has published. */
export function decode(topic: string, message: Buffer): Delivery | undefined {
  const begin = message.subarray(0, PLAIN.length);
  if (begin.equals(PLAIN)) return { topic, data: message.subarray(PLAIN.length) };
  const end = message.subarray(0, LONGEST_POSITION).indexOf(NEWLINE);
  const at = begin.equals(ENTRY) && end !== -1 ? parsePosition(message.toString('latin1', ENTRY.length, end)) : undefined;
  return at && { topic, data: message.subarray(end + 1), at };
}

/** Decodes an entry of a history: its offset and time, a newline, and its data. */
export function decodeEntry(topic: string, epoch: string, entry: Buffer): Delivery | undefined {
  const end = entry.subarray(0, LONGEST_POSITION).indexOf(NEWLINE);
  const offset = /^(\d{1,15}) \d+$/.exec(entry.toString('latin1', 0, Math.max(0, end)))?.[1];
  return offset === undefined ? undefined : { topic, data: entry.subarray(end + 1), at: { epoch, offset: Number(offset) } };
}

/** Parses `epoch:offset`. */
export function parsePosition(text: string): Position | undefined {
  const [, epoch, offset] = /^([\w-]{1,40}):(\d{1,15})$/.exec(text) ?? [];
  return epoch === undefined ? undefined : { epoch, offset: Number(offset) };
}
