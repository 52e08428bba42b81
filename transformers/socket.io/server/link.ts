import type { Socket } from 'socket.io';
import type { Frame } from '../../../src/core/link.js';
import { EngineLink } from '../../engine.io/server/link.js';
import { frameOf } from '../options.js';

/** A Socket.IO socket as a link, on the engine below it. */
export class SocketIOLink extends EngineLink {
  private io: Socket | undefined;

  override get socket(): unknown {
    return this.io;
  }

  /** The client has joined the namespace. */
  join(io: Socket): void {
    this.io = io;
    io.on('message', (...args: unknown[]) => {
      const frame = frameOf(args[0]);
      if (frame !== undefined) this.arrived(frame);
      // A client may ask for an acknowledgement.
      const acknowledge = args.at(-1);
      if (typeof acknowledge === 'function') acknowledge();
    });
    // The connection of a client that leaves the namespace has no further use.
    io.on('disconnect', () => this.close());
  }

  protected override listen(): void {}

  protected override transmit(frame: Frame): void {
    this.io?.emit('message', frame);
  }
}
