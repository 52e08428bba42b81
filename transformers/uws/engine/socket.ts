import { Duplex } from 'node:stream';
import { REFUSED } from '../../../src/core/close-reasons.js';
import { printAddress } from './address.js';
import { AnswerReader, type Head, valueIn } from './answer.js';
import type { Endpoint, EngineResponse } from './framework.js';

/** What the engine writes into every answer itself. */
const ENGINES_OWN = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'date']);

export interface Handshake {
  context: object;
  key: string;
  extensions: string;
}

/** The other end, as a socket tells it. */
export interface Peer {
  readonly remoteAddress: string;
  /** The engine does not tell. */
  readonly remotePort: 0;
  readonly encrypted: boolean;
}

/** What is kept of a socket with the request of a connection, which may last. */
export class PeerOf implements Peer {
  readonly remoteAddress: string;
  readonly remotePort = 0;
  readonly encrypted: boolean;
  private readonly link: { destroy(): void };

  constructor({ remoteAddress, encrypted }: Peer, link: { destroy(): void }) {
    this.remoteAddress = remoteAddress;
    this.encrypted = encrypted;
    this.link = link;
  }

  destroy(): this {
    this.link.destroy();
    return this;
  }

  // The engine sees to it, or cannot.

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }
}

/** Whose request it is. */
export interface Owner {
  readonly secure: boolean;
  /** The answer is complete, or will never be. */
  over(socket: EngineSocket): void;
}

/**
 * What stands for the socket of one request: to Node's `ServerResponse`, to middleware of upgrades, and to whoever asks
 * where a request comes from. What is written to it is an HTTP answer, which the engine gets in parts; it has nothing to read.
 */
export class EngineSocket extends Duplex implements Peer {
  readonly remoteAddress: string;
  readonly remotePort = 0;
  readonly encrypted: boolean;
  /** The connection is to be closed behind the answer. */
  closing = false;
  /** The answer that is due; nothing once it is complete, or the peer gone. */
  private due: EngineResponse | undefined;
  private readonly owner: Owner;
  private readonly method: string;
  /** What the engine upgrades with, where it takes the request for the beginning of a WebSocket. */
  private readonly handshake: Handshake | undefined;
  private answer: AnswerReader | undefined;
  /** Whether the body of the request is read. */
  private flowing = true;
  private begun = false;
  private sent = 0;
  /** What is to be done when the peer has caught up; `null` when nothing is any more. */
  private stalled: ((offset: number) => void) | null | undefined;
  private farewell: Buffer | undefined;

  constructor(due: EngineResponse, owner: Owner, method: string, handshake: Handshake | undefined) {
    super({ autoDestroy: false });
    this.due = due;
    this.owner = owner;
    this.method = method;
    this.handshake = handshake;
    this.encrypted = owner.secure;
    this.remoteAddress = printAddress(new Uint8Array(due.getRemoteAddress()));
    due.onAborted(() => {
      this.due = undefined;
      this.destroy();
    });
  }

  /** Whether the engine takes the request for the beginning of a WebSocket. */
  get upgradable(): boolean {
    return this.due !== undefined && this.handshake !== undefined;
  }

  /** Makes a WebSocket of the request, which is told to `endpoint`. */
  upgrade(endpoint: Endpoint, protocol: string): void {
    const { due, handshake } = this;
    if (due === undefined || handshake === undefined) return;
    const { context, key, extensions } = handshake;
    this.due = undefined;
    due.cork(() => due.upgrade({ endpoint }, key, protocol, extensions, context));
    this.owner.over(this);
  }

  /** The body of the request comes on, where it had been stopped. */
  setFlowing(flowing: boolean): void {
    if (flowing === this.flowing) return;
    this.flowing = flowing;
    if (flowing) this.due?.resume();
    else this.due?.pause();
  }

  // What Node asks of a socket, and the engine sees to, or has not.

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const { due } = this;
    this.answer ??= new AnswerReader();
    const { answer } = this;
    const body = answer.read(bytes);
    const { head } = answer;
    if (due === undefined || head === undefined) done();
    else if (head.status === 101) {
      this.takeOver(due, head, body);
      done();
    } else if (bodiless(this.method, head) || body.length === 0) done();
    else due.cork(() => this.extend(due, head, body, done));
  }

  override _final(done: () => void): void {
    const { due, farewell, answer } = this;
    if (farewell !== undefined) this.upgrade(closing(farewell), REFUSED);
    else if (due !== undefined) this.complete(due, answer?.head);
    done();
    process.nextTick(() => this.destroy());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { due } = this;
    this.due = undefined;
    due?.close();
    this.owner.over(this);
    done(error);
  }

  /** More of the body. */
  private extend(due: EngineResponse, head: Head, body: Buffer, done: () => void): void {
    const { length } = head;
    const whole = length !== undefined && this.sent === 0 && body.length >= length;
    this.begin(due, head, !whole);
    if (length === undefined) {
      if (due.write(body)) done();
      else this.stall(due, () => done());
    } else if (whole) {
      this.settle();
      due.end(body.subarray(0, length), this.closing);
      done();
    } else {
      this.sent += body.length;
      this.fill(due, body, length, done);
    }
  }

  /** Part of a body whose length is known, and not more; what the peer is too slow for is sent when it has caught up. */
  private fill(due: EngineResponse, body: Buffer, length: number, done: () => void): void {
    const from = due.getWriteOffset();
    if (from + body.length >= length) this.setFlowing(true);
    const [taken, complete] = due.tryEnd(body.subarray(0, length - from), length);
    if (complete) this.due = undefined;
    if (taken || complete) done();
    else this.stall(due, (offset) => this.fill(due, body.subarray(offset - from), length, done));
  }

  /** The answer is about to be complete. What is left of the request is in the way of the next. */
  private settle(): void {
    this.setFlowing(true);
    this.due = undefined;
  }

  /** Goes on when the peer has caught up. The engine takes one listener, once: not while it calls it. */
  private stall(due: EngineResponse, goOn: (offset: number) => void): void {
    if (this.stalled === undefined) {
      due.onWritable((offset) => {
        const { stalled } = this;
        this.stalled = null;
        if (this.due !== undefined) stalled?.(offset);
        return this.stalled === null;
      });
    }
    this.stalled = goOn;
  }

  private complete(due: EngineResponse, head: Head | undefined): void {
    this.settle();
    if (head === undefined || (head.length !== undefined && head.length > 0 && !bodiless(this.method, head))) {
      // Nothing of an answer, or half of one.
      due.close();
      return;
    }
    due.cork(() => {
      const none = bodiless(this.method, head);
      const closing = this.closing && !this.begun && !none;
      this.begin(due, head, none);
      if (none) due.endWithoutBody();
      else due.end('', closing);
    });
  }

  private begin(due: EngineResponse, head: Head, byHand: boolean): void {
    if (this.begun) return;
    this.begun = true;
    this.closing ||= /\bclose\b/i.test(valueIn(head.fields, 'connection') ?? '');
    due.writeStatus(printable(`${head.status} ${head.phrase}`));
    for (const [name, value] of head.fields) if (!ENGINES_OWN.has(name.toLowerCase())) due.writeHeader(name, printable(value));
    // The engine says so, and does it, only with the whole of an answer at once; else the client is the one to close.
    if (byHand && this.closing) due.writeHeader('Connection', 'close');
    // The engine reckons with a body when it is told a length.
    if (head.length !== undefined && bodiless(this.method, head)) due.writeHeader('Content-Length', String(head.length));
  }

  /** Somebody answers an upgrade with 101 by hand: to say farewell with a close frame, or, which cannot be, to go on. */
  private takeOver(due: EngineResponse, { fields }: Head, bytes: Buffer): void {
    if (valueIn(fields, 'sec-websocket-protocol') === REFUSED) {
      this.farewell = Buffer.concat([this.farewell ?? NOTHING, bytes]);
      return;
    }
    this.due = undefined;
    due.cork(() => {
      due.writeStatus('501 Not Implemented');
      due.end('', true);
    });
    this.destroy();
  }
}

const NOTHING = Buffer.alloc(0);

/** Whether the answer to a request has no body, whatever it says of its length. */
function bodiless(method: string, { status }: Head): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}

/** A field's value in the bytes it came as: the engine would write UTF-8. */
function printable(value: string): string | Uint8Array {
  return /^[\x20-\x7e\t]*$/.test(value) ? value : Buffer.from(value, 'latin1');
}

/** Who closes a WebSocket as soon as it is open, as a close frame says: RFC 6455, section 5.5.1. */
function closing(frame: Buffer): Endpoint {
  const ignore = (): void => {};
  return {
    opened: (socket) => socket.end(frame.readUInt16BE(2), frame.toString('utf8', 4)),
    received: ignore,
    drained: ignore,
    closed: ignore,
  };
}
