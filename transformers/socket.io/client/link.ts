import type { Socket } from 'socket.io-client';
import type { Frame } from '../../../src/core/link.js';
import { EngineLink } from '../../engine.io/client/link.js';
import { frameOf } from '../options.js';

/** A socket of Socket.IO as a link. */
export class SocketIOLink extends EngineLink {
  private io!: Socket;

  override get socket(): unknown {
    return this.io;
  }

  join(io: Socket): void {
    this.io = io;
    io.on('message', (data: unknown) => {
      const frame = frameOf(data);
      if (frame !== undefined) this.received(frame);
    });
  }

  protected override listen(): void {}

  protected override transmit(frame: Frame): void {
    this.io.emit('message', frame);
  }
}
