import type { Socket, TransportError } from 'engine.io-client';
import type { WebSocketLike } from '../../../client/platform/platform.js';
import { dropped } from '../../../src/core/errors.js';
import type { Frame } from '../../../src/core/link.js';
import { GuardedLink } from '../../shared/guarded-link.js';
import { endOfWebSocket } from '../../shared/link-base.js';
import type { Dial } from './dial.js';
import { droppedByStatus } from './errors.js';

/** A socket of the engine as a link. */
export class EngineLink extends GuardedLink {
  readonly engine: Socket;
  protected readonly dial: Dial;
  #failure: Error | undefined;

  constructor(engine: Socket, dial: Dial) {
    super(dial.target.platform.scheduler, dial.target.maxLength);
    this.engine = engine;
    this.dial = dial;
    engine.on('error', (error) => {
      this.#failure ??= error as Error;
    });
    engine.on('upgrading', () => {
      // The engine waits for the poll under way before it upgrades.
      this.dial.release();
      // Polls stay paused when the WebSocket fails now, and nothing would be heard of the server until the engine's heartbeat is late.
      engine.on('upgradeError', () => this.destroy());
    });
    engine.on('upgrade', () => {
      if (this.dial.paused) this.pause();
    });
    engine.on('close', (reason, details) => this.#engineClosed(reason, details));
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

  send(frame: Frame): void {
    if (!this.ended) this.transmit(frame);
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

  destroy(): void {
    this.dial.abort();
    this.engine.transport.emit('close' as never, ...([{ description: 'destroyed' }] as never));
  }

  // Frameworks on top of the engine override these.

  /** Calls `arrived` for every frame. */
  protected listen(): void {
    this.engine.on('message', (data) => this.arrived((data ?? '') as string | ArrayBuffer));
  }

  protected transmit(frame: Frame): void {
    this.engine.send(frame as string);
  }

  protected arrived(data: string | ArrayBuffer | Uint8Array): void {
    const frame = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    // In characters: frames of a WebSocket were measured in bytes already, where the platform can.
    this.received(frame, frame.length > this.maxLength);
  }

  protected override doClose(): void {
    this.resume();
    this.setDeadline(() => this.destroy());
    this.engine.close();
  }

  protected override doFail(): void {
    this.destroy();
  }

  /** The WebSocket, once it carries the connection. */
  get #upgraded(): WebSocketLike | undefined {
    return this.engine.transport?.name === 'websocket' ? this.dial.websocket : undefined;
  }

  #engineClosed(reason: string, details: unknown): void {
    const { code, reason: said } = (details as { context?: { code?: number; reason?: string } } | undefined)?.context ?? {};
    const { description, context } = (this.#failure ?? {}) as Partial<TransportError>;
    const why = said || reason;
    if (!this.#failure) this.closed(endOfWebSocket(reason === 'forced close' ? 1000 : code, why));
    else if (typeof description === 'number' && description > 0) this.closed(droppedByStatus(description, context as XMLHttpRequest));
    // The failures of a connection that was open are everyday.
    else this.closed(dropped(code, why, this.dial.isOpen ? undefined : this.#failure));
  }
}
