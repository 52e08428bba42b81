import type { Duplex } from 'node:stream';
import type { Observer, SchedulerLike, Unsubscribable } from 'rxjs';
import { dropped } from '../../../src/core/errors.js';
import { type Frame, type Link, NO_OBSERVER } from '../../../src/core/link.js';
import { flushAtEndOfTick } from '../../shared/server/flush.js';
import { limitFragments } from '../../shared/server/fragments.js';
import { type FayeWebSocket, OPEN } from './framework.js';

/** How long a peer may take to answer our close, in ms, before the line is cut. */
const CLOSING = 2_000;

/** A WebSocket as a link. What is sent within a tick leaves in one write. */
export class FayeLink implements Link {
  readonly socket: FayeWebSocket;
  readonly #raw: Duplex;
  readonly #scheduler: SchedulerLike;
  #observer: Partial<Observer<Frame>> = NO_OBSERVER;
  #failure: Error | undefined;
  /** Why we cut the line, which the framework then takes for lost. */
  #code: number | undefined;
  #corked = false;
  #paused = false;
  #cut: Unsubscribable | undefined;

  constructor(socket: FayeWebSocket, raw: Duplex, scheduler: SchedulerLike) {
    this.socket = socket;
    this.#raw = raw;
    this.#scheduler = scheduler;
    socket.on('message', ({ data }) => this.#received(data));
    socket.on('error', ({ message }) => {
      this.#failure = new Error(message);
    });
    socket.on('close', ({ code, reason }) => this.#closed(this.#code ?? code, reason));
    limitFragments(socket, raw, (code, reason) => {
      this.#code = code;
      this.#failure = new Error(reason);
    });
  }

  get bufferedAmount(): number {
    return this.#raw.writableLength;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NO_OBSERVER) };
  }

  send(frame: Frame): void {
    if (this.socket.readyState !== OPEN) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#raw.cork();
      flushAtEndOfTick(this);
    }
    this.socket.send(typeof frame === 'string' ? frame : Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength));
  }

  flush(): void {
    this.#corked = false;
    this.#raw.uncork();
  }

  pause(): void {
    this.#paused = true;
    this.socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.socket.resume();
  }

  close(code = 1000, reason = ''): void {
    if (this.socket.readyState !== OPEN) return;
    // Others are not an application's to send, and the framework throws at them.
    this.socket.close(code >= 3000 && code <= 4999 ? code : 1000, reason);
    this.#cut = this.#scheduler.schedule(() => this.destroy(), CLOSING);
  }

  destroy(): void {
    this.#raw.destroy();
  }

  #received(data: string | Buffer): void {
    // The framework goes on reading when what it writes has left, whoever stopped it.
    if (this.#paused) this.socket.pause();
    this.#observer.next?.(data);
  }

  #closed(code: number, reason: string): void {
    this.#cut?.unsubscribe();
    if (this.#failure === undefined && (code === 1000 || code === 1005)) this.#observer.complete?.();
    else this.#observer.error?.(dropped(code, reason, this.#failure));
  }
}
