import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { tooLong } from '../../../src/core/close-reasons.js';
import { limitInflation, type MessageDeflate } from './deflate.js';
import { type FrameReceiver, limitFragments, reportPresent } from './fragments.js';

/** The internals of a WebSocket of ws that are used. */
interface Internals {
  readonly _receiver: FrameReceiver;
  readonly _extensions: { readonly 'permessage-deflate'?: MessageDeflate };
  setSocket(socket: Duplex, head: Buffer, options: object): void;
}

const { setSocket } = WebSocket.prototype as unknown as Internals;

/** A WebSocket of the server. It costs little memory whatever the peer sends, and the last frames are sent before its close frame. */
export class ServerWebSocket extends WebSocket {
  declare link?: { flush(): void };
  /** The code that it closed with. */
  declare sentCode?: number;
  declare readonly _receiver: FrameReceiver;
  declare readonly _extensions: Internals['_extensions'];

  /** Called by ws after the handshake, before anything is read. */
  setSocket(socket: Duplex, head: Buffer, options: object): void {
    const { 'permessage-deflate': deflate } = this._extensions;
    if (deflate !== undefined) limitInflation(deflate, socket, () => reportPresent(this._receiver));
    setSocket.call(this, socket, head, options);
    limitFragments(this._receiver);
  }

  /** The reason of a close with 1009: ws sends the code alone. */
  get tooLong(): string {
    return tooLong(this._receiver._maxPayload);
  }

  /** Also called by ws, to answer a close frame and a malformed frame. */
  override close(code?: number, reason?: string | Buffer): void {
    if (this.readyState === WebSocket.OPEN) {
      this.link?.flush();
      if (code !== undefined) this.sentCode = code;
    }
    super.close(code, code === 1009 ? this.tooLong : reason);
  }
}
