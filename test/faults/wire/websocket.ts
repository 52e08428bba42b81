import { randomFillSync } from 'node:crypto';

export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

export interface FrameOptions {
  fin?: boolean;
  /** Reserved bits: 4 is the one of permessage-deflate. */
  reserved?: number;
  masked?: boolean;
  /** The length in the header, where it differs from that of the payload. */
  length?: number;
}

/** The request of a WebSocket handshake. */
export function handshake(target: string, { compression = false, headers = '' } = {}): string {
  const extensions = compression ? 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n' : '';
  return `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${extensions}${headers}\r\n`;
}

/** A frame as clients send it: RFC 6455, section 5.2. */
export function frame(
  opcode: number,
  data: string | Buffer = '',
  { fin = true, reserved = 0, masked = true, length }: FrameOptions = {},
): Buffer {
  const payload = typeof data === 'string' ? Buffer.from(data) : data;
  const said = length ?? payload.length;
  const extended = said < 126 ? 0 : said < 65_536 ? 2 : 8;
  const bytes = Buffer.allocUnsafe(2 + extended + (masked ? 4 : 0) + payload.length);
  bytes[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  bytes[1] = (masked ? 0x80 : 0) | (extended === 0 ? said : extended === 2 ? 126 : 127);
  if (extended === 2) bytes.writeUInt16BE(said, 2);
  if (extended === 8) bytes.writeBigUInt64BE(BigInt(said), 2);
  let at = 2 + extended;
  if (!masked) {
    payload.copy(bytes, at);
    return bytes;
  }
  const mask = bytes.subarray(at, at + 4);
  randomFillSync(mask);
  at += 4;
  for (let index = 0; index < payload.length; index++) bytes[at + index] = (payload[index] as number) ^ (mask[index & 3] as number);
  return bytes;
}

/** The payload of a close frame. */
export function closing(code: number, reason = ''): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}
