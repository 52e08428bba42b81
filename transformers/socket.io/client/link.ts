import type { Socket } from 'socket.io-client';
import type { Frame } from '../../../src/core/link.js';
import { EngineLink } from '../../engine.io/client/link.js';
import { frameOf } from '../options.js';

/** A Socket.IO socket as a link, on the engine below it. */
export class SocketIOLink extends EngineLink {
  private io!: Socket;

  override get socket(): unknown {
    return this.io;
  }

  /** Listens to the socket, which may not be connected yet. */
  join(io: Socket): void {
    this.io = io;
    io.on('message', (data: unknown) => {
      const frame = frameOf(data);
      if (frame !== undefined) this.arrived(frame);
    });
  }

  protected override listen(): void {}

  protected override transmit(frame: Frame): void {
    this.io.emit('message', frame);
  }
}
