import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Frame } from '../../../src/core/link.js';
import { endOfWebSocket, LinkBase } from '../../shared/link-base.js';
import { flushAtEndOfTick } from '../../shared/server/flush.js';
import { type CountedLink, countedMessage, countIncoming } from '../../shared/server/incoming-bytes.js';
import { Framed, printAll } from './frames.js';

/** The key under which a socket's listeners find their link. */
const LINK = Symbol('link');

interface LinkedSocket extends WebSocket {
  [LINK]: WebSocketLink;
}

/**
 * A WebSocket as a link. The frames of one tick leave in one write: they are printed side by side into one buffer, past
 * the framework's sender, which would write each by itself. Connections with compression go through the sender.
 */
export class WebSocketLink extends LinkBase implements CountedLink {
  incoming = 0;
  readonly socket: WebSocket;
  private readonly raw: Duplex;
  /** The first frame of this tick; most ticks have one frame for a link, which needs no list. */
  private first: Frame | Framed | undefined;
  declare private rest?: (Frame | Framed)[] | undefined;
  private readonly deflates: boolean;
  private waiting = 0;
  declare private failure?: Error | undefined;

  constructor(socket: WebSocket, raw: Duplex) {
    super();
    this.socket = socket;
    this.raw = raw;
    this.deflates = socket.extensions !== '';
    countIncoming(raw, this);
    (socket as LinkedSocket)[LINK] = this;
    socket.on('message', socketOnMessage as (this: WebSocket, data: unknown, isBinary: boolean) => void);
    socket.on('close', socketOnClose as (this: WebSocket, code: number, reason: Buffer) => void);
    socket.on('error', socketOnError as (this: WebSocket, error: Error) => void);
  }

  get bufferedAmount(): number {
    return this.waiting + this.socket.bufferedAmount;
  }

  send(frame: Frame): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (this.deflates) this.socket.send(frame);
    else this.post(frame, frame.length);
  }

  /** Sends a frame of a broadcast, which is printed once for all links. */
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
    flushAtEndOfTick(this);
  }

  flush(): void {
    const { first, rest } = this;
    if (first === undefined) return;
    this.first = undefined;
    if (rest !== undefined) this.rest = undefined;
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

  reportIncomplete(bytes: number): void {
    this.observer.incomplete?.(bytes);
  }

  received(data: Buffer, isBinary: boolean): void {
    countedMessage(this);
    this.observer.next?.(isBinary ? data : data.toString());
  }

  failed(error: Error): void {
    this.failure = error;
  }

  closed(code: number, reason: Buffer): void {
    this.emitEnd(endOfWebSocket(code, reason.toString(), this.failure));
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
