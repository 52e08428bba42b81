import type { Platform, WebSocketLike } from '../../client/platform/platform.js';
import { tooLong } from '../../src/core/close-reasons.js';
import { dropped, type LinkError } from '../../src/core/errors.js';
import type { Frame } from '../../src/core/link.js';
import type { ClientTransformer, Target } from '../../src/core/transformer.js';
import { dialWebSocket, WebSocketLink } from '../shared/client/websocket-link.js';

/** Connects with the native WebSocket in browsers, with ws in Node.js: the engine is for servers only. */
export const client: ClientTransformer<Platform> = { protocol: 'ws', connect: (target) => dialWebSocket(target, UWSClientLink) };

/** The engine terminates a connection without a close frame when a message exceeds its limit. */
class UWSClientLink extends WebSocketLink {
  readonly #maxLength: number;
  /** Whether the last message that was sent exceeds the limit of the server. */
  #isTooLong = false;

  constructor(socket: WebSocketLike, target: Target<Platform>) {
    super(socket, target);
    this.#maxLength = target.maxLength;
  }

  override send(frame: Frame): void {
    this.#isTooLong = frame.length > this.#maxLength;
    super.send(frame);
  }

  protected override emitEnd(error?: LinkError): void {
    super.emitEnd(error?.closeCode === 1006 && !error.cause && this.#isTooLong ? dropped(1009, tooLong(this.#maxLength)) : error);
  }
}
