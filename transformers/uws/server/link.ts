import type { Observer, Unsubscribable } from 'rxjs';
import { dropped } from '../../../src/core/errors.js';
import { type Frame, type Link, NO_OBSERVER } from '../../../src/core/link.js';
import { flushAtEndOfTick } from '../../shared/server/flush.js';
import type { Endpoint, EngineWebSocket } from '../engine/framework.js';
import type { Audience } from './audience.js';

/** A WebSocket as a link. What is sent within a tick leaves in one write. */
export class UWSLink implements Link, Endpoint {
  socket: EngineWebSocket | undefined;
  readonly audience: Audience;
  private observer: Partial<Observer<Frame>> = NO_OBSERVER;
  /** The engine is telling us of a message: it writes what is sent meanwhile at once. */
  private telling = false;
  private load: Frame[] | undefined;
  private waiting = 0;
  /** Whether the engine may hold something back for this link, and as of which amount that was published. */
  private crowded = false;
  private asked = 0;
  /** What came since reading was paused, in bytes; -1 while it is not. */
  private held = -1;
  private failure: Error | undefined;

  constructor(audience: Audience) {
    this.audience = audience;
  }

  get bufferedAmount(): number {
    const { socket, audience } = this;
    if (socket === undefined) return 0;
    if (!this.crowded && this.asked === audience.published) return this.waiting;
    this.asked = audience.published;
    const amount = socket.getBufferedAmount();
    this.crowded = amount > 0;
    return this.waiting + amount;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.observer = observer;
    return { unsubscribe: () => this.subscribe(NO_OBSERVER) };
  }

  send(frame: Frame): void {
    if (this.socket === undefined) return;
    if (this.telling) {
      this.post(this.socket, frame);
      return;
    }
    this.waiting += frame.length;
    if (this.load !== undefined) this.load.push(frame);
    else {
      this.load = [frame];
      flushAtEndOfTick(this);
    }
  }

  flush(): void {
    const { socket, load } = this;
    if (load === undefined) return;
    this.load = undefined;
    this.waiting = 0;
    if (socket === undefined) return;
    if (load.length === 1) this.post(socket, load[0] as Frame);
    else
      socket.cork(() => {
        for (const frame of load) this.post(socket, frame);
      });
  }

  /** The engine cannot stop reading: what comes meanwhile is held by whoever asked for the pause, up to a limit. */
  pause(): void {
    this.held = 0;
  }

  resume(): void {
    this.held = -1;
  }

  close(code = 1000, reason = ''): void {
    this.flush();
    this.socket?.end(code, reason);
  }

  destroy(): void {
    this.socket?.close();
  }

  opened(socket: EngineWebSocket): void {
    this.socket = socket;
    socket.subscribe(this.audience.topic);
    this.audience.size++;
    this.asked = this.audience.published;
  }

  received(data: ArrayBuffer, isBinary: boolean): void {
    if (this.held !== -1 && this.overflows(data.byteLength)) return;
    // What was sent before, by others, goes first.
    this.flush();
    this.telling = true;
    // The engine takes its memory back.
    this.observer.next?.(isBinary ? Buffer.from(data.slice(0)) : Buffer.from(data).toString());
    this.telling = false;
  }

  drained(): void {
    this.crowded = (this.socket?.getBufferedAmount() ?? 0) > 0;
  }

  closed(code: number, reason: string): void {
    this.socket = undefined;
    this.audience.size--;
    // A reason without a close frame is the engine's own.
    const failure = this.failure ?? (code === 1006 && reason !== '' ? new Error(reason) : undefined);
    if (failure === undefined && (code === 1000 || code === 1005)) this.observer.complete?.();
    else this.observer.error?.(dropped(code, reason, failure));
  }

  private post(socket: EngineWebSocket, frame: Frame): void {
    if (socket.send(frame, typeof frame !== 'string', this.audience.squeezes(frame)) !== 1) this.crowded = true;
  }

  private overflows(length: number): boolean {
    const { maxBuffer } = this.audience;
    this.held += length;
    if (this.held <= maxBuffer) return false;
    this.failure = new Error(`More than ${maxBuffer} bytes came while reading was paused, which this framework cannot stop`);
    this.destroy();
    return true;
  }
}
