import type { Platform } from '../../../client/platform/platform.js';
import { tooLong } from '../../../src/core/close-reasons.js';
import { dropped } from '../../../src/core/errors.js';
import type { Frame } from '../../../src/core/link.js';
import type { Target } from '../../../src/core/transformer.js';
import { webBytes } from '../../shared/client/web-bytes.js';
import { GuardedLink } from '../../shared/guarded-link.js';
import { decodeString, encodeString, exceeds } from '../../shared/string-frames.js';
import { type BCSocket, OPEN } from './framework.js';

/** The reasons that the framework gives for a clean end. */
const CLEAN = /^(?:Closed|Stopped by server)$/;

/** A BrowserChannel connection as a link. */
export class BrowserChannelLink extends GuardedLink {
  readonly socket: BCSocket;
  /** In characters. */
  bufferedAmount = 0;
  readonly #serverLimit: number;
  /** Whether the last message that was sent exceeds the limit of the server, which gives no reason when it ends the session. */
  #isTooLong = false;
  readonly #taken = (length: number) => {
    this.bufferedAmount -= length;
  };

  constructor(socket: BCSocket, { maxLength, serverLimit, platform }: Target<Platform>) {
    super(platform.scheduler, maxLength);
    this.socket = socket;
    this.#serverLimit = serverLimit;
    socket.onmessage = ({ data }) => this.#decoded(data);
    socket.onclose = (reason) =>
      this.closed(CLEAN.test(reason) ? undefined : this.#isTooLong ? dropped(1009, tooLong(serverLimit)) : dropped(undefined, reason));
  }

  send(frame: Frame): void {
    if (this.socket.readyState !== OPEN || this.closing) return;
    this.#isTooLong = frame.length > this.#serverLimit;
    // A lone surrogate cannot be put into a request.
    const string = encodeString(frame, webBytes).replace(/\p{Surrogate}/gu, '\ufffd');
    this.bufferedAmount += string.length;
    this.socket.sendMap({ _S: new Outgoing(string, this.#taken) });
  }

  destroy(): void {
    this.socket.close();
  }

  /** Waits for what was sent: when the framework closes, it aborts the request under way and drops what waits for the next. */
  protected override doClose(): void {
    this.setDeadline(() => this.socket.close());
    // This last message is put into a request once all others have arrived.
    if (this.socket.readyState === OPEN) this.socket.sendMap({ end: new Outgoing('', () => this.socket.close()) });
    else this.socket.close();
  }

  protected override doFail(): void {
    this.socket.close();
  }

  #decoded(data: unknown): void {
    if (typeof data !== 'string') return;
    const frame = decodeString(data, webBytes);
    this.received(frame, exceeds(frame, this.maxLength, webBytes));
  }
}

/** A string that reports when it is put into a request. */
class Outgoing {
  readonly #string: string;
  #taken: ((length: number) => void) | undefined;

  constructor(string: string, taken: (length: number) => void) {
    this.#string = string;
    this.#taken = taken;
  }

  toString(): string {
    this.#taken?.(this.#string.length);
    this.#taken = undefined;
    return this.#string;
  }
}
