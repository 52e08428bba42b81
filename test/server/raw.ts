import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { cleanup, LIMIT } from '../support/serve.js';

/** One frame as it came from the server. */
export interface RawFrame {
  opcode: number;
  payload: Buffer;
  /** Whether its message is compressed. */
  compressed?: true;
}

/** The headers of a handshake. */
export const HANDSHAKE_HEADERS = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

const HANDSHAKE = Object.entries(HANDSHAKE_HEADERS)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');

/** The text of a handshake. */
export function handshake(target = '/primus', headers = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: x\r\n${HANDSHAKE}${headers}\r\n`;
}

export interface FrameOptions {
  fin?: boolean;
  /** Reserved bits, as a number of three. */
  reserved?: number;
  masked?: boolean;
  /** The length in the header, where it must be wrong. */
  length?: number;
}

export const TEXT = 1;
export const BINARY = 2;
export const CONTINUATION = 0;
export const CLOSE = 8;
export const PING = 9;

/** A frame as a client sends it: RFC 6455, section 5.2. */
export function frame(
  opcode: number,
  data: string | Buffer = '',
  { fin = true, reserved = 0, masked = true, length }: FrameOptions = {},
): Buffer {
  const payload = Buffer.from(data);
  const said = length ?? payload.length;
  const head = [(fin ? 0x80 : 0) | (reserved << 4) | opcode];
  const bit = masked ? 0x80 : 0;
  if (said < 126) head.push(bit | said);
  else if (said < 65_536) head.push(bit | 126, said >> 8, said & 255);
  else head.push(bit | 127, 0, 0, 0, 0, (said >>> 24) & 255, (said >>> 16) & 255, (said >>> 8) & 255, said & 255);
  if (!masked) return Buffer.concat([Buffer.from(head), payload]);
  const mask = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([Buffer.from(head), mask, payload.map((byte, index) => byte ^ (mask[index % 4] as number))]);
}

/** The payload of a close frame. */
export function closing(code: number, reason = ''): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}

/** A WebSocket client made of bytes. */
export class Raw {
  readonly socket: Socket;
  private chunks: Buffer[] = [];
  private ended = false;
  private wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data) => {
      this.chunks.push(data);
      this.wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.ended = true;
      this.wake();
    });
    cleanup(() => socket.destroy());
  }

  /** The bytes that arrived and were not read yet. */
  private get bytes(): Buffer {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0] ?? Buffer.alloc(0);
  }

  private set bytes(rest: Buffer) {
    this.chunks = [rest];
  }

  send(...parts: (string | Buffer)[]): this {
    this.socket.write(Buffer.concat(parts.map((part) => Buffer.from(part))));
    return this;
  }

  /** The answer to the handshake, up to and without the empty line. */
  async answer(): Promise<string> {
    await this.has(() => this.bytes.includes('\r\n\r\n'));
    const end = this.bytes.indexOf('\r\n\r\n');
    const head = this.bytes.subarray(0, end).toString();
    this.bytes = this.bytes.subarray(end + 4);
    return head;
  }

  /** The next frame. */
  async frame(): Promise<RawFrame> {
    await this.has(() => this.first() !== undefined);
    const { size, ...frame } = this.first() as RawFrame & { size: number };
    this.bytes = this.bytes.subarray(size);
    return frame;
  }

  /** The code of the close frame, after whatever comes before it. */
  async closeCode(): Promise<number> {
    for (;;) {
      const { opcode, payload } = await this.frame();
      if (opcode === CLOSE) return payload.length < 2 ? 1005 : payload.readUInt16BE();
    }
  }

  /** Resolves with the rest of the bytes when the server has closed the connection. */
  async rest(): Promise<string> {
    await this.until(() => this.ended);
    return this.bytes.toString();
  }

  private async has(condition: () => boolean): Promise<void> {
    await this.until(() => condition() || this.ended);
    if (!condition()) throw new Error(`The server closed after ${JSON.stringify(this.bytes.toString('latin1'))}`);
  }

  private async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`Nothing more came after ${JSON.stringify(this.bytes.toString('latin1'))}`)),
          LIMIT,
        );
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  private first(): (RawFrame & { size: number }) | undefined {
    const { bytes } = this;
    if (bytes.length < 2) return undefined;
    let length = (bytes[1] as number) & 127;
    let start = 2;
    if (length === 126) {
      if (bytes.length < 4) return undefined;
      length = bytes.readUInt16BE(2);
      start = 4;
    } else if (length === 127) {
      if (bytes.length < 10) return undefined;
      length = Number(bytes.readBigUInt64BE(2));
      start = 10;
    }
    if (bytes.length < start + length) return undefined;
    const [first] = bytes as unknown as [number];
    const frame = { opcode: first & 15, payload: bytes.subarray(start, start + length), size: start + length };
    return first & 64 ? { ...frame, compressed: true } : frame;
  }
}

/** A TCP connection to a server of ours. */
export async function raw(port: number, { tls = false } = {}): Promise<Raw> {
  const socket = tls ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }) : createConnection(port, '127.0.0.1');
  const connection = new Raw(socket);
  await once(socket, tls ? 'secureConnect' : 'connect');
  return connection;
}

/** An open WebSocket. */
export async function rawWebSocket(port: number, target?: string): Promise<Raw> {
  const connection = (await raw(port)).send(handshake(target));
  await connection.answer();
  return connection;
}
