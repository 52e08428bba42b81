import type { Socket, TransportError } from 'engine.io-client';
import type { Observer, SchedulerLike, Unsubscribable } from 'rxjs';
import type { WebSocketLike } from '../../../client/platform/platform.js';
import { dropped, LinkError } from '../../../src/core/errors.js';
import { type Frame, type Link, NO_OBSERVER } from '../../../src/core/link.js';
import { answered } from './answered.js';
import type { Dial } from './dial.js';

/** How long a peer may take to answer our close, in ms, before the line is cut. */
const CLOSING = 2_000;

/** A socket of the engine as a link. */
export class EngineLink implements Link {
  readonly engine: Socket;
  protected readonly dial: Dial;
  #observer: Partial<Observer<Frame>> = NO_OBSERVER;
  #failure: Error | undefined;
  #ended = false;
  #late: Unsubscribable | undefined;

  constructor(engine: Socket, dial: Dial) {
    this.engine = engine;
    this.dial = dial;
    engine.on('error', (error) => {
      this.#failure ??= error as Error;
    });
    // The engine waits for the poll under way before it upgrades.
    engine.on('upgrading', () => this.dial.release());
    engine.on('upgrade', () => {
      if (this.dial.paused) this.pause();
    });
    engine.on('close', (reason, details) => this.#closed(reason, details));
    this.listen();
  }

  get socket(): unknown {
    return this.engine;
  }

  get bufferedAmount(): number {
    let waiting = this.#upgraded?.bufferedAmount ?? 0;
    for (const { data } of this.engine.writeBuffer) waiting += (data as Frame | undefined)?.length ?? 0;
    return waiting;
  }

  subscribe(observer: Partial<Observer<Frame>>): Unsubscribable {
    this.#observer = observer;
    return { unsubscribe: () => this.subscribe(NO_OBSERVER) };
  }

  send(frame: Frame): void {
    if (!this.#ended) this.transmit(frame);
  }

  pause(): void {
    this.dial.paused = true;
    this.#upgraded?.pause?.();
  }

  resume(): void {
    this.dial.paused = false;
    this.#upgraded?.resume?.();
    this.dial.release();
  }

  close(): void {
    if (this.#ended || this.#late) return;
    this.resume();
    const { scheduler } = this.dial.target.platform as { scheduler: SchedulerLike };
    this.#late = scheduler.schedule(() => this.destroy(), CLOSING);
    this.engine.close();
  }

  destroy(): void {
    if (this.#ended) return;
    this.dial.abort();
    this.engine.transport.emit('close' as never, ...([{ description: 'destroyed' }] as never));
  }

  /** Has `received` called for every frame. */
  protected listen(): void {
    this.engine.on('message', (data) => this.received((data ?? '') as string | ArrayBuffer));
  }

  protected transmit(frame: Frame): void {
    this.engine.send(frame as string);
  }

  protected received(data: string | ArrayBuffer | Uint8Array): void {
    if (this.#ended) return;
    const frame = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    // In characters: what comes over a WebSocket was measured in bytes already, where that can be done.
    if (frame.length <= this.dial.target.maxLength) return this.#observer.next?.(frame);
    this.#failure = new LinkError('ERR_PRIMUS_DROPPED', `A message of ${frame.length} exceeds maxLength`, { closeCode: 1009 });
    this.destroy();
  }

  /** The WebSocket, once it carries the connection. */
  get #upgraded(): WebSocketLike | undefined {
    return this.engine.transport?.name === 'websocket' ? this.dial.websocket : undefined;
  }

  #closed(reason: string, details: unknown): void {
    this.#ended = true;
    this.#late?.unsubscribe();
    const { code, reason: said } = (details as { context?: { code?: number; reason?: string } } | undefined)?.context ?? {};
    const { description, context } = (this.#failure ?? {}) as Partial<TransportError>;
    if (!this.#failure && (reason === 'forced close' || code === 1000 || code === 1005)) {
      this.#observer.complete?.();
    } else if (typeof description === 'number' && description > 0) {
      this.#observer.error?.(answered(description, context as XMLHttpRequest));
    } else {
      const broken = this.#failure instanceof LinkError ? this.#failure : undefined;
      const cause = this.dial.isOpen ? broken : this.#failure;
      this.#observer.error?.(dropped(broken?.closeCode ?? code, said || reason, cause));
    }
  }
}
