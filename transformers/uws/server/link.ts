import type { Observable } from 'rxjs';
import { TRY_AGAIN_LATER, tooLong } from '../../../src/core/close-reasons.js';
import type { Frame } from '../../../src/core/link.js';
import { currentTurn } from '../../../src/server/turn.js';
import { endOfWebSocket, LinkBase } from '../../shared/link-base.js';
import { flushAtEndOfTick } from '../../shared/server/flush.js';
import type { EngineWebSocket, WebSocketListener } from '../engine/framework.js';
import { type Audience, WORTHWHILE } from './audience.js';
import type { Group } from './group.js';
import { MANY, overinflates, overloads } from './turn-load.js';

/** How many answers to pings may wait for a slow consumer. Each takes up to 127 bytes. */
const ANSWERS = 512;

/** A WebSocket as a link. The frames of one tick leave in one write. */
export class UWSLink extends LinkBase implements WebSocketListener {
  socket: EngineWebSocket | undefined;
  readonly audience: Audience;
  /** Whether the peer may compress its messages. */
  private readonly inflates: boolean;
  /** Whether the engine is reporting a message: it gathers what is sent meanwhile itself. */
  private reporting = false;
  private frames: Frame[] | undefined;
  private waiting = 0;
  /** Whether the engine may be buffering for this link; what was published when we asked it last. */
  private crowded = false;
  private askedAt = 0;
  /** The bytes that arrived since reading was paused; -1 while it is not. */
  private pausedBytes = -1;
  /** The length of the longest message that was received, and the most bytes that were unsent: the engine frees neither buffer. */
  private longest = 0;
  private mostUnsent = 0;
  private failure: Error | undefined;
  /** The answers to pings since the peer has last read something. */
  private unread = 0;
  /** The messages of the latest turn of the event loop in which one was received. */
  private turn = 0;
  private receivedInTurn = 0;
  /** The groups that it is in. Most links are in none. */
  declare private groups?: Set<Group>;

  constructor(audience: Audience, inflates: boolean) {
    super();
    this.audience = audience;
    this.inflates = inflates;
  }

  get bufferedAmount(): number {
    const { socket, audience } = this;
    if (socket === undefined) return 0;
    if (!this.crowded && this.askedAt === audience.published) return this.waiting;
    this.askedAt = audience.published;
    return this.waiting + this.askUnsent(socket);
  }

  get retained(): number {
    return this.longest + this.mostUnsent;
  }

  send(frame: Frame): void {
    if (this.socket === undefined) return;
    if (this.reporting) {
      this.post(this.socket, frame);
      return;
    }
    this.waiting += frame.length;
    if (this.frames !== undefined) this.frames.push(frame);
    else {
      this.frames = [frame];
      flushAtEndOfTick(this);
    }
  }

  flush(): void {
    const { socket, frames } = this;
    if (frames === undefined) return;
    this.frames = undefined;
    this.waiting = 0;
    if (socket === undefined) return;
    if (frames.length === 1) this.post(socket, frames[0] as Frame);
    else
      socket.cork(() => {
        for (const frame of frames) this.post(socket, frame);
      });
  }

  /** The engine cannot stop reading. */
  get readsOn(): boolean {
    return true;
  }

  /** Counts what arrives from now on: the connection buffers it, up to a limit. */
  pause(): void {
    this.pausedBytes = 0;
  }

  resume(): void {
    this.pausedBytes = -1;
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
    this.askedAt = this.audience.published;
  }

  join(group: Group): void {
    this.groups ??= new Set();
    if (this.socket === undefined || this.groups.has(group)) return;
    this.groups.add(group);
    group.size++;
    this.socket.subscribe(group.topic);
  }

  leave(group: Group): void {
    if (!this.groups?.delete(group)) return;
    group.size--;
    // What was published before is sent before.
    this.socket?.unsubscribe(group.topic);
  }

  received(data: ArrayBuffer, isBinary: boolean): void {
    const { maxLength } = this.audience;
    if (data.byteLength > this.longest) this.longest = data.byteLength;
    if (data.byteLength > maxLength) {
      this.fail(1009, tooLong(maxLength));
      return;
    }
    if (this.inflates && data.byteLength >= WORTHWHILE && overinflates(this, data.byteLength)) {
      this.fail(1008, 'Too many compressed messages at once');
      return;
    }
    if (this.floods()) {
      // It may not be the cause: it may come again.
      this.fail(TRY_AGAIN_LATER, 'Too many messages at once');
      return;
    }
    if (this.pausedBytes !== -1 && this.overflows(data.byteLength)) return;
    // Frames that others sent before leave first.
    this.flush();
    this.reporting = true;
    // The engine reuses the memory of the message.
    this.observer.next?.(isBinary ? Buffer.from(data.slice(0)) : Buffer.from(data).toString());
    this.reporting = false;
  }

  /** Emits what arrived before the present observer subscribed. */
  replay(early: Observable<Frame>): void {
    early.subscribe(this.observer);
  }

  /** The engine answers pings by itself: a peer that sends them and does not read would fill the memory. */
  answered(): void {
    if ((this.socket?.getBufferedAmount() ?? 0) === 0) {
      this.unread = 0;
      return;
    }
    this.unread += 1;
    if (this.unread <= ANSWERS) return;
    this.failure = new Error(`Slow consumer: it sends pings and does not read the answers; ${ANSWERS} of them wait`);
    this.destroy();
  }

  drained(): void {
    this.unread = 0;
    if (this.socket !== undefined) this.askUnsent(this.socket);
  }

  closed(code: number, reason: string): void {
    this.socket = undefined;
    this.audience.size--;
    for (const group of this.groups ?? []) group.size--;
    // A reason without a close frame is an error that the engine found.
    const failure = this.failure ?? (code === 1006 && reason !== '' ? new Error(reason) : undefined);
    this.emitEnd(endOfWebSocket(code, reason || (failure?.message ?? ''), failure));
  }

  /** Counts a message. Returns whether it is one too many for this turn. */
  private floods(): boolean {
    const turn = currentTurn();
    if (this.turn !== turn) this.receivedInTurn = 0;
    this.turn = turn;
    this.receivedInTurn += 1;
    return this.receivedInTurn % MANY === 0 && overloads(this, turn);
  }

  private fail(code: number, reason: string): void {
    this.failure = new Error(reason);
    this.close(code, reason);
  }

  private post(socket: EngineWebSocket, frame: Frame): void {
    if (socket.send(frame, typeof frame !== 'string', this.audience.compresses(frame)) !== 1) this.askUnsent(socket, frame.length);
  }

  /** Asks the engine how many bytes it has not sent. Its buffer has room for the whole message, of which it has sent the beginning. */
  private askUnsent(socket: EngineWebSocket, length = 0): number {
    const amount = socket.getBufferedAmount();
    this.crowded = amount > 0;
    this.mostUnsent = Math.max(this.mostUnsent, amount, length);
    return amount;
  }

  private overflows(length: number): boolean {
    const { maxBuffer, maxLength } = this.audience;
    this.pausedBytes += length;
    if (this.pausedBytes <= maxBuffer + maxLength) return false;
    this.failure = new Error(
      `More than ${maxBuffer} bytes (maxBuffer) beside one message arrived while the spark was paused; uWebSockets.js cannot stop reading`,
    );
    this.destroy();
    return true;
  }
}
