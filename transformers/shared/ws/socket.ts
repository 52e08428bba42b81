import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { tooLong } from '../../../src/core/close-reasons.js';
import { discard } from '../../../src/server/garbage.js';
import { LONG, takeText } from '../server/blocks.js';
import { isTooBusyToCompress } from '../server/compression.js';
import { own } from '../server/free.js';
import { type MessageDeflate, type SharedDeflate, shareDeflate } from './deflate.js';
import { type FrameReceiver, limitFragments, reportPresent } from './fragments.js';
import type { FrameSender } from './gathered-frames.js';

/** The internals of a WebSocket of ws that are used. */
interface Internals {
  readonly _receiver: FrameReceiver;
  readonly _sender: FrameSender;
  readonly _extensions: { readonly 'permessage-deflate'?: MessageDeflate };
  setSocket(socket: Duplex, head: Buffer, options: object): void;
}

type SentData = Parameters<WebSocket['send']>[0];
type Sent = (error?: Error) => void;
interface SendOptions {
  binary?: boolean | undefined;
  compress?: boolean | undefined;
  fin?: boolean | undefined;
  mask?: boolean | undefined;
}

const { setSocket } = WebSocket.prototype as unknown as Internals;

/** A WebSocket of the server. It costs little memory whatever the peer sends, and the last frames are sent before its close frame. */
export class ServerWebSocket extends WebSocket {
  declare link?: { writeAll(): void };
  /** The code that it closed with. */
  declare sentCode?: number;
  /** Answers the frame with which the peer has ended the connection, if that waits until reading goes on. */
  declare answer?: () => void;
  declare readonly _closeFrameReceived: boolean;
  declare readonly _receiver: FrameReceiver;
  declare readonly _sender: FrameSender;
  declare readonly _extensions: Internals['_extensions'];

  /** Called by ws after the handshake, before anything is read. */
  setSocket(socket: Duplex, head: Buffer, options: object): void {
    const { 'permessage-deflate': deflate } = this._extensions;
    if (deflate !== undefined) shareDeflate(deflate, this, socket, () => reportPresent(this._receiver));
    setSocket.call(this, socket, head, options);
    limitFragments(this._receiver);
  }

  /** Also called by engines. What is too much to compress is sent as it is. */
  override send(data: SentData, options?: SendOptions | Sent, sent?: Sent): void {
    const [given, callback] = typeof options === 'function' ? [{}, options] : [options ?? {}, sent];
    if (this.deflate === undefined) super.send(data, given, callback);
    else {
      const [message, binary] = typeof data === 'string' ? [own(data), false] : [data, given.binary];
      const { length = 0 } = message as { length?: number };
      // It waits, and so is none of the garbage that V8 collects early.
      if (this._sender._bufferedBytes > 0 || this._sender._socket.writableNeedDrain) discard(length);
      const compress = given.compress !== false && !isTooBusyToCompress(length, this._sender._bufferedBytes);
      super.send(message, { ...given, compress, ...(binary !== undefined && { binary }) }, callback);
    }
  }

  /** Decodes a message, and frees the bytes of a long one, unless the application listens to the socket, too. */
  decode(bytes: Buffer): string {
    return bytes.length > LONG && this.listenerCount('message') === 1 ? takeText(bytes) : bytes.toString();
  }

  /** The bytes of frames that wait for the end of the tick: `bufferedAmount` is without them. */
  get gathered(): number {
    return this._sender.gathered?.length ?? 0;
  }

  /** The extension that compresses messages, if it was negotiated. */
  get deflate(): SharedDeflate | undefined {
    return this._extensions['permessage-deflate'] as SharedDeflate | undefined;
  }

  /** The reason of a close with 1009: ws sends the code alone. */
  get tooLong(): string {
    return tooLong(this._receiver._maxPayload);
  }

  /**
   * Also called by ws, to answer a close frame and a malformed frame. While reading is paused, that waits: messages before it may wait, too,
   * and the application may answer them.
   */
  override close(code?: number, reason?: string | Buffer): void {
    if (this.isPaused && this.answer === undefined && (this._closeFrameReceived || this._receiver._errored)) {
      this.answer = () => this.close(code, reason);
      return;
    }
    if (this.readyState === WebSocket.OPEN) {
      this.link?.writeAll();
      if (code !== undefined) this.sentCode = code;
    }
    super.close(code, code === 1009 ? this.tooLong : reason);
  }

  override resume(): void {
    super.resume();
    // Behind what is written in this turn.
    if (this.answer !== undefined) setImmediate(this.answer);
  }
}
