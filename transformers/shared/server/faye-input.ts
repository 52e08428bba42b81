import { isUtf8 } from 'node:buffer';
import type { EventEmitter } from 'node:events';
import type { Duplex, Writable } from 'node:stream';
import { DeflateSession } from './deflate.js';

/** The internals of a faye-websocket that are used: nothing public reads without its pipe, or knows of a fragmented message. */
export interface FayeInternals {
  readonly _driver: FayeDriver;
}

interface FayeDriver {
  readonly io: EventEmitter & Writable;
  /** The message whose fragments are being collected. */
  readonly _message?: { readonly length: number; readonly _chunks: Buffer[] };
  /** Collects the chunks of an unfinished frame. */
  readonly _reader: { readonly _queue: Buffer[] };
  readonly _extensions: { readonly _sessions: readonly (readonly [extension: unknown, session: unknown])[] };
  ERRORS: Readonly<Record<string, number>>;
  ERROR_CODES: readonly number[];
  _encode(bytes: Buffer): string | null;
  close(reason: string, code: number): boolean;
}

/** The reasons for which a socket is not read. */
const PAUSED = 1;
const UNSENT = 2;
const INFLATING = 4;
const BUSY = 8;

/** A message may have this many fragments whatever is in them; beyond that they must average `MIN_AVERAGE` bytes. */
const FREE = 4_096;
const MIN_AVERAGE = 16;

/** The number of parts, and of bytes received, after which parts are joined: a part keeps the whole chunk that it came in. */
const JOINED_PARTS = 256;
const JOINED_BYTES = 262_144;

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
export class FayeInput {
  readonly #driver: FayeDriver;
  readonly #socket: Duplex;
  readonly #session: DeflateSession | undefined;
  readonly #onExceeded: (code: number, reason: string) => void;
  #reasons = 0;
  #isOver = false;
  /** The bytes that have arrived since parts were joined. */
  #received = 0;
  /** The message that is being collected, how many of its first parts are joined ones, and the number of fragments in those. */
  #message: FayeDriver['_message'];
  #joined = 0;
  #fragments = 0;

  constructor({ _driver: driver }: FayeInternals, socket: Duplex, onExceeded: (code: number, reason: string) => void) {
    this.#driver = driver;
    this.#socket = socket;
    this.#onExceeded = onExceeded;
    correct(driver);
    this.#session = sessionOf(driver);
    if (this.#session !== undefined) {
      this.#session.onBacklog = (isWaiting) => this.#hold(INFLATING, isWaiting);
      socket.once('close', () => this.#session?.abort());
    }
    socket.unpipe(driver.io);
    socket.on('data', (chunk: Buffer) => this.read(chunk));
    driver.io.on('drain', () => this.#hold(UNSENT, false));
    socket.resume();
  }

  /** The bytes of messages that are being compressed, and are not with the socket yet. */
  get compressing(): number {
    return this.#session?.compressing ?? 0;
  }

  /** Reads bytes that have arrived, such as those that came along with the handshake. */
  read(chunk: Buffer): void {
    if (this.#isOver) return;
    if (!this.#driver.io.write(chunk)) this.#hold(UNSENT, true);
    this.#collect(chunk.length);
  }

  pause(): void {
    this.#hold(PAUSED, true);
    if (this.#session !== undefined) this.#session.paused = true;
  }

  resume(): void {
    this.#hold(PAUSED, false);
    if (this.#session !== undefined) this.#session.paused = false;
  }

  /** Delays what follows until the messages of one frame are delivered. */
  set busy(busy: boolean) {
    this.#hold(BUSY, busy);
  }

  #hold(reason: number, on: boolean): void {
    const before = this.#reasons;
    this.#reasons = on ? before | reason : before & ~reason;
    if (before === 0 && this.#reasons !== 0) this.#socket.pause();
    else if (before !== 0 && this.#reasons === 0) this.#socket.resume();
  }

  /** Joins what unfinished messages and frames consist of, and closes a connection that sends fragments without end and without content. */
  #collect(received: number): void {
    const { _message: message, _reader: reader } = this.#driver;
    if (message !== this.#message) {
      this.#message = message;
      this.#joined = this.#fragments = this.#received = 0;
    }
    if (reader._queue.length > JOINED_PARTS) joinSmall(reader._queue);
    if (message === undefined) return;
    const chunks = message._chunks;
    this.#received += received;
    const parts = chunks.length - this.#joined;
    const fragments = this.#fragments + parts;
    if (fragments > FREE && message.length < fragments * MIN_AVERAGE) {
      this.#exceeded();
    } else if (parts > JOINED_PARTS || this.#received > JOINED_BYTES) {
      this.#received = 0;
      if (parts < 1) return;
      chunks.push(Buffer.concat(chunks.splice(this.#joined)));
      this.#joined++;
      this.#fragments = fragments;
    }
  }

  #exceeded(): void {
    this.#isOver = true;
    this.#onExceeded(1008, 'Too many fragments');
    this.#driver.close('Too many fragments', 1008);
    this.#socket.end(() => this.#socket.destroy());
  }
}

/** Corrects what a driver does with its input. */
function correct(driver: FayeDriver): void {
  errors ??= { ...driver.ERRORS, unacceptable: 1002 };
  errorCodes ??= [...driver.ERROR_CODES, 1012, 1013, 1014];
  driver.ERRORS = errors;
  driver.ERROR_CODES = errorCodes;
  driver._encode = decode;
}

/** Decodes UTF-8, and returns `null` for what is none. The driver's own way takes 64 MB for a long message, and accepts any. */
function decode(bytes: Buffer): string | null {
  return isUtf8(bytes) ? bytes.toString() : null;
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
