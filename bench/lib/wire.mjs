// The part of WebSocket that loads a server cheaply: no copies, no parsing, frames built once.
import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
// Any key but zero: the receiver has to do its unmasking.
const MASK = [0x1d, 0x5e, 0xa7, 0x39];

const TEXT = 0x1;
const CLOSE = 0x8;

/** A frame of up to 65,535 bytes. Clients mask, servers do not. */
export function frame(payload, { masked = true, opcode = TEXT } = {}) {
  const body = Buffer.from(payload);
  const head = [0x80 | opcode];
  const bit = masked ? 0x80 : 0;
  if (body.length < 126) head.push(bit | body.length);
  else head.push(bit | 126, body.length >> 8, body.length & 0xff);
  if (!masked) return Buffer.concat([Buffer.from(head), body]);
  for (let i = 0; i < body.length; i++) body[i] ^= MASK[i & 3];
  return Buffer.concat([Buffer.from([...head, ...MASK]), body]);
}

/** A client's close frame, code 1000. */
export const closeFrame = frame([0x03, 0xe8], { opcode: CLOSE });

export function upgradeRequest(path, port) {
  return Buffer.from(
    [
      `GET ${path} HTTP/1.1`,
      `Host: localhost:${port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      '',
      '',
    ].join('\r\n'),
  );
}

export function upgradeAnswer(request) {
  const key = /^sec-websocket-key: *(.*?)\r$/im.exec(request)[1];
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** Counts the frames that a server sends, however they are split into chunks. */
export class FrameCounter {
  #least;
  #step = 0; // of the header: opcode, length, then bytes of a long length
  #opcode = 0;
  #length = 0;
  #body = 0; // bytes of the current payload still to come

  /** @param least the length of the shortest data frame that counts */
  constructor(least = 0) {
    this.#least = least;
  }

  /** Reads bytes and returns the number of data frames that they complete. */
  feed(bytes, end, from = 0) {
    let count = 0;
    let at = from;
    while (at < end) {
      if (this.#body > 0) {
        const taken = Math.min(this.#body, end - at);
        at += taken;
        this.#body -= taken;
        if (this.#body === 0) count += this.#finished();
      } else if (this.#header(bytes[at++])) {
        this.#body = this.#length;
        if (this.#body === 0) count += this.#finished();
      }
    }
    return count;
  }

  /** Takes one byte of a header; true when it was the last. */
  #header(byte) {
    if (this.#step === 0) {
      this.#opcode = byte & 0x0f;
      this.#step = 1;
      return false;
    }
    if (this.#step === 1) {
      const short = byte & 0x7f;
      this.#length = short < 126 ? short : 0;
      this.#step = short < 126 ? 0 : short === 126 ? 8 : 2;
      return short < 126;
    }
    this.#length = this.#length * 256 + byte;
    this.#step = this.#step === 9 ? 0 : this.#step + 1;
    return this.#step === 0;
  }

  #finished() {
    return this.#opcode < CLOSE && this.#length >= this.#least ? 1 : 0;
  }
}
