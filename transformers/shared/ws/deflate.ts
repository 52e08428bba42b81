import type { Duplex } from 'node:stream';
import { constants, type ZlibOptions } from 'node:zlib';
import * as ws from 'ws';
import type { Frame } from '../../../src/core/link.js';
import { discard } from '../../../src/server/garbage.js';
import { type CompressionOptions, compress, compressNow, isShort, isTooBusyToCompress } from '../server/compression.js';
import { free } from '../server/free.js';
import { Inflation, inflationLimiter, TOO_LARGE } from '../server/inflation.js';
import { type FrameReceiver, joinEnd } from './fragments.js';

type Done = (error: Error | null, data: Buffer) => void;

/** The extension of one connection in ws. Its types are missing. */
export interface MessageDeflate {
  /** The options of this connection. */
  readonly _options: { readonly zlibInflateOptions?: ZlibOptions; readonly zlibDeflateOptions?: ZlibOptions };
  readonly _maxPayload: number;
  /** The length of the shortest message that is compressed. */
  readonly _threshold: number;
  readonly params: {
    readonly client_no_context_takeover?: true;
    readonly server_no_context_takeover?: true;
    readonly client_max_window_bits?: number;
    readonly server_max_window_bits?: number;
  };
  decompress(data: Buffer, fin: boolean, done: Done): void;
  compress(data: Buffer | string, fin: boolean, done: Done): void;
}

/** The WebSocket of an extension. */
export interface DeflatingSocket {
  readonly _receiver: FrameReceiver;
  listenerCount(event: 'message'): number;
}

/** The options of the extension in ws: no message refers to an earlier one, so that nothing has to be kept for the next. */
export const NO_CONTEXT = { clientNoContextTakeover: true, serverNoContextTakeover: true };

const { PerMessageDeflate } = ws as unknown as { PerMessageDeflate: new () => MessageDeflate };

/** The error of a message that was dropped with its connection. */
export const DROPPED = new Error('The connection has closed');
const EMPTY = Buffer.alloc(0);
const nothing = (): void => {};

/** The opcode of a message that is a string. */
const TEXT = 1;

/**
 * An extension whose messages have compressors and decompressors of the whole process, unless a context is taken over: those take 250 kB for
 * each connection.
 */
export class SharedDeflate extends PerMessageDeflate {
  declare private socket: DeflatingSocket;
  declare private raw: Duplex;
  /** The fragments of a message that is not complete. */
  declare private fragments: Buffer[];
  /** Drop the message that waits to be inflated, and the one that waits to be compressed. */
  declare private dropIncoming: () => void;
  declare private dropOutgoing: () => void;
  declare private inflated: () => void;
  declare private compression: CompressionOptions;

  begin(socket: DeflatingSocket, raw: Duplex, inflated: () => void): void {
    this.socket = socket;
    this.raw = raw;
    this.fragments = [];
    this.inflated = inflated;
    const { server_max_window_bits: windowBits = constants.Z_DEFAULT_WINDOWBITS } = this.params;
    this.compression = { zlib: this._options.zlibDeflateOptions, windowBits };
    this.dropIncoming = this.dropOutgoing = nothing;
    // ws would keep both until their turn.
    raw.once('close', () => {
      this.dropIncoming();
      this.dropOutgoing();
    });
  }

  override decompress(data: Buffer, fin: boolean, done: Done): void {
    const { client_no_context_takeover: isSeparate, client_max_window_bits: windowBits = constants.Z_DEFAULT_WINDOWBITS } = this.params;
    if (!isSeparate) this.decompressInContext(data, fin, done);
    else if (!fin) {
      // A copy: a fragment is a part of the segment that it came in, which it would keep in memory.
      this.fragments.push(Buffer.from(data));
      joinEnd(this.fragments);
      process.nextTick(done, null, EMPTY);
    } else {
      const input = [...this.fragments, data];
      this.fragments = [];
      const options = { ...this._options.zlibInflateOptions, windowBits };
      const inflation = new Inflation(input, this._maxPayload, options, (error, output) => {
        // It refers to the message.
        this.dropIncoming = nothing;
        if (error !== null) done(this.errorOf(error), EMPTY);
        else this.deliver(output.toBuffer(), done);
      });
      this.dropIncoming = () => {
        if (inflation.drop()) done(DROPPED, EMPTY);
      };
    }
  }

  /** Whether the sender of ws has to compress a message: it takes a while, or a context of its own. */
  isSlow({ length }: Frame): boolean {
    return !isShort(length) || !this.params.server_no_context_takeover;
  }

  /** Compresses a message that is not slow. Returns `undefined` for one that should be sent as it is. */
  compressNow(data: Frame): Buffer | undefined {
    if (data.length < this._threshold || isTooBusyToCompress(data.length, 0)) return undefined;
    return compressNow(data, this.compression);
  }

  override compress(data: Buffer | string, fin: boolean, done: Done): void {
    if (!this.params.server_no_context_takeover || !fin) return super.compress(data, fin, done);
    const giveUp = compress(data, this.compression, (error, deflated) => {
      this.dropOutgoing = nothing;
      // The header that is sent next says that the message is compressed.
      if (error !== null) this.raw.destroy();
      done(error, deflated);
    });
    if (giveUp === undefined) return;
    this.dropOutgoing = () => {
      if (giveUp()) done(DROPPED, EMPTY);
    };
  }

  /** Delivers a message, and frees what is not used any more afterwards. */
  private deliver(message: Buffer, done: Done): void {
    // Our own listener, or that of the engine, makes a string of it; another one may keep it.
    const isFree = this.socket._receiver._opcode === TEXT && this.socket.listenerCount('message') === 1;
    done(null, message);
    this.inflated();
    if (isFree) free(message);
  }

  /** Inflates one message at a time with the context of the connection. */
  private decompressInContext(data: Buffer, fin: boolean, done: Done): void {
    const limiter = inflationLimiter(data.length);
    const job = {
      size: data.length,
      overtaken: 0,
      run: (release: () => void) =>
        super.decompress(data, fin, (error, inflated) => {
          this.dropIncoming = nothing;
          try {
            done(error, inflated);
            this.inflated();
          } finally {
            // What is too long was inflated up to the limit.
            discard(error === null ? inflated.length : this._maxPayload);
            release();
          }
        }),
    };
    this.dropIncoming = () => {
      if (limiter.remove(job)) done(DROPPED, EMPTY);
    };
    limiter.add(job);
  }

  /** Returns the error of ws for a message that could not be inflated, with the code that its connection is closed with. */
  private errorOf({ message, type, code }: Error & { type?: string; code?: string }): Error {
    const { _receiver: receiver } = this.socket;
    return type === TOO_LARGE
      ? receiver.createError(RangeError, 'Max payload size exceeded', false, 1009, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
      : receiver.createError(Error, message, false, 1007, `${code}`);
  }
}

/** Limits what an extension that ws has just negotiated costs. `inflated` is called after each message, or fragment in a context, that was inflated. */
export function shareDeflate(extension: MessageDeflate, socket: DeflatingSocket, raw: Duplex, inflated: () => void): void {
  Object.setPrototypeOf(extension, SharedDeflate.prototype);
  (extension as SharedDeflate).begin(socket, raw, inflated);
}
