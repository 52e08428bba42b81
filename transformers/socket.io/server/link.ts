import type { Socket } from 'socket.io';
import type { Frame } from '../../../src/core/link.js';
import { EngineLink } from '../../engine.io/server/link.js';
import { frameOf } from '../options.js';

/** A socket of Socket.IO as a link. */
export class SocketIOLink extends EngineLink {
  private io: Socket | undefined;

  override get socket(): unknown {
    return this.io;
  }

  join(io: Socket): void {
    this.io = io;
    io.on('message', (...args: unknown[]) => {
      const frame = frameOf(args[0]);
      if (frame !== undefined) this.received(frame);
      // Whoever asks whether it arrived is told that it did.
      const acknowledge = args.at(-1);
      if (typeof acknowledge === 'function') acknowledge();
    });
    // Nothing is left to be said on the line of a client that leaves the namespace.
    io.on('disconnect', () => this.close());
  }

  protected override listen(): void {}

  protected override transmit(frame: Frame): void {
    this.io?.emit('message', frame);
  }
}
