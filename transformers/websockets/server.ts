import type { Duplex } from 'node:stream';
import { filter, ignoreElements, map, merge, type Observer, tap, type Unsubscribable } from 'rxjs';
import { WebSocket, WebSocketServer } from 'ws';
import { dropped } from '../../src/core/errors.js';
import { type Frame, type Link, NOBODY } from '../../src/core/link.js';
import type { Arrival } from '../../src/core/transformer.js';
import type { Host, NodeTransformer, UpgradeExchange } from '../../src/server/host.js';
import { inSlices } from '../../src/server/in-slices.js';
import { refuse } from '../../src/server/refuse.js';
import type { WebSocketsServerTransport } from './options.js';

/** How long a peer may take to answer our close, in ms, before the line is cut. */
const CLOSING = { closeTimeout: 2_000 };

export const server: NodeTransformer = {
  listen(host) {
    const sockets = new WebSocketServer({
      ...CLOSING,
      ...(host.transport as WebSocketsServerTransport),
      perMessageDeflate: deflate(host),
      maxPayload: host.maxLength,
      noServer: true,
      clientTracking: false,
    });
    return merge(
      host.upgrade$.pipe(
        map((exchange) => accept(sockets, exchange)),
        filter((arrival) => arrival !== undefined),
      ),
      host.request$.pipe(
        tap(({ response }) => refuse(response, 426, 'Upgrade Required', { Connection: 'close', Upgrade: 'websocket' })),
        ignoreElements(),
      ),
    );
  },

  broadcast(links, frame) {
    const framed = new Framed(frame);
    for (const link of links as Iterable<WebSocketLink>) link.share(framed);
  },
};

function deflate({ compression, transport }: Host): WebSocketsServerTransport['perMessageDeflate'] {
  return (transport as WebSocketsServerTransport).perMessageDeflate ?? compression;
}

/** One handshake, which is done at once; one that is malformed ws answers itself. */
function accept(sockets: WebSocketServer, { request, socket, head }: UpgradeExchange): Arrival | undefined {
  let arrival: Arrival | undefined;
  sockets.handleUpgrade(request, socket, head, (websocket) => {
    arrival = { link: new WebSocketLink(websocket, socket), request };
  });
  return arrival;
}

/** A frame as it goes over the line, made once for all who get it. */
class Framed {
  readonly frame: Frame;
  private made: Buffer | undefined;

  constructor(frame: Frame) {
    this.frame = frame;
  }

  get bytes(): Buffer {
    if (this.made === undefined) {
      this.made = Buffer.allocUnsafeSlow(sizeOf(this.frame));
      print(this.frame, this.made, 0);
    }
    return this.made;
  }
}

/** Where a socket's listeners find their link. */
const LINK = Symbol('link');

interface LinkedSocket extends WebSocket {
  [LINK]: WebSocketLink;
}

/** The links that have something to send at the end of this tick. */
let loaded: WebSocketLink[] = [];

/** Each link is a system call: a broadcast to many thousands takes several turns, and what is sent meanwhile joins it. */
function endTick(): void {
  const links = loaded;
  loaded = [];
  inSlices(links, flush);
}

function flush(link: WebSocketLink): void {
  link.flush();
}

/**
 * A WebSocket as a link. What is sent within a tick leaves in one write: frames are printed side by side into one
 * buffer, past the framework's sender, which would make a write of each. Compressed lines go through the sender.
 */
class WebSocketLink implements Link {
  readonly socket: WebSocket;
  private readonly raw: Duplex;
  private observer: Partial<Observer<Frame>> = NOBODY;
  /** What this tick sends: most ticks have one frame for a link, which needs no list. */
  private first: Frame | Framed | undefined;
  private rest: (Frame | Framed)[] | undefined;
  private readonly deflates: boolean;
  private waiting = 0;
  private failure: Error | undefined;

  constructor(socket: WebSocket, raw: Duplex) {
    this.socket = socket;
    this.raw = raw;
    this.deflates = socket.extensions !== '';
    (socket as LinkedSocket)[LINK] = this;
    socket.on('message', socketOnMessage as (this: WebSocket, data: unknown, isBinary: boolean) => void);
    socket.on('close', socketOnClose as (this: WebSocket, code: number, reason: Buffer) => void);
    socket.on('error', socketOnError as (this: WebSocket, error: Error) => void);
  }

  get bufferedAmount(): number {
    return this.waiting + this.socket.bufferedAmount;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.observer = observer;
    return { unsubscribe: () => this.subscribe(NOBODY) };
  }

  send(frame: Frame): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (this.deflates) this.socket.send(frame);
    else this.post(frame, frame.length);
  }

  /** A frame of a broadcast. */
  share(frame: Framed): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (this.deflates) this.socket.send(frame.frame);
    else this.post(frame, frame.bytes.length);
  }

  private post(frame: Frame | Framed, length: number): void {
    this.waiting += length;
    if (this.first !== undefined) {
      this.rest ??= [];
      this.rest.push(frame);
      return;
    }
    this.first = frame;
    if (loaded.push(this) === 1) process.nextTick(endTick);
  }

  flush(): void {
    const { first, rest } = this;
    if (first === undefined) return;
    this.first = this.rest = undefined;
    this.waiting = 0;
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (rest === undefined && first instanceof Framed) this.raw.write(first.bytes);
    else this.raw.write(printAll(rest === undefined ? [first] : [first, ...rest]));
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  close(code?: number, reason?: string): void {
    this.flush();
    this.socket.close(code, reason);
  }

  destroy(): void {
    this.socket.terminate();
  }

  received(data: Buffer, isBinary: boolean): void {
    this.observer.next?.(isBinary ? data : data.toString());
  }

  failed(error: Error): void {
    this.failure = error;
  }

  closed(code: number, reason: Buffer): void {
    const { observer } = this;
    if (this.failure === undefined && (code === 1000 || code === 1005)) observer.complete?.();
    else observer.error?.(dropped(code, reason.toString(), this.failure));
  }
}

function socketOnMessage(this: LinkedSocket, data: Buffer, isBinary: boolean): void {
  this[LINK].received(data, isBinary);
}

function socketOnClose(this: LinkedSocket, code: number, reason: Buffer): void {
  this[LINK].closed(code, reason);
}

function socketOnError(this: LinkedSocket, error: Error): void {
  this[LINK].failed(error);
}

// Frames of RFC 6455, section 5.2, as a server sends them: final, unmasked.
//
//   1 byte: FIN and opcode      1 byte: length, or 126, or 127      2 or 8 bytes: the length, if it did not fit

function lengthOf(frame: Frame): number {
  return typeof frame === 'string' ? Buffer.byteLength(frame) : frame.byteLength;
}

function sizeOf(frame: Frame): number {
  const length = lengthOf(frame);
  return length + (length < 126 ? 2 : length < 65_536 ? 4 : 10);
}

/** Prints one frame at `offset`; returns where it ends. */
function print(frame: Frame, into: Buffer, offset: number): number {
  const length = lengthOf(frame);
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
  if (typeof frame === 'string') into.write(frame, at);
  else into.set(frame, at);
  return at + length;
}

function printAll(load: readonly (Frame | Framed)[]): Buffer {
  let size = 0;
  for (const frame of load) size += frame instanceof Framed ? frame.bytes.length : sizeOf(frame);
  const bytes = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const frame of load) {
    if (frame instanceof Framed) {
      bytes.set(frame.bytes, offset);
      offset += frame.bytes.length;
    } else offset = print(frame, bytes, offset);
  }
  return bytes;
}
