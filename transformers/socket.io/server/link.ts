import type { Socket as EngineSocket } from 'engine.io';
import type { Socket } from 'socket.io';
import type { Frame } from '../../../src/core/link.js';
import { EngineLink } from '../../engine.io/server/link.js';
import { frameOf } from '../options.js';

/** A packet that asks to join the namespace `/`, perhaps with credentials. */
const JOIN = /^0(?:\/,)?(?:\{|$)/;

/** A Socket.IO socket as a link, on the engine below it. */
export class SocketIOLink extends EngineLink {
  private io: Socket | undefined;
  private joined: (() => void) | undefined;

  constructor(...[engine, host]: ConstructorParameters<typeof EngineLink>) {
    super(engine, host);
    this.waitForJoin(engine);
  }

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
    this.joined?.();
    this.joined = undefined;
  }

  protected override listen(): void {}

  protected override transmit(frame: Frame): void {
    this.io?.emit('message', frame);
  }

  /** Socket.IO joins a client later, and closes the connection of one that sends events before: those behind the request to join wait. */
  private waitForJoin(engine: EngineSocket): void {
    const [decode] = engine.listeners('data') as ((packet: unknown) => void)[];
    const behind: unknown[] = [];
    const keep = (packet: unknown) => void behind.push(packet);
    const watch = (packet: unknown) => {
      if (decode === undefined || typeof packet !== 'string' || !JOIN.test(packet)) return;
      engine.removeListener('data', watch).removeListener('data', decode).on('data', keep);
      this.pause();
      this.joined = () => {
        engine.removeListener('data', keep).on('data', decode);
        behind.forEach(decode);
        this.resume();
      };
    };
    engine.on('data', watch);
    // A client of Socket.IO 2 joins by connecting.
    this.joined = () => engine.removeListener('data', watch);
  }
}
