import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Frame } from '../../../src/core/link.js';
import { endOfWebSocket, LinkBase } from '../../shared/link-base.js';
import { flushAtEndOfTick } from '../../shared/server/flush.js';
import type { ReceivingLink } from '../../shared/server/incomplete.js';
import { DROPPED } from '../../shared/ws/deflate.js';
import type { ServerWebSocket } from '../../shared/ws/socket.js';
import { Framed, pong, printAll } from './frames.js';

const { OPEN } = WebSocket;

/** The memory of answers to pings that may wait for a peer to read them, in bytes. */
const MAX_ANSWERS = 65_536;

/** The memory that one answer takes beside its bytes, and one write. */
const ANSWER = 32;
const WRITE = 256;

/** The answers to pings that the peer has not read. */
interface Answers {
  /** The memory that they take, and that of those which are not written yet. */
  unread: number;
  gathered: number;
  /** The data of the last ping that is not answered yet, because there are too many before it. */
  skipped: Buffer | undefined;
}

interface LinkedSocket extends ServerWebSocket {
  link: WebSocketLink;
}

/**
 * A WebSocket as a link. The frames of one tick leave in one write: they are printed side by side into one buffer, past
 * the framework's sender, which would write each by itself. Connections with compression go through the sender.
 */
export class WebSocketLink extends LinkBase implements ReceivingLink {
  incomplete = 0;
  readonly socket: ServerWebSocket;
  private readonly raw: Duplex;
  /** The first frame of this tick; most ticks have one frame for a link, which needs no list. */
  private first: Frame | Framed | undefined;
  declare private rest?: (Frame | Framed)[] | undefined;
  private readonly deflates: boolean;
  private waiting = 0;
  declare private failure?: Error | undefined;
  declare private answers?: Answers | undefined;

  constructor(socket: ServerWebSocket, raw: Duplex, answersPings: boolean) {
    super();
    this.socket = socket;
    this.raw = raw;
    this.deflates = socket.extensions !== '';
    socket._receiver.link = this;
    socket.link = this;
    socket.on('message', socketOnMessage as (this: WebSocket, data: unknown, isBinary: boolean) => void);
    socket.on('close', socketOnClose as (this: WebSocket, code: number, reason: Buffer) => void);
    socket.on('error', socketOnError as (this: WebSocket, error: Error) => void);
    if (answersPings) socket.on('ping', socketOnPing as (this: WebSocket, data: Buffer) => void);
  }

  get bufferedAmount(): number {
    return this.waiting + this.socket.bufferedAmount;
  }

  send(frame: Frame): void {
    if (this.socket.readyState !== OPEN) return;
    if (this.deflates) this.socket.send(frame);
    else this.post(frame, frame.length);
  }

  /** Sends a frame of a broadcast, which is printed once for all links. */
  share(frame: Framed): void {
    if (this.socket.readyState !== OPEN) return;
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
    const { first, rest, answers } = this;
    if (first === undefined) return;
    this.first = undefined;
    if (rest !== undefined) this.rest = undefined;
    this.waiting = 0;
    if (this.socket.readyState !== OPEN) return;
    const bytes = rest === undefined && first instanceof Framed ? first.bytes : printAll(rest === undefined ? [first] : [first, ...rest]);
    if (answers === undefined || answers.gathered === 0) this.raw.write(bytes);
    else this.raw.write(bytes, this.answered(answers));
  }

  /**
   * Answers a ping. A peer that sends pings and does not read the answers gets one for the last of them: RFC 6455, section 5.5.3.
   */
  pinged(data: Buffer): void {
    if (this.socket.readyState !== OPEN) return;
    this.answers ??= { unread: 0, gathered: 0, skipped: undefined };
    const { answers } = this;
    if (answers.unread > MAX_ANSWERS) {
      answers.skipped = Buffer.from(data);
      return;
    }
    const framed = pong(data);
    const { length } = framed.bytes;
    answers.gathered += length + ANSWER;
    answers.unread += length + ANSWER;
    this.post(framed, length);
  }

  /** Counts the answers that are being written, and returns the function that is called when they have been. */
  private answered(answers: Answers): () => void {
    const written = answers.gathered + WRITE;
    answers.gathered = 0;
    answers.unread += WRITE;
    return () => {
      answers.unread -= written;
      const { skipped } = answers;
      answers.skipped = undefined;
      if (skipped !== undefined) this.pinged(skipped);
    };
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
    this.observer.next?.(isBinary ? data : data.toString());
  }

  failed(error: Error): void {
    if (error === DROPPED) return;
    this.failure = error;
  }

  closed(code: number, reason: Buffer): void {
    const { failure, socket } = this;
    // Of a malformed frame the code is the one that was sent: nothing more is read.
    if (failure === undefined || socket.sentCode === undefined) this.emitEnd(endOfWebSocket(code, reason.toString(), failure));
    else this.emitEnd(endOfWebSocket(socket.sentCode, socket.sentCode === 1009 ? socket.tooLong : failure.message, failure));
  }
}

function socketOnMessage(this: LinkedSocket, data: Buffer, isBinary: boolean): void {
  this.link.received(data, isBinary);
}

function socketOnClose(this: LinkedSocket, code: number, reason: Buffer): void {
  this.link.closed(code, reason);
}

function socketOnError(this: LinkedSocket, error: Error): void {
  this.link.failed(error);
}

function socketOnPing(this: LinkedSocket, data: Buffer): void {
  this.link.pinged(data);
}
