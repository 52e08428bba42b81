import type { Observer, Unsubscribable } from 'rxjs';
import type { Platform } from '../../../client/platform/platform.js';
import { dropped } from '../../../src/core/errors.js';
import { type Frame, type Link, NO_OBSERVER } from '../../../src/core/link.js';
import type { Target } from '../../../src/core/transformer.js';
import { frameOf, lengthOf, textOf } from '../../shared/client/string-codec.js';
import { type BCSocket, OPEN } from './framework.js';

/** How long what was sent before our close may take to arrive, in ms, before it is given up. */
const CLOSING = 2_000;

/** A session of BrowserChannel as a link. */
export class BrowserChannelLink implements Link {
  readonly socket: BCSocket;
  /** In characters. */
  bufferedAmount = 0;
  readonly #target: Target<Platform>;
  readonly #taken = (length: number) => {
    this.bufferedAmount -= length;
  };
  #observer: Partial<Observer<Frame>> = NO_OBSERVER;
  #over = false;
  #closing: Unsubscribable | undefined;

  constructor(socket: BCSocket, target: Target<Platform>) {
    this.socket = socket;
    this.#target = target;
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onclose = (reason) => this.#closed(reason);
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NO_OBSERVER) };
  }

  send(frame: Frame): void {
    if (this.socket.readyState !== OPEN || this.#closing) return;
    // A lone surrogate cannot be put into a request.
    const text = textOf(frame).replace(/\p{Surrogate}/gu, '\ufffd');
    this.bufferedAmount += text.length;
    this.socket.sendMap({ _S: new Outgoing(text, this.#taken) });
  }

  /** The framework gives up the request under way, and what waits for the next one, when it closes. A last one begins when all others are through. */
  close(): void {
    if (this.#over || this.#closing) return;
    this.#closing = this.#target.platform.scheduler.schedule(() => this.socket.close(), CLOSING);
    if (this.socket.readyState === OPEN) this.socket.sendMap({ end: new Outgoing('', () => this.socket.close()) });
    else this.socket.close();
  }

  destroy(): void {
    this.socket.close();
  }

  #received(data: unknown): void {
    if (this.#over || this.#closing || typeof data !== 'string') return;
    const frame = frameOf(data);
    if (lengthOf(frame) <= this.#target.maxLength) {
      this.#observer.next?.(frame);
      return;
    }
    this.#end().error?.(dropped(1009, 'Message too long', new Error('Message too long')));
    this.socket.close();
  }

  #closed(reason: string): void {
    this.#closing?.unsubscribe();
    if (/^(?:Closed|Stopped by server)$/.test(reason)) this.#end().complete?.();
    else this.#end().error?.(dropped(undefined, reason));
  }

  /** The observer, for the last time. */
  #end(): Partial<Observer<Frame>> {
    if (this.#over) return NO_OBSERVER;
    this.#over = true;
    return this.#observer;
  }
}

/** A text that tells when it is put into a request. */
class Outgoing {
  readonly #text: string;
  #taken: ((length: number) => void) | undefined;

  constructor(text: string, taken: (length: number) => void) {
    this.#text = text;
    this.#taken = taken;
  }

  toString(): string {
    this.#taken?.(this.#text.length);
    this.#taken = undefined;
    return this.#text;
  }
}
