import type { Observer, Unsubscribable } from 'rxjs';
import type { Platform } from '../../../client/platform/platform.js';
import { dropped } from '../../../src/core/errors.js';
import { type Frame, type Link, NO_OBSERVER } from '../../../src/core/link.js';
import type { Target } from '../../../src/core/transformer.js';
import { frameOf, lengthOf, textOf } from '../../shared/client/string-codec.js';
import { OPEN, type SockJS } from './framework.js';

/** How long a peer may take to answer our close, or to take what was sent before it, in ms, before the line is cut. */
const CLOSING = 2_000;

/** How often a line that is to close is looked at, in ms. */
const DRAIN_POLL = 10;

/** A SockJS connection as a link. */
export class SockJSLink implements Link {
  readonly socket: SockJS;
  readonly #target: Target<Platform>;
  #observer: Partial<Observer<Frame>> = NO_OBSERVER;
  #over = false;
  #closing = false;
  #draining: Unsubscribable | undefined;

  constructor(socket: SockJS, target: Target<Platform>) {
    this.socket = socket;
    this.#target = target;
    socket.onmessage = ({ data }) => this.#received(data as string);
    socket.onclose = ({ code, reason }) => {
      if (code === 1000) this.#end().complete?.();
      else this.#end().error?.(dropped(code, reason));
    };
  }

  get bufferedAmount(): number {
    const { ws, sendBuffer } = this.socket._transport ?? {};
    if (ws !== undefined) return ws._stream?.writableLength ?? ws.bufferedAmount;
    return sendBuffer?.reduce((sum, { length }) => sum + length, 0) ?? 0;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NO_OBSERVER) };
  }

  send(frame: Frame): void {
    if (this.socket.readyState !== OPEN || this.#closing) return;
    this.socket.send(textOf(frame));
  }

  close(code?: number, reason?: string): void {
    if (this.#over || this.#closing) return;
    this.#closing = true;
    this.#drain(CLOSING, () => this.#hangUp(code, reason));
  }

  destroy(): void {
    this.#closing = true;
    this.#draining?.unsubscribe();
    const stream = this.socket._transport?.ws?._stream;
    this.socket.close();
    stream?.destroy();
  }

  /** The framework gives up the request under way, and what waits for the next one, when it closes. */
  #drain(patience: number, then: () => void): void {
    const { sendBuffer, sendStop } = this.socket._transport ?? {};
    const sending = sendBuffer !== undefined && (sendBuffer.length > 0 || !!sendStop);
    if (!sending || patience <= 0) then();
    else this.#draining = this.#target.platform.scheduler.schedule(() => this.#drain(patience - DRAIN_POLL, then), DRAIN_POLL);
  }

  #hangUp(code = 1000, reason?: string): void {
    const stream = this.socket._transport?.ws?._stream;
    // Other codes are not an application's to send, and the framework throws at them.
    this.socket.close(code >= 3000 && code <= 4999 ? code : 1000, reason?.slice(0, 123));
    if (stream === undefined) return;
    const cut = this.#target.platform.scheduler.schedule(() => stream.destroy(), CLOSING);
    stream.once('close', () => cut.unsubscribe());
  }

  #received(data: string): void {
    if (this.#over || this.#closing) return;
    const frame = frameOf(data);
    if (lengthOf(frame) <= this.#target.maxLength) {
      this.#observer.next?.(frame);
      return;
    }
    this.#end().error?.(dropped(1009, 'Message too long', new Error('Message too long')));
    this.#hangUp();
  }

  /** The observer, for the last time. */
  #end(): Partial<Observer<Frame>> {
    const observer = this.#observer;
    if (this.#over) return NO_OBSERVER;
    this.#over = true;
    return observer;
  }
}
