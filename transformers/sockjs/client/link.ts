import type { Unsubscribable } from 'rxjs';
import type { Platform } from '../../../client/platform/platform.js';
import { dropped } from '../../../src/core/errors.js';
import type { Frame } from '../../../src/core/link.js';
import type { Target } from '../../../src/core/transformer.js';
import { webBytes } from '../../shared/client/web-bytes.js';
import { destroyLate } from '../../shared/destroy-late.js';
import { GuardedLink } from '../../shared/guarded-link.js';
import { CLOSE_TIMEOUT } from '../../shared/link-base.js';
import { decodeString, encodeString, exceeds } from '../../shared/string-frames.js';
import { OPEN, type SockJS } from './framework.js';

/** The interval at which a closing connection is checked for pending requests, in ms. */
const DRAIN_POLL = 10;

/** A SockJS connection as a link. */
export class SockJSLink extends GuardedLink {
  readonly socket: SockJS;
  #draining: Unsubscribable | undefined;

  constructor(socket: SockJS, { maxLength, platform }: Target<Platform>) {
    super(platform.scheduler, maxLength);
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      const frame = decodeString(data as string, webBytes);
      this.received(frame, exceeds(frame, this.maxLength, webBytes));
    };
    socket.onclose = ({ code, reason }) => this.closed(code === 1000 ? undefined : dropped(code, reason));
  }

  get bufferedAmount(): number {
    const { ws, sendBuffer } = this.socket._transport ?? {};
    if (ws !== undefined) return ws._stream?.writableLength ?? ws.bufferedAmount;
    return sendBuffer?.reduce((sum, { length }) => sum + length, 0) ?? 0;
  }

  send(frame: Frame): void {
    if (this.socket.readyState === OPEN && !this.closing) this.socket.send(encodeString(frame, webBytes));
  }

  destroy(): void {
    this.closing = true;
    this.#draining?.unsubscribe();
    const stream = this.socket._transport?.ws?._stream;
    this.socket.close();
    stream?.destroy();
  }

  protected override doClose(code?: number, reason?: string): void {
    this.#drain(CLOSE_TIMEOUT, () => this.#closeSocket(code, reason));
  }

  protected override doFail(): void {
    this.#closeSocket();
  }

  /** Waits for what was sent: when the framework closes, it aborts the request under way and drops what waits for the next. */
  #drain(timeLeft: number, then: () => void): void {
    const { sendBuffer, sendStop } = this.socket._transport ?? {};
    const sending = sendBuffer !== undefined && (sendBuffer.length > 0 || !!sendStop);
    if (!sending || timeLeft <= 0) then();
    else this.#draining = this.scheduler.schedule(() => this.#drain(timeLeft - DRAIN_POLL, then), DRAIN_POLL);
  }

  #closeSocket(code = 1000, reason?: string): void {
    const stream = this.socket._transport?.ws?._stream;
    // The framework throws at other codes, which an application must not send.
    this.socket.close(code >= 3000 && code <= 4999 ? code : 1000, reason?.slice(0, 123));
    if (stream !== undefined) destroyLate(stream, this.scheduler);
  }
}
