import { Observable, type Observer, type Unsubscribable } from 'rxjs';
import { dropped, LinkError } from '../src/core/errors.js';
import { type Frame, type Link, NOBODY } from '../src/core/link.js';
import type { Target } from '../src/core/transformer.js';
import type { Platform, WebSocketLike } from './platform.js';

const OPEN = 1;

/** Dials with the platform's WebSocket: emits one open link, or errors. Unsubscribing before that hangs up. */
export function dialWebSocket(target: Target<Platform>): Observable<Link> {
  return new Observable((subscriber) => {
    let socket: WebSocketLike;
    try {
      socket = target.platform.webSocket(target.url, target);
    } catch (cause) {
      subscriber.error(new LinkError('ERR_PRIMUS_CONNECT', `The connection to ${target.url} cannot be made`, { cause }));
      return;
    }
    let failure: unknown;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      subscriber.next(new WebSocketLink(socket));
    };
    socket.onerror = (event) => {
      failure = event.error ?? event.message;
    };
    socket.onclose = ({ code, reason }) => {
      subscriber.error(new LinkError('ERR_PRIMUS_CONNECT', 'The connection could not be made', { closeCode: code, reason, cause: failure }));
    };
    target.platform.refusal?.(socket, (error) => subscriber.error(error));
    target.dialled(socket);
    return () => {
      if (socket.readyState < OPEN) hangUp(socket);
    };
  });
}

/** An open WebSocket as a link. */
class WebSocketLink implements Link {
  readonly socket: WebSocketLike;
  private observer: Partial<Observer<Frame>> = NOBODY;
  private failure: unknown;

  constructor(socket: WebSocketLike) {
    this.socket = socket;
    socket.onmessage = ({ data }) => this.observer.next?.(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer));
    socket.onerror = (event) => {
      this.failure = event.error ?? event.message;
    };
    socket.onclose = ({ code, reason }) => {
      if (this.failure === undefined && (code === 1000 || code === 1005)) this.observer.complete?.();
      else this.observer.error?.(dropped(code, reason, this.failure));
    };
  }

  get bufferedAmount(): number {
    return this.socket.bufferedAmount;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.observer = observer;
    return {
      unsubscribe: () => {
        this.observer = NOBODY;
      },
    };
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
    if (this.socket.terminate) this.socket.terminate();
    else this.socket.close();
  }
}

/** Closes a socket nobody waits for any more; a handshake that is given up is an error to some, and of no interest. */
function hangUp(socket: WebSocketLike): void {
  socket.onopen = socket.onmessage = socket.onclose = null;
  socket.onerror = () => {};
  socket.close();
}
