import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Frame } from '../../../src/core/link.js';
import { endOfWebSocket, LinkBase } from '../../shared/link-base.js';
import { flushAtEndOfTick } from '../../shared/server/flush.js';
import { freeOwn } from '../../shared/server/free.js';
import type { ReceivingLink } from '../../shared/server/incomplete.js';
import { DROPPED, type SharedDeflate } from '../../shared/ws/deflate.js';
import { joinEnd } from '../../shared/ws/fragments.js';
import { MAX_GATHERED } from '../../shared/ws/gathered-frames.js';
import { writeTogether } from '../../shared/ws/parts.js';
import type { ServerWebSocket } from '../../shared/ws/socket.js';
import { compressed, Framed, MAX_STRING, pong, printAll, printString } from './frames.js';

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
 * the framework's sender, which would write each by itself. Those of connections with compression are made by the sender.
 */
export class WebSocketLink extends LinkBase implements ReceivingLink {
  incomplete = 0;
  readonly socket: ServerWebSocket;
  private readonly raw: Duplex;
  /** The first frame of this tick; most ticks have one frame for a link, which needs no list. */
  private first: Frame | Framed | undefined;
  declare private rest?: (Frame | Framed)[] | undefined;
  private readonly deflate: SharedDeflate | undefined;
  private waiting = 0;
  /** Compressed frames that wait until the socket has sent what was written: a write for each would take more memory than they do. */
  declare private queued?: Buffer[] | undefined;
  declare private failure?: Error | undefined;
  declare private answers?: Answers | undefined;

  constructor(socket: ServerWebSocket, raw: Duplex, answersPings: boolean) {
    super();
    this.socket = socket;
    this.raw = raw;
    this.deflate = socket.deflate;
    socket._receiver.link = this;
    socket.link = this;
    socket.on('message', socketOnMessage as (this: WebSocket, data: unknown, isBinary: boolean) => void);
    socket.on('close', socketOnClose as (this: WebSocket, code: number, reason: Buffer) => void);
    socket.on('error', socketOnError as (this: WebSocket, error: Error) => void);
    if (this.deflate !== undefined) gatherFrames(socket, this);
    if (answersPings) socket.on('ping', socketOnPing as (this: WebSocket, data: Buffer) => void);
  }

  get bufferedAmount(): number {
    return this.waiting + this.socket.bufferedAmount;
  }

  send(frame: Frame): void {
    if (this.socket.readyState !== OPEN) return;
    if (this.deflate === undefined) this.post(frame, frame.length);
    else this.compress(this.deflate, frame, frame);
  }

  /** Sends a frame of a broadcast, which is printed once for all links. */
  share(frame: Framed): void {
    if (this.socket.readyState !== OPEN) return;
    if (this.deflate === undefined) this.post(frame, frame.bytes.length);
    else this.compress(this.deflate, frame, frame.frame);
  }

  /** Sends a frame with its data compressed: at once, unless that takes a while, or others before it do. */
  private compress(deflate: SharedDeflate, frame: Frame | Framed, data: Frame): void {
    if (this.socket._sender._bufferedBytes > 0 || deflate.isSlow(data)) {
      if (frame instanceof Framed) this.socket.send(frame.payload, { binary: typeof data !== 'string' });
      else this.socket.send(data);
      return;
    }
    const deflated = deflate.compressNow(data);
    if (deflated === undefined) this.post(frame, data.length);
    else {
      const framed = frame instanceof Framed ? frame.compress(deflated) : compressed(data, deflated);
      this.post(framed, framed.bytes.length);
    }
  }

  private post(frame: Frame | Framed, length: number): void {
    this.waiting += length;
    if (this.first !== undefined) {
      this.rest ??= [];
      this.rest.push(frame);
      if (this.waiting > MAX_GATHERED) this.flush();
      return;
    }
    this.first = frame;
    flushAtEndOfTick(this);
  }

  /** Takes a frame in parts from the framework's sender. Returns `false` when it should write it, and when this is the last one. */
  gather(parts: readonly (Buffer | string)[]): boolean {
    if (this.socket.readyState !== OPEN) return false;
    const bytes = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
    parts.forEach(freeOwn);
    this.post(new Framed(bytes, bytes), bytes.length);
    return true;
  }

  flush(): void {
    const { first, rest, queued } = this;
    if (first === undefined) return;
    this.first = undefined;
    if (rest !== undefined) this.rest = undefined;
    if (this.socket.readyState !== OPEN) {
      this.waiting = 0;
      return;
    }
    if (queued === undefined && this.writeString(first, rest)) return;
    const parts = rest === undefined && first instanceof Framed ? [first.bytes] : printAll(rest === undefined ? [first] : [first, ...rest]);
    if (queued !== undefined) {
      queued.push(...parts);
      joinEnd(queued);
    } else if (this.deflate !== undefined && this.raw.writableNeedDrain) {
      this.queued = parts;
      this.raw.once('drain', () => this.writeAll());
    } else this.write(parts);
  }

  /** Writes everything that waits. */
  writeAll(): void {
    this.flush();
    const { queued } = this;
    if (queued === undefined) return;
    this.queued = undefined;
    this.write(queued);
  }

  /** Writes frames as one string, which is faster than a buffer. Returns `false` when they cannot be, or when they would wait: strings would move to the old heap. */
  private writeString(first: Frame | Framed, rest: readonly (Frame | Framed)[] | undefined): boolean {
    const text = this.waiting <= MAX_STRING && this.raw.writableLength === 0 ? printString(first, rest) : undefined;
    if (text === undefined) return false;
    this.waiting = 0;
    this.raw.write(text, 'latin1');
    return true;
  }

  private write(parts: readonly Buffer[]): void {
    this.waiting = 0;
    const { raw, answers } = this;
    writeTogether(raw, parts, answers === undefined || answers.gathered === 0 ? undefined : this.answered(answers));
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
    this.writeAll();
    this.socket.close(code, reason);
  }

  destroy(): void {
    this.socket.terminate();
  }

  reportIncomplete(bytes: number): void {
    this.observer.incomplete?.(bytes);
  }

  received(data: Buffer, isBinary: boolean): void {
    this.observer.next?.(isBinary ? data : this.socket.decode(data));
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

/** Has the frames of a socket's sender written by its link, unless the caller has to know when, or the socket is being closed. */
function gatherFrames({ _sender: sender }: ServerWebSocket, link: WebSocketLink): void {
  const { sendFrame } = sender;
  sender.sendFrame = (parts, sent) => {
    if (sent === undefined && link.gather(parts)) return;
    link.writeAll();
    sendFrame.call(sender, parts, sent);
  };
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
