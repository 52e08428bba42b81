import type { ServerResponse } from 'node:http';
import type { Observer, SchedulerLike, Unsubscribable } from 'rxjs';
import { dropped } from '../../../src/core/errors.js';
import { type Frame, type Link, NO_OBSERVER } from '../../../src/core/link.js';
import { Gate } from '../../shared/server/body.js';
import { textOf } from '../../shared/server/string-codec.js';
import type { Session } from './framework.js';
import type { Load } from './messages.js';

/** How long a peer may take to come for our close, and to read it, in ms, before the line is cut. */
export const CLOSING = 2_000;

/** What an answer carries before the framework ends it, in characters: the client acknowledges it when it asks for the next. */
const ANSWER = 10_240;

/** A session of BrowserChannel as a link. */
export class BrowserChannelLink implements Link {
  readonly socket: Session;
  /** What requests wait at while we are paused. */
  readonly gate = new Gate();
  /** The number of the request whose turn it is. */
  rid: number;
  /** The number of the message that comes next. */
  expected = 0;
  over = false;
  closing = false;
  readonly #scheduler: SchedulerLike;
  #observer: Partial<Observer<Frame>> = NO_OBSERVER;
  #late: Unsubscribable | undefined;
  /** What the client has not acknowledged, in characters, sent or not. */
  #held = 0;

  constructor(socket: Session, rid: number, scheduler: SchedulerLike) {
    this.socket = socket;
    this.rid = rid;
    this.#scheduler = scheduler;
    socket.on('message', (frame: Frame | undefined) => {
      if (frame !== undefined && !this.over && !this.closing) this.#observer.next?.(frame);
    });
    socket.on('close', (message?: string) => this.#closed(message));
  }

  /** What was sent and is not acknowledged counts once it is more than one answer carries: the client should have been back. */
  get bufferedAmount(): number {
    const { _backChannel: channel, _lastArrayId: last, _lastSentArrayId: sent } = this.socket;
    return (sent < last || this.#held > ANSWER ? this.#held : 0) + (channel?.res.writableLength ?? 0);
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NO_OBSERVER) };
  }

  send(frame: Frame): void {
    if (this.over || this.closing) return;
    const text = textOf(frame);
    this.#held += text.length;
    this.socket.send(text, () => {
      this.#held -= text.length;
    });
  }

  /** Notes that a request, and its messages, have come. */
  take(rid: number, { first, frames }: Load): void {
    if (rid === this.rid) this.rid++;
    this.expected = Math.max(this.expected, first + frames.length);
  }

  /** Answers as if it were still here, and the client came for what is written: it will read that this is over. */
  ignore(response: ServerResponse): void {
    const status = JSON.stringify([1, this.socket._lastSentArrayId, 0]);
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end(`${status.length}\n${status}`);
  }

  pause(): void {
    this.gate.shut = !this.over;
  }

  resume(): void {
    this.gate.open();
  }

  close(): void {
    if (!this.over) this.#stop();
  }

  destroy(): void {
    this.closing = true;
    this.socket._backChannel?.res.destroy();
    this.socket.close('Cut');
  }

  /** The peer broke a rule. */
  fail(code: number, reason: string): void {
    if (this.over) return;
    this.#end().error?.(dropped(code, reason, new Error(reason)));
    this.#stop();
  }

  /** The client has said goodbye. A request it gave up before that, whose turn it would be, is not waited for. */
  left(): void {
    if (this.socket.state !== 'closed') this.#late ??= this.#scheduler.schedule(() => this.socket.close('Disconnected'), CLOSING);
  }

  /** The framework drops what it has not sent when it closes: the client is told first. */
  #stop(): void {
    if (this.closing) return;
    this.closing = true;
    this.socket.stop(() => this.hangUp());
    this.#late ??= this.#scheduler.schedule(() => this.hangUp(), CLOSING);
  }

  /** Closes without a word. */
  hangUp(): void {
    const { res: response } = this.socket._backChannel ?? {};
    this.socket.close();
    if (response === undefined || response.writableFinished) return;
    const cut = this.#scheduler.schedule(() => response.destroy(), CLOSING);
    response.once('close', () => cut.unsubscribe());
  }

  #closed(message: string | undefined): void {
    this.#late?.unsubscribe();
    this.gate.open();
    if (this.over) return;
    const clean = this.closing || message === 'Disconnected';
    const observer = this.#end();
    if (clean) observer.complete?.();
    else observer.error?.(dropped(undefined, message));
  }

  #end(): Partial<Observer<Frame>> {
    this.over = true;
    this.gate.open();
    return this.#observer;
  }
}
