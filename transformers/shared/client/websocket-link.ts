import { Observable, type Observer, type Unsubscribable } from 'rxjs';
import type { Platform, WebSocketLike } from '../../../client/platform/platform.js';
import { dropped, type LinkError, unopened } from '../../../src/core/errors.js';
import { type Frame, type Link, NO_OBSERVER } from '../../../src/core/link.js';
import type { Target } from '../../../src/core/transformer.js';

const OPEN = 1;

/** Dials with the platform's WebSocket: emits one open link, or errors. Unsubscribing before that hangs up. */
export function dialWebSocket(target: Target<Platform>): Observable<Link> {
  return new Observable((subscriber) => {
    const socket = target.platform.webSocket(target.url, target);
    const link = new WebSocketLink(socket, target.platform);
    socket.onopen = () => subscriber.next(link);
    link.subscribe({
      error: (cause: LinkError) => subscriber.error(unopened(cause)),
      complete: () => subscriber.error(unopened(dropped())),
    });
    target.platform.refusal?.(socket, (error) => subscriber.error(error));
    target.dialled(socket);
    return () => {
      // A handshake that is given up is an error to some, and of no interest.
      if (socket.readyState < OPEN) link.close();
    };
  });
}

/** An open WebSocket as a link. */
class WebSocketLink implements Link {
  readonly socket: WebSocketLike;
  #observer = NO_OBSERVER;
  #failure: unknown;

  constructor(socket: WebSocketLike, platform: Platform) {
    this.socket = socket;
    // Blobs are read asynchronously. What else there may be, such as the Buffers of Node, is bytes already.
    if (socket.binaryType === 'blob') socket.binaryType = 'arraybuffer';
    const receive = (data: unknown) => this.#observer.next?.(data instanceof ArrayBuffer ? new Uint8Array(data) : (data as Frame));
    if (platform.messages) platform.messages(socket, receive);
    else socket.onmessage = ({ data }) => receive(data);
    socket.onerror = ({ error, message }) => {
      this.#failure = error ?? message;
    };
    socket.onclose = ({ code, reason }) => {
      if (!this.#failure && (code === 1000 || code === 1005)) this.#observer.complete?.();
      else this.#observer.error?.(dropped(code, reason, this.#failure));
    };
  }

  get bufferedAmount(): number {
    return this.socket.bufferedAmount;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NO_OBSERVER) };
  }

  send(frame: Frame): void {
    if (this.socket.readyState === OPEN) this.socket.send(frame);
  }

  pause(): void {
    this.socket.pause?.();
  }

  resume(): void {
    this.socket.resume?.();
  }

  close(code?: number, reason?: string): void {
    this.socket.close(code, reason);
  }

  destroy(): void {
    (this.socket.terminate ?? this.socket.close).call(this.socket);
  }
}
