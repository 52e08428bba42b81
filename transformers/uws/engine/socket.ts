import { Duplex } from 'node:stream';
import { REFUSED } from '../../../src/core/close-reasons.js';
import { printAddress } from './address.js';
import { AnswerReader, type Head, valueIn } from './answer.js';
import type { EngineResponse, WebSocketListener } from './framework.js';

/** Headers that the engine writes into every answer itself. */
const ENGINES_OWN = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'date']);

/** The parts of an upgrade that the engine wants back. */
export interface UpgradeContext {
  context: object;
  key: string;
  extensions: string;
}

/** The peer's address, as a socket of Node.js has it. */
export interface Peer {
  readonly remoteAddress: string;
  /** Unknown to the engine. */
  readonly remotePort: 0;
  readonly encrypted: boolean;
}

/** Stands for the socket in the request of an open connection; it is all that is kept of it. */
export class ConnectedPeer implements Peer {
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

  // The engine does this by itself, or cannot.

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

/** The port that a request arrived at. */
export interface ExchangeOwner {
  readonly secure: boolean;
  /** The answer is complete, or never will be. */
  exchangeEnded(socket: EngineSocket): void;
}

/**
 * Stands for the socket of one request: for Node's `ServerResponse`, for middleware of upgrades, and for the address of the
 * peer. What is written to it is an HTTP answer, which the engine gets in parts; there is nothing to read.
 */
export class EngineSocket extends Duplex implements Peer {
  readonly remoteAddress: string;
  readonly remotePort = 0;
  readonly encrypted: boolean;
  /** Whether the connection is closed after the answer. */
  closing = false;
  /** The bytes that were written, as a socket of Node.js counts them. */
  bytesWritten = 0;
  /** The answer that is due; `undefined` once it is complete, or the peer has left. */
  private due: EngineResponse | undefined;
  private readonly owner: ExchangeOwner;
  private readonly method: string;
  /** Present where the engine takes the request for a WebSocket handshake. */
  private readonly context: UpgradeContext | undefined;
  private answer: AnswerReader | undefined;
  /** Whether the body of the request is being read. */
  private flowing = true;
  private begun = false;
  private sent = 0;
  /** Called when the peer has caught up; `null` when there is nothing to do any more. */
  private stalled: ((offset: number) => void) | null | undefined;
  /** The close frame of a connection that is rejected with a close code. */
  private closeFrame: Buffer | undefined;

  constructor(due: EngineResponse, owner: ExchangeOwner, method: string, context: UpgradeContext | undefined) {
    super({ autoDestroy: false });
    this.due = due;
    this.owner = owner;
    this.method = method;
    this.context = context;
    this.encrypted = owner.secure;
    this.remoteAddress = printAddress(new Uint8Array(due.getRemoteAddress()));
    due.onAborted(() => {
      this.due = undefined;
      this.destroy();
    });
  }

  /** Whether the engine takes the request for a WebSocket handshake. */
  get upgradable(): boolean {
    return this.due !== undefined && this.context !== undefined;
  }

  /** Stops reading while middleware takes its time over an upgrade: the engine would drop what arrives meanwhile. */
  stopReading(): void {
    if (this.upgradable) this.setFlowing(false);
  }

  /** Whether it is read. */
  get isReading(): boolean {
    return this.flowing;
  }

  /** Upgrades the request to a WebSocket, whose events go to `listener`. */
  upgrade(listener: WebSocketListener, protocol: string): void {
    const { due } = this;
    if (due === undefined || this.context === undefined) return;
    const { context, key, extensions } = this.context;
    this.setFlowing(true);
    this.due = undefined;
    due.cork(() => due.upgrade({ listener }, key, protocol, extensions, context));
    // The exchange is over: emits `close`.
    this.destroy();
  }

  /** Resumes or pauses the body of the request. */
  setFlowing(flowing: boolean): void {
    if (flowing === this.flowing) return;
    this.flowing = flowing;
    if (flowing) this.due?.resume();
    else this.due?.pause();
  }

  // Node calls these on a socket; the engine does this by itself, or cannot.

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
    this.bytesWritten += bytes.length;
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
    const { due, closeFrame, answer } = this;
    if (closeFrame !== undefined) this.upgrade(closeWith(closeFrame), REFUSED);
    else if (due !== undefined) this.complete(due, answer?.head);
    done();
    process.nextTick(() => this.destroy());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { due } = this;
    this.due = undefined;
    due?.close();
    this.owner.exchangeEnded(this);
    done(error);
  }

  /** Writes more of the body. */
  private extend(due: EngineResponse, head: Head, body: Buffer, done: () => void): void {
    const { length } = head;
    const whole = length !== undefined && this.sent === 0 && body.length >= length;
    this.begin(due, head, !whole);
    if (length === undefined) {
      if (due.write(body)) done();
      else this.stall(due, () => done());
    } else if (whole) {
      this.drainRequest();
      due.end(body.subarray(0, length), this.closing);
      done();
    } else {
      this.sent += body.length;
      this.fill(due, body, length, done);
    }
  }

  /** Writes a part of a body of known length, never more than that; what a slow peer leaves is sent when it has caught up. */
  private fill(due: EngineResponse, body: Buffer, length: number, done: () => void): void {
    const from = due.getWriteOffset();
    if (from + body.length >= length) this.setFlowing(true);
    const [taken, complete] = due.tryEnd(body.subarray(0, length - from), length);
    if (complete) this.due = undefined;
    if (taken || complete) done();
    else this.stall(due, (offset) => this.fill(due, body.subarray(offset - from), length, done));
  }

  /** Reads the rest of the request, which is in the way of the next one: the answer is about to be complete. */
  private drainRequest(): void {
    this.setFlowing(true);
    this.due = undefined;
  }

  /** Calls back when the peer has caught up. The engine takes one listener, once, and none while it calls it. */
  private stall(due: EngineResponse, resume: (offset: number) => void): void {
    if (this.stalled === undefined) {
      due.onWritable((offset) => {
        const { stalled } = this;
        this.stalled = null;
        if (this.due !== undefined) stalled?.(offset);
        return this.stalled === null;
      });
    }
    this.stalled = resume;
  }

  private complete(due: EngineResponse, head: Head | undefined): void {
    this.drainRequest();
    if (head === undefined || (head.length !== undefined && head.length > 0 && !bodiless(this.method, head))) {
      // There is no answer, or half of one.
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
    // The engine closes, and says so, only for an answer that is written whole; else the client has to close.
    if (byHand && this.closing) due.writeHeader('Connection', 'close');
    // The engine expects a body where it knows a length.
    if (head.length !== undefined && bodiless(this.method, head)) due.writeHeader('Content-Length', String(head.length));
  }

  /** Handles an answer of 101 that was written by hand: a close frame follows it, or another library, which cannot take over. */
  private takeOver(due: EngineResponse, { fields }: Head, bytes: Buffer): void {
    if (valueIn(fields, 'sec-websocket-protocol') === REFUSED) {
      this.closeFrame = Buffer.concat([this.closeFrame ?? NOTHING, bytes]);
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

/** Returns the value of a header in its own bytes: the engine would write UTF-8. */
function printable(value: string): string | Uint8Array {
  return /^[\x20-\x7e\t]*$/.test(value) ? value : Buffer.from(value, 'latin1');
}

/** Creates a listener that closes a WebSocket as soon as it opens, with the code of a close frame: RFC 6455, section 5.5.1. */
function closeWith(frame: Buffer): WebSocketListener {
  const ignore = (): void => {};
  return {
    opened: (socket) => socket.end(frame.readUInt16BE(2), frame.toString('utf8', 4)),
    received: ignore,
    answered: ignore,
    drained: ignore,
    closed: ignore,
  };
}
