import { Observable } from 'rxjs';
import type { Platform, WebSocketLike } from '../../../client/platform/platform.js';
import { dropped, type LinkError, unopened } from '../../../src/core/errors.js';
import type { Frame, Link } from '../../../src/core/link.js';
import type { Target } from '../../../src/core/transformer.js';
import { endOfWebSocket, LinkBase } from '../link-base.js';

const OPEN = 1;

/** Dials with the platform's WebSocket: emits one open link, or errors. Unsubscribing before that closes the socket. */
export function dialWebSocket(target: Target<Platform>): Observable<Link> {
  return new Observable((subscriber) => {
    const socket = target.platform.webSocket(target.url, target);
    const link = new WebSocketLink(socket, target);
    socket.onopen = () => subscriber.next(link);
    link.subscribe({
      error: (cause: LinkError) => subscriber.error(unopened(cause)),
      complete: () => subscriber.error(unopened(dropped())),
    });
    target.platform.refusal?.(socket, (error) => subscriber.error(error));
    target.dialled(socket);
    return () => {
      // Some platforms report an abandoned handshake as an error, which has no observer any more.
      if (socket.readyState < OPEN) link.close();
    };
  });
}

/** A WebSocket of the platform as a link. */
class WebSocketLink extends LinkBase {
  readonly socket: WebSocketLike;

  constructor(socket: WebSocketLike, { platform }: Target<Platform>) {
    super();
    this.socket = socket;
    // Blobs are read asynchronously. Any other type, such as the Buffers of Node.js, is bytes already.
    if (socket.binaryType === 'blob') socket.binaryType = 'arraybuffer';
    const receive = (data: unknown, isBinary?: boolean) => this.observer.next?.(frameOf(data, isBinary));
    if (platform.messages) platform.messages(socket, receive);
    else socket.onmessage = ({ data }) => receive(data);
    let failure: unknown;
    socket.onerror = ({ error, message }) => {
      failure = error ?? message;
    };
    socket.onclose = ({ code, reason }) => this.emitEnd(endOfWebSocket(code, reason, failure));
  }

  get bufferedAmount(): number {
    return this.socket.bufferedAmount;
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

/** Returns the frame of a message. Node.js passes strings as bytes that are not `isBinary`. */
function frameOf(data: unknown, isBinary?: boolean): Frame {
  // `String(data)` costs twice as much.
  if (isBinary === false) return (data as object).toString();
  return data instanceof ArrayBuffer ? new Uint8Array(data) : (data as Frame);
}
