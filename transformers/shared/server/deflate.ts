import { constants } from 'node:zlib';
import { discard } from '../../../src/server/garbage.js';
import { type Blocks, LONG } from './blocks.js';
import { type CompressionOptions, compress, isTooBusyToCompress } from './compression.js';
import { Inflation } from './inflation.js';

/** A message in the drivers of faye-websocket and sockjs. */
interface Message {
  rsv1: boolean;
  data: Buffer | Blocks;
  readonly opcode?: number;
}

type Done = (error: (Error & { type?: string }) | null, message?: Message) => void;

type Params = Record<string, unknown>;

/** A message that waits to be compressed or inflated. */
interface Job {
  readonly message: Message;
  readonly done: Done;
}

/** The opcode of a message that is a string. */
const TEXT = 1;

/** Shorter messages are not compressed: they would only grow. In bytes. */
const THRESHOLD = 1_024;

/**
 * Creates a permessage-deflate extension (RFC 7692) for the server side of drivers that take plug-ins of
 * websocket-extensions. Contexts are not taken over from one message to the next, so that an idle connection has no
 * compressor. A message is never inflated beyond `maxLength`. A connection has one message inflated and one compressed at a time.
 */
export function deflate(maxLength: number) {
  return {
    name: 'permessage-deflate',
    type: 'permessage',
    rsv1: true,
    rsv2: false,
    rsv3: false,
    createClientSession: () => null,
    createServerSession(offers: Params[]) {
      const offer = offers.find(acceptable);
      return offer === undefined ? null : new DeflateSession(maxLength, offer);
    },
  };
}

const KNOWN = ['server_no_context_takeover', 'client_no_context_takeover', 'server_max_window_bits', 'client_max_window_bits'];

/** Whether an offer can be accepted: not with an unknown parameter, one given twice, or a window of 8 bits, which zlib lacks. */
function acceptable(offer: Params): boolean {
  return Object.entries(offer).every(([name, value]) => {
    if (!KNOWN.includes(name)) return false;
    if (name.endsWith('takeover')) return value === true;
    const bits = Number(value);
    return (value === true && name === 'client_max_window_bits') || (Number.isInteger(bits) && bits >= 9 && bits <= 15);
  });
}

/** The extension of one connection. */
export class DeflateSession {
  /** Is called when messages begin to wait to be inflated, and when none waits any more. */
  onBacklog: ((isWaiting: boolean) => void) | undefined;
  /** Is called when a message was inflated. */
  onInflated: (() => void) | undefined;
  /** Is called once no message is being inflated, or waits for it. */
  onIdle: (() => void) | undefined;
  /** The bytes of messages that are being inflated, or wait for it. */
  inflating = 0;
  /** The bytes of messages that are being compressed, or wait for it. */
  compressing = 0;
  readonly #maxLength: number;
  readonly #windowBits: number | undefined;
  readonly #compression: CompressionOptions;
  readonly #incoming: Job[] = [];
  readonly #outgoing: Job[] = [];
  #inflating: Inflation | undefined;
  /** Gives up the message that is being compressed. */
  #deflating: (() => boolean) | undefined;
  #paused = false;

  constructor(maxLength: number, { server_max_window_bits: bits }: Params) {
    this.#maxLength = maxLength;
    this.#windowBits = bits === undefined ? undefined : Number(bits);
    this.#compression = { zlib: undefined, windowBits: this.#windowBits ?? constants.Z_DEFAULT_WINDOWBITS };
  }

  /** Delays the messages that wait to be inflated: a paused connection gets no more of them. */
  set paused(paused: boolean) {
    this.#paused = paused;
    this.#inflate();
  }

  /** Whether a message is being inflated, or waits for it. */
  get isInflating(): boolean {
    return this.#inflating !== undefined || this.#incoming.length > 0;
  }

  generateResponse(): Params {
    const bits = this.#windowBits;
    return {
      server_no_context_takeover: true,
      client_no_context_takeover: true,
      ...(bits !== undefined && { server_max_window_bits: bits }),
    };
  }

  processIncomingMessage(message: Message, done: Done): void {
    if (!message.rsv1) {
      done(null, message);
      // It waits in the driver behind the one that is being inflated.
      if (this.isInflating) this.onBacklog?.(true);
      return;
    }
    this.inflating += message.data.length;
    this.#incoming.push({ message, done });
    this.#inflate();
    if (this.#incoming.length > 0) this.onBacklog?.(true);
  }

  processOutgoingMessage(message: Message, done: Done): void {
    // It waits, and so is none of the garbage that V8 collects early.
    if (this.compressing > 0) discard(message.data.length);
    if (this.compressing === 0 && this.#isSentAsItIs(message)) {
      done(null, message);
      return;
    }
    this.compressing += message.data.length;
    this.#outgoing.push({ message, done });
    this.#deflate();
  }

  /** Drops what waits: the connection has ended. */
  abort(): void {
    this.#incoming.length = this.#outgoing.length = this.inflating = this.compressing = 0;
    this.#inflating?.abort();
    this.#deflating?.();
  }

  close(): void {}

  #inflate(): void {
    if (this.#paused || this.#inflating !== undefined) return;
    const job = this.#incoming.shift();
    if (job === undefined) return;
    const { message, done } = job;
    const { length } = message.data;
    this.#inflating = new Inflation([message.data], this.#maxLength, undefined, (error, output) => {
      this.inflating = Math.max(0, this.inflating - length);
      if (error === null) {
        message.data = output.length > LONG && message.opcode === TEXT ? output : output.toBuffer();
        done(null, message);
      } else {
        this.#incoming.length = this.inflating = 0;
        done(error);
      }
      this.#inflating = undefined;
      this.#inflate();
      if (this.#incoming.length === 0) this.onBacklog?.(false);
      this.onInflated?.();
      if (!this.isInflating) this.onIdle?.();
    });
  }

  #deflate(): void {
    while (this.#deflating === undefined) {
      const job = this.#outgoing.shift();
      if (job === undefined) return;
      const { message, done } = job;
      const { length } = message.data;
      if (this.#isSentAsItIs(message)) {
        this.compressing -= length;
        done(null, message);
        continue;
      }
      this.#deflating = compress(message.data as Buffer, this.#compression, (error, data) => {
        this.compressing -= length;
        if (error !== null) done(error);
        else done(null, Object.assign(message, { rsv1: true, data }));
        if (this.#deflating === undefined) return;
        this.#deflating = undefined;
        this.#deflate();
      });
    }
  }

  #isSentAsItIs({ data: { length } }: Message): boolean {
    return length < THRESHOLD || isTooBusyToCompress(length, this.compressing - length);
  }
}
