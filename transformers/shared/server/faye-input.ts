import { isUtf8 } from 'node:buffer';
import type { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import type { Duplex, Writable } from 'node:stream';
import type { SchedulerLike } from 'rxjs';
import { exceedsTurn } from '../../../src/server/turn.js';
import { destroyLate } from '../destroy-late.js';
import { Blocks, LONG, takeText } from './blocks.js';
import { DeflateSession } from './deflate.js';
import { free } from './free.js';
import { type ReceivingLink, reportIncomplete } from './incomplete.js';

/** The internals of a faye-websocket that are used: nothing public reads without its pipe, or knows of a fragmented message. */
export interface FayeInternals {
  readonly _driver: FayeDriver;
  /** The socket, once the framework has begun to read and write it: how it is ended. */
  _stream: Stream;
}

interface Stream {
  readonly readable: boolean;
  end(): void;
  destroy(): void;
  removeListener(event: string, listener: () => void): void;
}

interface FayeDriver {
  readonly io: EventEmitter & Writable;
  /** The message whose fragments are being collected. */
  readonly _message?: FayeMessage;
  /** The frame that is being collected. */
  readonly _frame?: FayeFrame;
  /** Collects the chunks of an unfinished frame. */
  readonly _reader: { readonly _queue: Buffer[]; _queueSize: number };
  readonly _extensions: { readonly _sessions: readonly (readonly [extension: unknown, session: unknown])[] };
  ERRORS: Readonly<Record<string, number>>;
  ERROR_CODES: readonly number[];
  /** Whether a string that was no UTF-8 has arrived: ours. */
  _isInvalid?: boolean;
  /** Reads for this driver: ours. */
  _input?: FayeInput;
  /** The stage of the parser: `PAYLOAD`, `IGNORING` and others. */
  _stage: number;
  _maxLength: number;
  on(event: 'pong', listener: () => void): void;
  _encode(bytes: Buffer | Blocks): string | Blocks | null;
  _emitFrame(payload: Buffer): void;
  _emitMessage(message: FayeMessage): void;
  _sendFrame(frame: SentFrame): void;
  _shutdown(code: number, reason: string, error?: boolean): void;
  close(reason: string, code: number): boolean;
}

interface FayeMessage {
  readonly length: number;
  readonly opcode: number;
  readonly rsv1: boolean;
  readonly _chunks: Buffer[];
  data?: Buffer | Blocks;
  /** Joins the chunks to the data. */
  read(): void;
}

interface FayeFrame {
  readonly opcode: number;
  readonly length: number;
  final: boolean;
  maskingKey: Buffer;
}

interface SentFrame {
  readonly opcode: number;
  readonly rsv1: boolean;
  readonly payload: Buffer;
}

/** The link of an input. */
export interface FayeInputLink extends ReceivingLink {
  /** Whether the link takes long strings as bytes, which are UTF-8. */
  readonly takesBlocks?: boolean;
  /** Writes what was sent in this tick. */
  flush(): void;
  /** Takes the code and reason with which the connection is being closed, as the peer broke a rule. */
  exceeded(code: number, reason: string): void;
}

/** The codes that may be sent in a close frame: RFC 6455, section 7.4. */
const SENDABLE = /^(?:100[0-37-9]|101[0-4]|[34]\d{3})$/;

/** The reasons for which a socket is not read. */
const PAUSED = 1;
const UNSENT = 2;
const INFLATING = 4;
const BUSY = 8;

/** The opcode of a message that is a string, and that of the last kind of frame that has a message. */
const TEXT = 1;
const LAST_OPCODE = 2;

/** The stages of the driver's parser in which it waits for the payload of a frame, and in which it ignores all bytes. */
const PAYLOAD = 4;
const IGNORING = 5;

const NONE = Buffer.alloc(0);

/** A message may have this many fragments whatever is in them; beyond that they must average `MIN_AVERAGE` bytes. */
const FREE = 4_096;
const MIN_AVERAGE = 16;

/** The number of parts, and of bytes received, after which parts are joined: a part keeps the whole chunk that it came in. */
const JOINED_PARTS = 256;
const JOINED_BYTES = 262_144;

/** The bytes that are read before the clock is. */
const SLICE = 8_192;

/** The size of a small part of an unfinished frame, in bytes. */
const SMALL = 4_096;

/**
 * The error codes of RFC 6455 where the driver has others: 1002 for a frame that is not masked (section 5.1), and the ones that were
 * registered later for the close frame of a peer.
 */
let errors: Readonly<Record<string, number>> | undefined;
let errorCodes: readonly number[] | undefined;

/**
 * Reads the socket of a faye-websocket in place of the framework's own pipe, which goes on reading whenever its writes have drained. Nothing is
 * read while the link is paused or busy, while what was written has not left, and while messages wait to be inflated. Adds rules that the driver
 * lacks: on fragments without end, on frames that are not masked, and on UTF-8 in messages of any length.
 */
export class FayeInput implements Stream {
  /** Whether the framework waits for the socket to close before it reports the end. */
  readonly readable = false;
  readonly #driver: FayeDriver;
  readonly #socket: Duplex;
  readonly #scheduler: SchedulerLike;
  readonly #session: DeflateSession | undefined;
  readonly #link: FayeInputLink;
  #reasons = 0;
  #isOver = false;
  /** The rest of a segment, which waits for the next turn, or until the socket is read again. */
  #rest: Buffer | undefined;
  /** The bytes that have arrived since parts were joined. */
  #received = 0;
  /** The message that is being collected, how many of its first parts are joined ones, and the number of fragments in those. */
  #message: FayeMessage | undefined;
  #joined = 0;
  #fragments = 0;
  /** The beginning of a long message. */
  #blocks: Blocks | undefined;
  /** A long message that the link delivers. */
  #passed: Blocks | undefined;
  /** The end of the protocol, which waits for messages before it. */
  #shutdown: (() => void) | undefined;
  /** The bytes that are missing in a frame that is collected in blocks. */
  #missing = 0;

  constructor(websocket: FayeInternals, socket: Duplex, scheduler: SchedulerLike, link: FayeInputLink) {
    const { _driver: driver } = websocket;
    this.#driver = driver;
    this.#socket = socket;
    this.#scheduler = scheduler;
    this.#link = link;
    correct(driver);
    driver._input = this;
    this.#session = sessionOf(driver);
    if (this.#session !== undefined) {
      this.#session.onBacklog = (isWaiting) => this.#set(INFLATING, isWaiting);
      this.#session.onInflated = () => this.#report();
      this.#session.onIdle = () => this.#proceed();
      socket.once('close', () => this.#session?.abort());
    }
    websocket._stream = this;
    socket.unpipe(driver.io);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    driver.io.on('drain', () => this.#set(UNSENT, false));
    socket.resume();
  }

  /** The bytes of messages that are being compressed, and are not with the socket yet. */
  get compressing(): number {
    return this.#session?.compressing ?? 0;
  }

  /** Reads bytes that have arrived, such as those that came along with the handshake. */
  read(chunk: Buffer): void {
    if (this.#rest !== undefined) {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      return;
    }
    for (let at = 0; at < chunk.length && !this.#isOver; ) {
      if (at > 0 && (this.#reasons !== 0 || exceedsTurn(SLICE))) return this.#keep(chunk.subarray(at));
      const part = chunk.subarray(at, at + (this.#missing || SLICE));
      if (this.#missing > 0) this.#fill(part);
      else if (!this.#driver.io.write(part)) this.#set(UNSENT, true);
      at += part.length;
      this.#collect(part.length);
    }
  }

  /** Reads a chunk of the socket. One that was copied is freed, unless others know of it. */
  #receive(chunk: Buffer): void {
    const mayFree = chunk.length <= this.#missing && this.#socket instanceof Socket && this.#socket.listenerCount('data') === 1;
    this.read(chunk);
    if (mayFree) free(chunk);
  }

  /** Keeps the rest of a segment: it may have thousands of frames, and the framework takes long for each. */
  #keep(rest: Buffer): void {
    this.#rest = rest;
    if (this.#reasons !== 0) return;
    this.#socket.pause();
    setImmediate(() => this.#readRest());
  }

  #readRest(): void {
    if (this.#reasons !== 0 || this.#rest === undefined) return;
    const rest = this.#rest;
    this.#rest = undefined;
    this.read(rest);
    if (this.#rest === undefined && this.#reasons === 0 && !this.#isOver) this.#socket.resume();
  }

  pause(): void {
    this.#set(PAUSED, true);
    if (this.#session !== undefined) this.#session.paused = true;
  }

  resume(): void {
    this.#set(PAUSED, false);
    if (this.#session !== undefined) this.#session.paused = false;
  }

  /**
   * Ends the socket behind what was written. The framework would destroy it, and with it what waits to be written; what is not read yet would
   * even make the system drop a close frame that has left.
   */
  end(): void {
    this.#isOver = true;
    const { destroyed, writableEnded } = this.#socket;
    if (destroyed || writableEnded) return;
    this.#socket.end();
    this.#socket.resume();
    destroyLate(this.#socket, this.#scheduler);
  }

  destroy(): void {
    this.end();
  }

  /**
   * Proceeds with the end of the protocol, after a close frame of the peer or an error. What has arrived before comes first, and can still be
   * answered. A reason that is no UTF-8 is answered with 1007 (RFC 6455, section 8.1), where the driver has 1002.
   */
  shutdown(code: number, reason: string, error?: boolean): void {
    const driver = this.#driver;
    const proceed = () => {
      this.#link.flush();
      prototypeOf(driver)._shutdown.call(driver, driver._isInvalid ? 1007 : code, reason, error);
    };
    if (!this.#hasUndelivered) {
      this.#shutdown = undefined;
      proceed();
      return;
    }
    driver._stage = IGNORING;
    this.#shutdown = proceed;
  }

  /** Whether messages that have arrived are not delivered yet. */
  get #hasUndelivered(): boolean {
    return (this.#reasons & (PAUSED | BUSY)) !== 0 || this.#session?.isInflating === true;
  }

  #proceed(): void {
    const shutdown = this.#shutdown;
    if (shutdown === undefined || this.#hasUndelivered) return;
    this.#shutdown = undefined;
    shutdown();
  }

  removeListener(event: string, listener: () => void): void {
    this.#socket.removeListener(event, listener);
  }

  /** Sends a close frame. The framework's own `close`, which has to follow, throws at the codes that an application must not choose. */
  close(code: number, reason: string): void {
    this.#driver.close(reason, SENDABLE.test(String(code)) ? code : 1000);
  }

  /** Limits the length of messages, in bytes. */
  set maxLength(bytes: number) {
    this.#driver._maxLength = bytes;
  }

  /** Delays what follows until the messages of one frame are delivered. */
  set busy(busy: boolean) {
    this.#set(BUSY, busy);
    if (busy || this.#passed === undefined) return;
    this.#passed = undefined;
    this.#report();
  }

  #set(reason: number, on: boolean): void {
    const before = this.#reasons;
    this.#reasons = on ? before | reason : before & ~reason;
    // In the end it is read to its end, and nothing is done with it.
    if (this.#isOver) return;
    this.#proceed();
    if (before === 0 && this.#reasons !== 0) this.#socket.pause();
    else if (before !== 0 && this.#reasons === 0) {
      if (this.#rest === undefined) this.#socket.resume();
      else setImmediate(() => this.#readRest());
    }
  }

  /** Decodes a long string. Returns `null` when it is no UTF-8. */
  decode(bytes: Blocks): string | Blocks | null {
    if (!this.#link.takesBlocks) return bytes.toText();
    if (!bytes.isUtf8()) return null;
    this.#passed = bytes;
    return bytes;
  }

  /** Takes a long frame over from the driver, which would keep its chunks until it is complete, and then the whole beside them. */
  #takeOver(frame: FayeFrame): void {
    const { _message: message, _reader: reader } = this.#driver;
    if (frame.opcode > LAST_OPCODE || frame.length <= LONG) return;
    if (message === undefined) this.#blocks = new Blocks();
    else this.#join(message);
    const chunks = reader._queue.splice(0);
    reader._queueSize = 0;
    this.#missing = frame.length;
    for (const chunk of chunks) this.#append(frame, chunk);
  }

  #append({ length, maskingKey }: FayeFrame, bytes: Buffer): void {
    this.#blocks?.append(bytes, maskingKey, length - this.#missing);
    this.#missing -= bytes.length;
  }

  /** Takes bytes of a frame that was taken over. */
  #fill(bytes: Buffer): void {
    const { _frame: frame } = this.#driver;
    // The driver forgets its frame when the connection is being closed.
    if (frame === undefined) this.#missing = 0;
    else {
      this.#append(frame, bytes);
      if (this.#missing === 0) this.#complete(frame);
    }
  }

  /** Hands a frame that was taken over to the driver, without its bytes. */
  #complete(frame: FayeFrame): void {
    const driver = this.#driver;
    const { final } = frame;
    frame.final = false;
    frame.maskingKey = NONE;
    driver._stage = 0;
    driver._emitFrame(NONE);
    const { _message: message } = driver;
    if (message === undefined) return;
    this.#join(message);
    if (final) driver._emitMessage(message);
  }

  /** Moves the parts of an unfinished message into blocks. */
  #join(message: FayeMessage): void {
    const { _chunks: chunks } = message;
    const blocks = this.#blocks ?? new Blocks();
    this.#blocks = blocks;
    this.#fragments += chunks.length - this.#joined;
    this.#joined = 0;
    for (const chunk of chunks.splice(0)) blocks.append(chunk);
    message.read = () => {
      for (const chunk of chunks.splice(0)) blocks.append(chunk);
      this.#blocks = undefined;
      message.data = this.#mayPass(message) ? blocks : blocks.toBuffer();
    };
  }

  /** Whether a message stays in blocks: everything that takes it from the driver knows them. */
  #mayPass({ opcode, rsv1 }: FayeMessage): boolean {
    return (rsv1 || opcode === TEXT) && this.#driver._extensions._sessions.every(([, session]) => session instanceof DeflateSession);
  }

  /** Joins what unfinished messages and frames consist of, and closes a connection that sends fragments without end and without content. */
  #collect(received: number): void {
    const { _message: message, _reader: reader, _stage: stage, _frame: frame } = this.#driver;
    if (message !== this.#message) {
      this.#message = message;
      this.#joined = this.#fragments = this.#received = 0;
    }
    if (stage === PAYLOAD && reader._queueSize >= SLICE) this.#takeOver(frame as FayeFrame);
    if (reader._queue.length > JOINED_PARTS) joinSmall(reader._queue);
    this.#report();
    if (this.#isOver || message === undefined) return;
    const chunks = message._chunks;
    this.#received += received;
    const parts = chunks.length - this.#joined;
    const fragments = this.#fragments + parts;
    if (fragments > FREE && message.length < fragments * MIN_AVERAGE) {
      this.#exceeded();
    } else if (parts > JOINED_PARTS || this.#received > JOINED_BYTES) {
      this.#received = 0;
      if (parts < 1) return;
      if (message.length > LONG) this.#join(message);
      else {
        chunks.push(Buffer.concat(chunks.splice(this.#joined)));
        this.#joined++;
        this.#fragments = fragments;
      }
    }
  }

  #report(): void {
    const { _message: message, _reader: reader, _frame: frame } = this.#driver;
    const taken = this.#missing > 0 && frame !== undefined ? frame.length - this.#missing : 0;
    const unread = taken + reader._queueSize + (this.#passed?.length ?? 0);
    reportIncomplete(this.#link, (message?.length ?? 0) + unread + (this.#session?.inflating ?? 0));
  }

  #exceeded(): void {
    this.#driver.close('Too many fragments', 1008);
    this.#link.exceeded(1008, 'Too many fragments');
    this.end();
  }
}

/** Corrects what a driver does with its input. */
function correct(driver: FayeDriver): void {
  errors ??= { ...driver.ERRORS, unacceptable: 1002 };
  errorCodes ??= [...driver.ERROR_CODES, 1012, 1013, 1014];
  driver.ERRORS = errors;
  driver.ERROR_CODES = errorCodes;
  driver._encode = decode;
  driver._emitMessage = emitMessage;
  driver._sendFrame = sendFrame;
  driver._shutdown = shutdown;
  driver.on('pong', forgetInvalid);
}

/**
 * Decodes UTF-8, and returns `null` for what is none. The driver's own way takes 64 MB for a long message, and accepts any. Bytes of a message are
 * freed: nothing else has them.
 */
function decode(this: FayeDriver, bytes: Buffer | Blocks): string | Blocks | null {
  const decoded = bytes instanceof Blocks ? (this._input as FayeInput).decode(bytes) : isUtf8(bytes) ? takeText(bytes) : null;
  if (decoded === null) this._isInvalid = true;
  return decoded;
}

/** The driver decodes pongs, and ignores whether they are UTF-8. */
function forgetInvalid(this: FayeDriver): void {
  this._isInvalid = false;
}

/** Emits a message. The driver would copy also one that is in one piece, and a piece of its own. */
function emitMessage(this: FayeDriver, message: FayeMessage): void {
  const [chunk, another] = message._chunks;
  if (chunk !== undefined && another === undefined && chunk.byteLength === chunk.buffer.byteLength) message.data = chunk;
  prototypeOf(this)._emitMessage.call(this, message);
}

/** Sends a frame. The driver copies its message, and has made the bytes of one that is a string. */
function sendFrame(this: FayeDriver, frame: SentFrame): void {
  prototypeOf(this)._sendFrame.call(this, frame);
  if (frame.opcode === TEXT && !frame.rsv1) free(frame.payload);
}

function prototypeOf(driver: FayeDriver): FayeDriver {
  return Object.getPrototypeOf(driver);
}

function shutdown(this: FayeDriver, code: number, reason: string, error?: boolean): void {
  this._input?.shutdown(code, reason, error);
}

function sessionOf({ _extensions: { _sessions: sessions } }: FayeDriver): DeflateSession | undefined {
  for (const [, session] of sessions) if (session instanceof DeflateSession) return session;
  return undefined;
}

/** Joins the last parts of an unfinished frame, as long as they are small. */
function joinSmall(queue: Buffer[]): void {
  let start = queue.length;
  while (start > 0 && (queue[start - 1] as Buffer).length < SMALL) start--;
  if (queue.length - start > 1) queue.push(Buffer.concat(queue.splice(start)));
}
