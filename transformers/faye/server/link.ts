import type { Duplex } from 'node:stream';
import type { SchedulerLike } from 'rxjs';
import type { Frame } from '../../../src/core/link.js';
import { destroyLate } from '../../shared/destroy-late.js';
import { endOfWebSocket, LinkBase } from '../../shared/link-base.js';
import { FayeInput, type FayeInputLink } from '../../shared/server/faye-input.js';
import { flushAtEndOfTick } from '../../shared/server/flush.js';
import { type FayeWebSocket, OPEN } from './framework.js';

/** A WebSocket as a link. The frames of one tick leave in one write. */
export class FayeLink extends LinkBase implements FayeInputLink {
  incomplete = 0;
  readonly socket: FayeWebSocket;
  readonly #raw: Duplex;
  readonly #input: FayeInput;
  readonly #scheduler: SchedulerLike;
  #failure: Error | undefined;
  /** The code of a connection that we terminated; to the framework it is a lost one. */
  #code: number | undefined;
  #corked = false;

  constructor(socket: FayeWebSocket, raw: Duplex, scheduler: SchedulerLike) {
    super();
    this.socket = socket;
    this.#raw = raw;
    this.#scheduler = scheduler;
    socket.on('message', ({ data }) => this.observer.next?.(data));
    socket.on('error', ({ message }) => {
      this.#failure = new Error(message);
    });
    socket.on('close', ({ code, reason }) => this.#closed(this.#code ?? code, reason));
    this.#input = new FayeInput(socket, raw, scheduler, this);
  }

  get bufferedAmount(): number {
    return this.#raw.writableLength + this.#input.compressing;
  }

  /** Reads the bytes that came along with the handshake. */
  read(head: Buffer): void {
    if (!this.#raw.destroyed) this.#input.read(head);
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
    if (!this.#corked) return;
    this.#corked = false;
    this.#raw.uncork();
  }

  pause(): void {
    this.#input.pause();
  }

  resume(): void {
    this.#input.resume();
  }

  close(code = 1000, reason = ''): void {
    if (this.socket.readyState !== OPEN) return;
    this.#input.close(code, reason);
    this.socket.close(1000, reason);
    destroyLate(this.#raw, this.#scheduler);
  }

  destroy(): void {
    this.#raw.destroy();
  }

  reportIncomplete(bytes: number): void {
    this.observer.incomplete?.(bytes);
  }

  exceeded(code: number, reason: string): void {
    this.#code = code;
    this.#failure = new Error(reason);
  }

  #closed(code: number, reason: string): void {
    this.emitEnd(endOfWebSocket(code, reason, this.#failure));
  }
}
